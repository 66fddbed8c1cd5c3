"""`resnet18`, the half ResNet of a course report (Bolker and Prochowski), after Melas-Kyriazi 2018."""

from collections.abc import Mapping
from typing import Any

import torchvision
from torch import nn

from vidcolor.networks.blocks import doubling
from vidcolor.networks.pretrained import load_into, load_weights
from vidcolor.networks.regression import EncoderDecoder, RegressionConfig


class Resnet18(EncoderDecoder):
    """ResNet-18 up to its second stage on one grey channel, and an upsampler whose last layer is linear.

    The report's listing starts from random weights, so nothing is frozen. It names no rate for this network; its slides
    lower that of the other from 0.01, which is Melas-Kyriazi's, to 0.001, and say that this helped. The pictures are
    of 256 pixels in its diagram; the 128 in the listing is never used. It keeps every epoch and finds the tenth best.
    """

    multiple = 8
    recipe: Mapping[str, Any] = {
        "optimizer": "adam",
        "rate": 1e-3,
        "weight_decay": 0.0,
        "schedule": "constant",
        "size": 256,
        "film_look": 0.0,
        "keep_every": 1,
    }

    def __init__(self, config: RegressionConfig):
        super().__init__()
        self.config = config
        self.encoder = _grey_half(torchvision.models.resnet18(num_classes=365))
        self.decoder = nn.Sequential(
            *_normed_convolution(128, 128),
            doubling(),
            *_normed_convolution(128, 64),
            *_normed_convolution(64, 64),
            doubling(),
            *_normed_convolution(64, 32),
            nn.Conv2d(32, 2, 3, padding=1),
            doubling(),
        )

    def load_encoder(self, source: str) -> None:
        """From torchvision's ResNet-18 or a file of one, of however many classes."""
        resnet = torchvision.models.resnet18()
        resnet.fc = nn.Identity()
        weights = load_weights("resnet18", source)
        load_into(resnet, {name: weight for name, weight in weights.items() if not name.startswith("fc.")}, source)
        self.encoder.load_state_dict(_grey_half(resnet).state_dict())


def _grey_half(resnet: nn.Module) -> nn.Sequential:
    """Up to layer2; one grey channel gives what three equal ones gave."""
    first: nn.Conv2d = resnet.conv1  # type: ignore[assignment]
    first.weight, first.in_channels = nn.Parameter(first.weight.detach().sum(dim=1, keepdim=True)), 1
    return nn.Sequential(*list(resnet.children())[:6])


def _normed_convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
