"""How much colour a picture shows, and how much of that is more than a tone."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

LEVELS = 20
"""Steps of lightness within which colours are compared."""


@dataclass(frozen=True)
class Colorfulness:
    """Of one picture, in units of a*b*."""

    chroma: float
    """Mean C*ab."""
    spread: float
    """Rms distance of a*b* from its mean over the pixels of the same lightness.

    A toned picture shows the same colour wherever it is as light, be it sepia, cyanotype or two tones: it has little.
    """


def measure_colors(rgb: NDArray[np.float32]) -> Colorfulness:
    """(h, w, 3) R′G′B′ in 0..1, shrunken: noise and fine texture are to be averaged away."""
    lightness, a, b = cv2.cvtColor(rgb, cv2.COLOR_RGB2Lab).reshape(-1, 3).T
    level = np.minimum(lightness * (LEVELS / 100), LEVELS - 1).astype(np.intp)
    count = np.maximum(np.bincount(level), 1)
    a_away, b_away = (value - (np.bincount(level, value) / count)[level] for value in (a, b))
    spread = np.sqrt(np.square(a_away).mean() + np.square(b_away).mean())
    return Colorfulness(float(np.hypot(a, b).mean()), float(spread))
