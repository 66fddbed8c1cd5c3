"""`pix2pix`: the U-Net generator of Isola et al. 2017, as a course proposal (Gendre) would colour with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcolor.color import lab_to_rgb, rgb_to_lab
from vidcolor.networks.base import Features, Network, NetworkConfig
from vidcolor.networks.blocks import Noise, start_like_pix2pix
from vidcolor.networks.regression import AB_UNIT
from vidcolor.networks.settings import check_choice, check_range

CHANNELS = {"ab": 2, "rgb": 3}
WIDEST = 8
"""No level is wider than the first by more than this factor."""
NOISY = (1, 2, 3)
"""Levels on the way up that have noise, counted from the innermost, which has none."""


@dataclass(frozen=True)
class Pix2pixConfig(NetworkConfig):
    levels: int = 7
    """Halvings, 2..10; 7 bring 128 pixels down to one."""
    width: int = 64
    """Channels of the first level."""
    dropout: float = 0.5
    """Share of the noisy levels that is zero."""
    l1_weight: float = 100.0
    target: str = "ab"
    """What is predicted: "ab", or "rgb", all of R′G′B′, whose ab is used."""

    def __post_init__(self) -> None:
        check_choice("target", self.target, CHANNELS)
        check_range("levels", self.levels, 2, below=11)
        check_range("width", self.width, 1)
        check_range("dropout", self.dropout, 0, below=1)
        check_range("l1_weight", self.l1_weight, 0)


class Pix2pix(Network):
    """raw is (N, 2, h, w), ab in units of 128, or (N, 3, h, w), R′G′B′ in -1..1. The critic is the trainer's."""

    config: Pix2pixConfig
    recipe: Mapping[str, Any] = {
        "optimizer": "adam",
        "momentum": 0.5,
        "rate": 2e-4,
        "weight_decay": 0.0,
        "schedule": "constant",
        "joint_share": 1.0,
        "joint_rate": 2e-4,
        "gan_weight": 1.0,
        "film_look": 0.0,
        "size": 128,
        "batch_size": 16,
    }

    def __init__(self, config: Pix2pixConfig):
        super().__init__()
        self.config = config
        self.multiple = 2**config.levels
        widths = [config.width * min(2**level, WIDEST) for level in range(config.levels)]
        self.down = nn.ModuleList(
            _down(inputs, outputs, normed=0 < level < config.levels - 1)
            for level, (inputs, outputs) in enumerate(zip([1, *widths], widths, strict=False))
        )
        self.up = nn.ModuleList(
            _up(widths[level] * (1 if level == config.levels - 1 else 2), widths[level - 1], self._noise(level))
            for level in range(config.levels - 1, 0, -1)
        )
        self.up.append(
            nn.Sequential(nn.ConvTranspose2d(2 * widths[0], CHANNELS[config.target], 4, 2, padding=1), nn.Tanh())
        )
        start_like_pix2pix(self)

    def _noise(self, level: int) -> tuple[nn.Module, ...]:
        inside = self.config.levels - 1 - level
        return (Noise(self.config.dropout, seed=inside),) if inside in NOISY else ()

    def encode(self, lightness: Tensor) -> Features:
        """What every level makes on the way down, (N, C, h/2, w/2) first."""
        features = []
        for down in self.down:
            lightness = down(lightness)
            features.append(lightness)
        return tuple(features)

    def decode(self, features: Features, context: Tensor | None = None) -> Tensor:
        *skipped, x = features
        for up in self.up:
            x = up(x)
            if skipped:
                x = torch.cat((x, skipped.pop()), dim=1)
        return x

    def to_ab(self, raw: Tensor) -> Tensor:
        if self.config.target == "ab":
            return AB_UNIT * raw.float()
        with torch.autocast(raw.device.type, enabled=False):
            return rgb_to_lab((raw.float() + 1) / 2)[:, 1:]

    def loss(self, raw: Tensor, lab: Tensor) -> dict[str, Tensor]:
        return {"l1": self.config.l1_weight * F.l1_loss(raw.float(), self._target(lab.float()))}

    def _target(self, lab: Tensor) -> Tensor:
        if self.config.target == "ab":
            return lab[:, 1:] / AB_UNIT
        with torch.autocast(lab.device.type, enabled=False):
            return lab_to_rgb(lab).clamp(0, 1) * 2 - 1

    def best_ab(self, lab: Tensor) -> Tensor:
        """The truth: every pixel has a colour of its own."""
        return lab[:, 1:]


def _down(inputs: int, outputs: int, normed: bool) -> nn.Sequential:
    norm = (nn.BatchNorm2d(outputs),) if normed else ()
    return nn.Sequential(nn.Conv2d(inputs, outputs, 4, 2, padding=1, bias=not normed), *norm, nn.LeakyReLU(0.2))


def _up(inputs: int, outputs: int, noise: tuple[nn.Module, ...]) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(inputs, outputs, 4, 2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), *noise, nn.ReLU())
