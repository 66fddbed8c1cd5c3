"""The part of a film that is wanted."""

from dataclasses import dataclass
from fractions import Fraction

from vidcolor.errors import ConfigError


@dataclass(frozen=True)
class Span:
    """A part of a film in seconds from the start of its picture, half-open; None is the start or the end."""

    start: Fraction | None = None
    end: Fraction | None = None

    def __post_init__(self) -> None:
        start = self.start or Fraction(0)
        if start < 0:
            raise ConfigError(f"the span must start at 0 s or later, got {float(start):g} s")
        if self.end is not None and self.end <= start:
            raise ConfigError(f"the span must end after it starts, got {self}")

    def __str__(self) -> str:
        if self.end is None:
            return f"from {float(self.start or 0):g} s on"
        return f"from {float(self.start or 0):g} s to {float(self.end):g} s"

    def count_frames(self, rate: Fraction | None, whole: int | None) -> int | None:
        """About how many frames it has of a film of `whole` frames and that rate; None where that cannot be told."""
        if rate is None or (whole is None and self.end is None):
            return None
        ends = [end for end in (self.end, whole / rate if whole else None) if end is not None]
        return max(1, round((min(ends) - (self.start or 0)) * rate))


WHOLE = Span()
"""From the first frame to the last."""
