"""The critic of pix2pix: which patches of a picture have true colours."""

import torch
from torch import Tensor, nn

from vidcolor.networks.blocks import start_like_pix2pix
from vidcolor.networks.regression import AB_UNIT

WIDTH = 64
"""Channels of the first layer."""


class PatchCritic(nn.Module):
    """The 70 x 70 PatchGAN of Isola et al. 2017: every logit judges a patch of 70 pixels each way."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, WIDTH, 4, 2, padding=1),
            nn.LeakyReLU(0.2),
            *_normed(WIDTH, 2 * WIDTH, stride=2),
            *_normed(2 * WIDTH, 4 * WIDTH, stride=2),
            *_normed(4 * WIDTH, 8 * WIDTH, stride=1),
            nn.Conv2d(8 * WIDTH, 1, 4, padding=1),
        )
        start_like_pix2pix(self)

    def forward(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """lightness (N, 1, H, W) in -1..1 and ab (N, 2, H, W) -> logits (N, 1, H/8 - 2, W/8 - 2), high where true."""
        logits: Tensor = self.layers(torch.cat((lightness, ab / AB_UNIT), dim=1))
        return logits


def _normed(inputs: int, outputs: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, 4, stride, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)
