"""Where the things in one frame were in another, and how far that can be believed."""

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LUMA_TOLERANCE = 0.025
"""Difference of Y′ at which a match is believed to 61 % (one standard deviation)."""
LEAST_GAIN = 0.005
"""Difference of Y′ by which moving must match better than staying: else grain alone would make things move."""
GAIN_BLUR = 2.0
"""Standard deviation, in pixels, of the neighbourhood that moves or stays together."""
LEAST_SIDE = 32
"""Pictures narrower or lower than this are matched in place: OpenCV's flow may crash on them."""


@dataclass(frozen=True)
class Motion:
    """How to fetch pixels of another frame to where they are in this one."""

    places: Floats
    """(2, h, w): x and y in the other frame, in pixels."""
    confidence: Floats
    """(h, w) in 0..1: near 1 where the luma fetched is the luma of this frame."""

    def fetch(self, planes: Floats) -> Floats:
        """(C, h, w) of the other frame -> (C, h, w), moved to this frame; 0 where it comes from outside."""
        return np.stack([_fetch(plane, self.places) for plane in planes])


@dataclass(frozen=True)
class MotionFinder:
    """Dense inverse search optical flow (Kroeger et al., arXiv:1603.03590) between luma pictures."""

    _flow: cv2.DISOpticalFlow = field(
        default_factory=lambda: cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    )

    def __call__(self, luma: Floats, other: Floats) -> Motion:
        """Two pictures (h, w) of Y′ in 0..1 -> the motion that fetches from `other` to `luma`.

        Confidence is exp(-d² / 2σ²) for the luma difference d, as in Lai et al. (arXiv:1808.00449) with a smaller σ.
        """
        places, difference = _grid(*luma.shape), _difference(luma, other)
        if min(luma.shape) >= LEAST_SIDE:
            start = np.zeros((*luma.shape, 2), dtype=np.float32)
            moved = places + self._flow.calc(_bytes(luma), _bytes(other), start).transpose(2, 0, 1)
            moved_difference = _difference(luma, _fetch(other, moved))
            gain = cv2.GaussianBlur(np.abs(difference) - np.abs(moved_difference), (0, 0), GAIN_BLUR)
            places = np.where(gain > LEAST_GAIN, moved, places)
            difference = np.where(gain > LEAST_GAIN, moved_difference, difference)
        return Motion(places, np.exp(np.square(difference) * np.float32(-0.5 / LUMA_TOLERANCE**2)))


def _difference(luma: Floats, other: Floats) -> Floats:
    """luma - other, less its median, because film that flickers as a whole has not moved."""
    difference = luma - other
    left: Floats = difference - np.median(difference[::4, ::4])
    return left


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Floats:
    return np.stack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32)


def _bytes(luma: Floats) -> NDArray[np.uint8]:
    return (luma * 255).astype(np.uint8)


def _fetch(plane: Floats, places: Floats) -> Floats:
    across, down = places
    moved = cv2.remap(plane, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(moved, dtype=np.float32)
