"""Terms that a run adds to its network's own loss once every weight is free."""

from collections.abc import Callable

import torch
from torch import Tensor

from vidcolor.losses import Perceptual, colorfulness_gap, disturb, instability
from vidcolor.training.config import TrainConfig

Paint = Callable[[Tensor], Tensor]
"""lightness (N, 1, S, S) in -1..1 -> ab (N, 2, S, S)."""


def wants_extras(config: TrainConfig) -> bool:
    return any((config.perceptual, config.colorfulness, config.stability))


class Extras:
    """Each term times its weight in the TrainConfig; terms of weight 0 are not computed."""

    def __init__(self, config: TrainConfig, device: torch.device):
        self.config = config
        self.perceptual = (
            Perceptual(config.perceptual_network, config.perceptual_weights).to(device) if config.perceptual else None
        )
        self.generator = torch.Generator().manual_seed(config.seed)

    @property
    def active(self) -> bool:
        return wants_extras(self.config)

    @property
    def weights(self) -> dict[str, float]:
        """Of the terms `of_colors`."""
        weights = {"perceptual": self.config.perceptual, "colorfulness": self.config.colorfulness}
        return {name: weight for name, weight in weights.items() if weight}

    def of_colors(self, ab: Tensor, lab: Tensor) -> dict[str, Tensor]:
        """The terms that need nothing but colours: ab (N, 2, S, S), and the truth lab (N, 3, S, S)."""
        terms = {}
        if self.perceptual is not None:
            terms["perceptual"] = self.config.perceptual * self.perceptual(ab, lab)
        if self.config.colorfulness:
            terms["colorfulness"] = self.config.colorfulness * colorfulness_gap(ab, lab)
        return terms

    def terms(self, lightness: Tensor, ab: Tensor, lab: Tensor, paint: Paint) -> dict[str, Tensor]:
        """All of them; lightness as the network saw it, the rest as `of_colors` takes it."""
        terms = self.of_colors(ab, lab)
        if self.config.stability:
            disturbed, shift = disturb(lightness, self.generator)
            terms["stability"] = self.config.stability * instability(ab, paint(disturbed), shift)
        return terms
