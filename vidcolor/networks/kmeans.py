"""`kmeans`: every pixel is one of 32 colours, after a course report (Li, Zhang, Xie and Yan)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcolor.color import lab_to_rgb, rgb_to_lab
from vidcolor.networks.base import Features, Network, NetworkConfig
from vidcolor.networks.palette import fit_palette
from vidcolor.networks.settings import check_range

SIDE = 64
"""The picture is seen as a square of so many cells each way."""
UNITS = SIDE * SIDE


@dataclass(frozen=True)
class KmeansConfig(NetworkConfig):
    palette_size: int = 32
    """Q, the number of R′G′B′ colours."""
    kernels: int = 32
    rank: int = 64
    """Columns and rows of the thin matrices whose product is a dense layer."""
    dropout: float = 0.5

    def __post_init__(self) -> None:
        for name in ("palette_size", "kernels", "rank"):
            check_range(name, getattr(self, name), 1)
        check_range("dropout", self.dropout, 0, below=1)


class Kmeans(Network):
    """raw is (N, Q, h, w), logits of the palette, nearest-upsampled from a square of 64 x 64.

    A 3x3 convolution, a dense layer of 64 x 64 units, a dense layer of 64 x 64 x 32 outputs. Read literally the dense
    layers hold 537 million weights each, the network 1 073 877 312, or 4 GB. Here each is a product of two thin
    matrices of rank 64, and beside them a 1x1 convolution leads from every place's own features to its own logits,
    which no thin matrix can: 17 438 016 weights. The loss is the cross-entropy of the one-hot targets that the report
    arrives at; the formula that it still prints is the one that did not converge. Where it drops out, it does not say.

    Its grey is 0.21, 0.72 and 0.007 in print, and reaches from 0 to 255 by its own account: that takes 0.07, Rec. 709
    with fewer digits.
    """

    multiple = 8
    picks_colors = True
    palette: Tensor
    config: KmeansConfig
    recipe: Mapping[str, Any] = {
        "optimizer": "adadelta",
        "rate": 1.0,
        "weight_decay": 0.0,
        "schedule": "constant",
        "size": 64,
        "grey": "709",
        "film_look": 0.0,
        "held_out_share": 0.3,
    }

    def __init__(self, config: KmeansConfig):
        super().__init__()
        self.config = config
        self.convolution = nn.Conv2d(1, config.kernels, 3, padding=1)
        self.dense = nn.Sequential(
            nn.Linear(config.kernels * UNITS, config.rank, bias=False), nn.Linear(config.rank, UNITS), nn.ReLU()
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Sequential(
            nn.Linear(UNITS, config.rank, bias=False), nn.Linear(config.rank, config.palette_size * UNITS)
        )
        self.own = nn.Conv2d(config.kernels, config.palette_size, 1, bias=False)
        self.register_buffer("palette", torch.zeros(config.palette_size, 3))

    def encode(self, lightness: Tensor) -> Features:
        """The lightness itself."""
        return (lightness,)

    def decode(self, features: Features, context: Tensor | None = None) -> Tensor:
        (lightness,) = features
        grey = (lightness + 1) / 2
        seen = self.convolution(_to_square(grey)).relu()
        units = self.dropout(self.dense(seen.flatten(1)))
        logits = self.output(units).view(-1, self.config.palette_size, SIDE, SIDE) + self.own(seen)
        return _from_square(logits, *lightness.shape[2:])

    def to_ab(self, raw: Tensor) -> Tensor:
        """The ab of the likeliest colour."""
        return self._colors(raw.argmax(dim=1))

    def loss(self, raw: Tensor, lab: Tensor) -> dict[str, Tensor]:
        return {"palette": F.cross_entropy(raw.float(), self._nearest(_shown(lab)))}

    def best_ab(self, lab: Tensor) -> Tensor:
        """The palette colour nearest to each cell's mean in R′G′B′."""
        cells = self._nearest(_to_square(_shown(lab)))
        return _from_square(self._colors(cells), *lab.shape[2:])

    def learn_colors(self, rgb: Tensor) -> None:
        palette, _ = fit_palette(rgb * 255, self.config.palette_size)
        self.palette.copy_(palette / 255)

    def _nearest(self, rgb: Tensor) -> Tensor:
        """R′G′B′ (N, 3, h, w) -> index of the nearest palette colour (N, h, w)."""
        distance = torch.cdist(rgb.movedim(1, -1).reshape(-1, 3), self.palette.float())
        return distance.argmin(dim=1).view(-1, *rgb.shape[2:])

    def _colors(self, index: Tensor) -> Tensor:
        """Index (N, h, w) -> ab (N, 2, h, w)."""
        with torch.autocast(index.device.type, enabled=False):
            lab = rgb_to_lab(self.palette.float()[:, :, None, None])[:, :, 0, 0]
        return lab[index, 1:].movedim(-1, 1)


def _shown(lab: Tensor) -> Tensor:
    with torch.autocast(lab.device.type, enabled=False):
        return lab_to_rgb(lab.float()).clamp(0, 1)


def _to_square(picture: Tensor) -> Tensor:
    """(N, C, h, w), 1 is white -> (N, C, 64, 64): filled up to a square with white, right or below."""
    height, width = picture.shape[2:]
    side = max(height, width)
    return F.interpolate(F.pad(picture, (0, side - width, 0, side - height), value=1.0), (SIDE, SIDE), mode="area")


def _from_square(square: Tensor, height: int, width: int) -> Tensor:
    """(N, C, 64, 64) -> (N, C, height, width), without what was filled up."""
    side = max(height, width)
    return F.interpolate(square, (side, side))[..., :height, :width]
