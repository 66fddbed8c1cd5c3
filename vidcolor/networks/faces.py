"""`fusion-faces`: the fusion of a course report that colours portraits (Shah, Agrawal and John)."""

from collections.abc import Mapping
from typing import Any

from torch import nn

from vidcolor.networks.blocks import convolution, doubling
from vidcolor.networks.koala import FusionKoala

DROPOUT = 0.35


class FusionFaces(FusionKoala):
    """As `fusion-koala`, with dropout and another decoder.

    The report's prose and its listings differ in two places, and the prose is followed. It halves the picture three
    times, down to 1/8; the listing has two strides, and at its third convolution the comment of one. It ends in two
    channels and a tanh; the listing has no such layer, but a second dropout before the last upsampling. Here the layer
    stands behind that, so that colours are as fine as the picture.
    """

    cell = 1
    recipe: Mapping[str, Any] = {
        "optimizer": "adam",
        "rate": 1e-3,
        "weight_decay": 0.0,
        "schedule": "constant",
        "epochs": 20,
        "held_out_share": 0.1,
        "free_share": 0.0,
        "film_look": 0.0,
        "size": 256,
        "batch_size": 16,
        "cache_features": True,
    }

    def make_encoder(self) -> nn.Sequential:
        return nn.Sequential(
            *convolution(1, 64, stride=2),
            *convolution(64, 128),
            *convolution(128, 128, stride=2),
            *convolution(128, 256),
            nn.Dropout(DROPOUT),
            *convolution(256, 256, stride=2),
            *convolution(256, 512),
            nn.Dropout(DROPOUT),
            *convolution(512, 256),
            *convolution(256, 256),
        )

    def make_decoder(self) -> nn.Sequential:
        return nn.Sequential(
            *convolution(256, 128),
            doubling(),
            *convolution(128, 64),
            nn.Dropout(DROPOUT),
            doubling(),
            *convolution(64, 32),
            nn.Dropout(DROPOUT),
            *convolution(32, 16),
            nn.Dropout(DROPOUT),
            doubling(),
            nn.Conv2d(16, 2, 3, padding=1),
            nn.Tanh(),
        )
