"""What of a film did not decode."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Loss:
    """A place where the source did not decode, or only with guessed content."""

    seconds: Fraction
    """From the start of what is read."""
    what: str

    def __str__(self) -> str:
        return f"{float(self.seconds):.3f} s: {self.what}"
