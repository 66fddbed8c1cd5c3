"""The numbers of a training run."""

from dataclasses import dataclass

from vidcolor.color import GREYS
from vidcolor.errors import ConfigError


@dataclass(frozen=True)
class TrainConfig:
    """Plain numbers and strings; saved beside the model."""

    epochs: int = 10
    minutes: float | None = None
    """Measure the run by the clock instead of by epochs."""
    size: int = 160
    """Side of the training crops in pixels."""
    grey: str = "709"
    """What the network is shown of a colour picture, one of `color.GREYS`."""
    batch_size: int = 32
    rate: float = 1.5e-3
    """Learning rate of the frozen stage, and of a network with nothing to freeze; falls along a cosine."""
    free_share: float = 0.25
    """Share of the run, its last part, in which every weight is free."""
    free_batch_size: int = 32
    free_rate: float = 3e-4
    encoder_rate: float = 1e-4
    weight_decay: float = 0.02
    ema: float = 0.999
    film_look: float = 0.5
    """Share of the views that are made to look like old film."""
    cache_features: bool = False
    cache_views: int = 1
    """Different views of every picture that are kept while features are cached."""
    held_out: int = 512
    """Pictures to score on, at most a tenth of all."""
    check_every: int = 8192
    """Samples between two checks: score, sheet, checkpoint."""
    workers: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "size", "batch_size", "free_batch_size", "cache_views", "held_out", "check_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.size % 32:
            raise ConfigError(f"size must be a multiple of 32, got {self.size}")
        if self.grey not in GREYS:
            raise ConfigError(f"grey must be one of {', '.join(GREYS)}, got {self.grey}")
        for name in ("free_share", "film_look", "ema"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must lie in 0..1, got {getattr(self, name)}")
