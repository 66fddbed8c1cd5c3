"""How much a source may claim before it is refused: against files made to fill the memory or to run for years."""

from dataclasses import dataclass
from pathlib import Path

from vidcolor.errors import ConfigError, InputError

HIGHEST_RATE = 60
"""Frames a second up to which `hours` are counted in frames; what runs faster is refused the sooner."""


@dataclass(frozen=True)
class Limits:
    """What a header may say. The defaults let a 16K frame and four days of film pass."""

    pixels: int = 200_000_000
    """Of one picture."""
    hours: float = 100
    """Of film; inf: of any length."""

    def __post_init__(self) -> None:
        if self.pixels < 1 or not self.hours > 0:  # nan is neither above nor below
            raise ConfigError(f"limits must be above 0, got {self.pixels} pixels and {self.hours:g} hours")

    @property
    def frames(self) -> float:
        """Pictures in so many hours."""
        return self.hours * 3600 * HIGHEST_RATE

    def check_picture(self, source: Path, width: int, height: int) -> None:
        """Raise InputError where a picture is larger."""
        if width * height > self.pixels:
            raise InputError(
                f"{source}: claims a picture of {width}x{height} pixels, more than {self.pixels}; "
                "raise --max-pixels if you trust it"
            )

    def check_length(self, source: Path, seconds: float) -> None:
        """Raise InputError where a film runs longer."""
        if seconds > self.hours * 3600:
            raise InputError(
                f"{source}: claims {seconds / 3600:.0f} hours of film, more than {self.hours:g}; "
                "raise --max-hours if you trust it"
            )

    def check_frames(self, source: Path, count: int) -> None:
        """Raise InputError where a film has more frames."""
        if count > self.frames:
            raise InputError(
                f"{source}: claims {count} frames, more than {self.hours:g} hours of film hold; "
                "raise --max-hours if you trust it"
            )


USUAL = Limits()
"""What holds where nothing else is said."""
