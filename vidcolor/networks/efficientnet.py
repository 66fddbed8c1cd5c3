"""EfficientNet-Lite (Google 2020): EfficientNet (Tan and Le 2019) with ReLU6, and without squeeze-and-excitation."""

from collections.abc import Iterator
from functools import partial
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation

from vidcolor.networks.pretrained import pad_strides

STEM, HEAD = 32, 1280
STAGES = (
    # expansion, channels, kernel, stride, blocks
    (1, 16, 3, 1, 1),
    (6, 24, 3, 2, 2),
    (6, 40, 5, 2, 2),
    (6, 80, 3, 2, 3),
    (6, 112, 5, 1, 3),
    (6, 192, 5, 2, 4),
    (6, 320, 3, 1, 1),
)

EPSILON = 1e-3
"""Of Google's batch norms."""


def efficientnet_lite(width: float, depth: float) -> nn.Sequential:
    """The layers before the classes, padded like TensorFlow's; `width` and `depth` are factors on STAGES."""
    layers = nn.Sequential(*_layers(width, depth))
    pad_strides(layers, "tensorflow")
    return layers


def in_order(layers: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A classifier's weights by the names that they have here: authors' names differ, their order does not.

    What comes last, the classes, is left out.
    """
    theirs = fold_norms({name: value for name, value in weights.items() if value.is_floating_point()})
    return dict(zip(layers.state_dict(), theirs.values(), strict=False))


def fold_norms(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without the statistics of batch norms, which go into scale and shift: what a `FixedNorm` holds."""
    folded = dict(weights)
    for name in weights:
        norm = name.removesuffix("running_var")
        if norm != name and {norm + part for part in ("weight", "bias", "running_mean")} <= weights.keys():
            scale = weights[norm + "weight"] * (folded.pop(name) + EPSILON).rsqrt()
            shift = weights[norm + "bias"] - folded.pop(norm + "running_mean") * scale
            folded |= {norm + "weight": scale, norm + "bias": shift}
    return folded


class FixedNorm(nn.Module):
    """Scale and shift of every channel: a batch norm that learns no statistics, and so needs none."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels), persistent=False)
        self.register_buffer("variance", torch.ones(channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape, by the kernel of batch norms."""
        return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, eps=0.0)


_unit = partial(Conv2dNormActivation, norm_layer=FixedNorm)


class _Block(nn.Module):
    """An inverted residual (Sandler et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        inner = inputs * expansion
        self.layers = nn.Sequential(
            *([_unit(inputs, inner, 1, activation_layer=nn.ReLU6)] if expansion > 1 else []),
            _unit(inner, inner, kernel, stride, groups=inner, activation_layer=nn.ReLU6),
            _unit(inner, outputs, 1, activation_layer=None),
        )
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.adds else y


def _layers(width: float, depth: float) -> Iterator[nn.Module]:
    """Stem and head have the same channels at every width, the first and last stage one block at every depth."""
    yield _unit(3, STEM, 3, 2, activation_layer=nn.ReLU6)
    inputs = STEM
    for expansion, channels, kernel, stride, blocks in STAGES:
        outputs = _in_eights(channels * width)
        for number in range(blocks if blocks == 1 else ceil(blocks * depth)):
            yield _Block(inputs, outputs, expansion, kernel, 1 if number else stride)
            inputs = outputs
    yield _unit(inputs, HEAD, 1, activation_layer=nn.ReLU6)


def _in_eights(channels: float) -> int:
    """Rounded to a multiple of 8, and never by more than a tenth down."""
    nearest = int(channels + 4) // 8 * 8
    return nearest if nearest >= 0.9 * channels else nearest + 8
