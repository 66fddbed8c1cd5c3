"""`cnn`, the plain convolutional network of a course report (Bolker and Prochowski), after Wallner 2017."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from vidcolor.networks.blocks import convolution, doubling, start_like_keras
from vidcolor.networks.regression import EncoderDecoder, RegressionConfig


class Cnn(EncoderDecoder):
    """The report's Keras summary, layer by layer: 3 892 194 weights. Its last layer is a tanh, as Wallner's."""

    multiple = 8
    recipe: Mapping[str, Any] = {
        "optimizer": "adam",
        "rate": 1e-3,
        "weight_decay": 0.0,
        "schedule": "constant",
        "size": 256,
        "batch_size": 32,
        "film_look": 0.0,
    }

    def __init__(self, config: RegressionConfig):
        super().__init__()
        self.config = config
        self.encoder = nn.Sequential(
            *convolution(1, 64),
            *convolution(64, 64, stride=2),
            *convolution(64, 128),
            *convolution(128, 128, stride=2),
            *convolution(128, 256),
            *convolution(256, 256, stride=2),
            *convolution(256, 512),
            *convolution(512, 256),
        )
        self.decoder = nn.Sequential(
            *convolution(256, 128),
            doubling(),
            *convolution(128, 64),
            doubling(),
            *convolution(64, 32),
            nn.Conv2d(32, 2, 3, padding=1),
            nn.Tanh(),
            doubling(),
        )
        start_like_keras(self)
