"""A pretrained ImageNet classifier, kept as it is, that tells what is in a grey picture."""

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from vidcolor.networks.pretrained import HALF, OF_TIMM, as_picture, import_timm, load_into, load_weights, pad_strides

CLASSES = 1000
SIDE = 299
UNFIT = ("googlenet", "inception_v3", "maxvit_", "regnet_y_128gf", "vit_")
"""Of torchvision: those that take no 299 x 299, have more than one output or no weights of the usual kind."""
CLASSIFIERS = (
    *OF_TIMM,
    *(name for name in torchvision.models.list_models(torchvision.models) if not name.startswith(UNFIT)),
)


class Classifier(nn.Module):
    """Always in eval mode: its statistics are those it was trained with."""

    def __init__(self, name: str, padding: str):
        """`name` is one of CLASSIFIERS; `padding` "torch", or "tensorflow" for a MobileNetV2 from there."""
        super().__init__()
        self.name = name
        if name in OF_TIMM:
            self.network = import_timm(name).create_model(name, pretrained=False, num_classes=CLASSES)
        else:
            self.network = torchvision.models.get_model(name, weights=None)
        if padding == "tensorflow":
            pad_strides(self.network, padding)
        self.train(False)

    def forward(self, lightness: Tensor) -> Tensor:
        """lightness (N, 1, H, W) in -1..1 -> what the classifier says before its softmax, (N, 1000)."""
        grey = to_square(lightness.float()).to(lightness.dtype)
        said: Tensor = self.network(as_picture(grey, HALF, HALF) if self.name in OF_TIMM else as_picture(grey))
        return said

    def train(self, mode: bool = True) -> "Classifier":
        return super().train(False)

    def load(self, source: str) -> None:
        """Raises ConfigError or CheckpointError."""
        load_into(self.network, load_weights(self.name, source), source)


def to_square(lightness: Tensor) -> Tensor:
    """(N, 1, H, W) -> (N, 1, 299, 299), bilinear and antialiased; in two products for ONNX: torch exports no other."""
    if torch.onnx.is_in_onnx_export():
        return _triangles(lightness.shape[2]) @ lightness @ _triangles(lightness.shape[3]).T
    return F.interpolate(lightness, (SIDE, SIDE), mode="bilinear", antialias=True)


def _triangles(length: int) -> Tensor:
    """What each of `length` samples weighs in each of 299: (299, length), rows sum to 1."""
    places = torch.arange(length) + 0.5
    scale = (places[-1] + 0.5) / SIDE  # not of `length`, which tracing may freeze
    centers = (torch.arange(SIDE)[:, None] + 0.5) * scale
    weights = (1 - (places - centers).abs() / scale.clamp_min(1)).clamp_min(0)
    return weights / weights.sum(dim=1, keepdim=True)
