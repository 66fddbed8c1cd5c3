"""What the regressing networks share: raw is ab in units of 128, compared with the truth cell by cell."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from vidcolor.networks.base import Features, Network, NetworkConfig
from vidcolor.networks.settings import check_choice

AB_UNIT = 128.0
KERAS_EPSILON = 1e-7


def mse(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of two ab (N, 2, h, w) in units of 128."""
    return F.mse_loss(predicted, truth)


def mae(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error of two ab (N, 2, h, w) in units of 128."""
    return F.l1_loss(predicted, truth)


def msle(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean squared logarithmic error of two ab (N, 2, h, w) in units of 128, as Keras defines it.

    Made for counts, it takes what is below zero for zero. In ab that is half of all colours: green and blue pass for
    grey, and an output that has become negative has no gradient to come back by, whatever its picture. So a report got
    pictures of one colour from it; nothing is mended here, so that others can see why.
    """
    return F.mse_loss(predicted.clamp_min(KERAS_EPSILON).log1p(), truth.clamp_min(KERAS_EPSILON).log1p())


LOSSES = {"mse": mse, "mae": mae, "msle": msle}


@dataclass(frozen=True)
class RegressionConfig(NetworkConfig):
    loss: str = "mse"
    """One of LOSSES."""

    def __post_init__(self) -> None:
        check_choice("loss", self.loss, LOSSES)


class Regression(Network):
    """raw is (N, 2, h, w), ab in units of 128."""

    config: RegressionConfig
    cell: int = 2
    """Side in pixels of the squares of one colour that the last upsampling makes."""

    def to_ab(self, raw: Tensor) -> Tensor:
        return (AB_UNIT * raw.float()).clamp(-AB_UNIT, AB_UNIT)

    def loss(self, raw: Tensor, lab: Tensor) -> dict[str, Tensor]:
        name = self.config.loss
        return {name: LOSSES[name](raw.float(), lab[:, 1:] / AB_UNIT)}

    def best_ab(self, lab: Tensor) -> Tensor:
        return F.interpolate(F.avg_pool2d(lab[:, 1:], self.cell), scale_factor=self.cell)


class EncoderDecoder(Regression):
    """An encoder down to 1/8 and a decoder back up, with nothing between them."""

    encoder: nn.Module
    decoder: nn.Module

    def encode(self, lightness: Tensor) -> Features:
        """The bottleneck (N, C, h/8, w/8)."""
        return (self.encoder(lightness),)

    def decode(self, features: Features, context: Tensor | None = None) -> Tensor:
        raw: Tensor = self.decoder(features[0])
        return raw
