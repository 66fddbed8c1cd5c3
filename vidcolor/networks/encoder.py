"""The pretrained classifiers that `fusion` can stand on: rows of layers without the classes, tapped on the way."""

from collections.abc import Callable
from dataclasses import dataclass

import torchvision
from torch import Tensor, nn

from vidcolor.networks.base import Features
from vidcolor.networks.efficientnet import efficientnet_lite, in_order
from vidcolor.networks.pretrained import (
    HALF,
    IMAGENET_MEAN,
    IMAGENET_STD,
    as_picture,
    load_into,
    load_weights,
    pad_strides,
)

VECTOR_SIZE = 1280
"""Of every classifier here: channels of its last layer."""


@dataclass(frozen=True)
class EncoderPlan:
    """How a classifier is built, filled with its weights, and tapped."""

    classifier: str
    """Its name in the library that offers its weights."""
    build: Callable[[str], nn.Sequential]
    """Its layers, padded as one of PADDINGS where it has the choice."""
    ends: tuple[int, int, int, int]
    """The layers whose outputs are the features at strides 4, 8, 16 and 32."""
    channels: tuple[int, int, int, int]
    """Of these features."""
    named: Callable[[nn.Module, dict[str, Tensor]], dict[str, Tensor]]
    """Its weights, by the names of the layers."""
    mean: tuple[float, ...] = HALF
    std: tuple[float, ...] = HALF
    """Of the pictures that it expects."""

    def encode(self, layers: nn.Sequential, lightness: Tensor) -> Features:
        """lightness (N, 1, h, w) in -1..1 -> the features, then the classifier's vector as (N, 1280, 1, 1)."""
        x = as_picture(lightness, self.mean, self.std)
        features = []
        for depth, layer in enumerate(layers):
            x = layer(x)
            if depth in self.ends:
                features.append(x)
        return (*features, x.mean(dim=(2, 3), keepdim=True))

    def load(self, layers: nn.Sequential, source: str) -> None:
        """Raises ConfigError or CheckpointError."""
        load_into(layers, self.named(layers, load_weights(self.classifier, source)), source)


def _mobilenet_v2(padding: str) -> nn.Sequential:
    layers: nn.Sequential = torchvision.models.mobilenet_v2(weights=None).features
    pad_strides(layers, padding)
    return layers


def _without_classes(layers: nn.Module, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix("features."): value for name, value in weights.items() if name.startswith("features.")}


ENCODERS = {
    "mobilenet_v2": EncoderPlan(
        "mobilenet_v2",
        _mobilenet_v2,
        (3, 6, 13, 17),
        (24, 32, 96, 320),
        _without_classes,
        IMAGENET_MEAN,
        IMAGENET_STD,
    ),
    "efficientnet_lite2": EncoderPlan(
        "tf_efficientnet_lite2", lambda _: efficientnet_lite(1.1, 1.2), (4, 7, 15, 21), (24, 48, 120, 352), in_order
    ),
}
