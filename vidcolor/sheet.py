"""A contact sheet: columns of grey above coloured, each with its time code."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

COLUMNS = 4
"""At most; the rows are filled evenly."""
GAP = 8
"""Pixels around every pair; half of it between its two."""
GROUND = 32
"""Level of what lies behind."""
FONT = cv2.FONT_HERSHEY_SIMPLEX


@dataclass(frozen=True)
class Pair:
    """One moment of a film."""

    grey: Picture
    """(H, W, 3) R′G′B′."""
    colored: Picture
    """The same size."""
    seconds: Fraction | None = None
    """Its time; None for a still."""


def sheet_size(count: int, height: int, width: int) -> tuple[int, int]:
    """(H, W) of the sheet of so many pairs of this size."""
    rows, columns = _grid(count)
    return rows * _height(height) + GAP, columns * (width + GAP) + GAP


def draw_sheet(pairs: Sequence[Pair]) -> Picture:
    """Pairs of one size, read like text -> (H, W, 3) R′G′B′."""
    height, width = pairs[0].grey.shape[:2]
    _, columns = _grid(len(pairs))
    sheet = np.full((*sheet_size(len(pairs), height, width), 3), GROUND, np.uint8)
    for index, pair in enumerate(pairs):
        top, left = GAP + index // columns * _height(height), GAP + index % columns * (width + GAP)
        for picture in (pair.grey, pair.colored):
            sheet[top : top + height, left : left + width] = _labelled(picture, pair.seconds)
            top += height + GAP // 2
    return sheet


def _grid(count: int) -> tuple[int, int]:
    rows = -(-count // COLUMNS)
    return rows, -(-count // rows)


def _height(height: int) -> int:
    """Of a pair, with the gap below it."""
    return 2 * height + GAP // 2 + GAP


def time_code(seconds: Fraction) -> str:
    """H:MM:SS.t, cut to tenths."""
    tenths = int(max(seconds, Fraction(0)) * 10)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes // 60}:{minutes % 60:02}:{rest // 10:02}.{rest % 10}"


def _labelled(picture: Picture, seconds: Fraction | None) -> Picture:
    """A copy with the time code on a dark plate in its lower left corner."""
    if seconds is None:
        return picture
    words, height = time_code(seconds), len(picture)
    scale = max(0.35, height / 500)
    (wide, high), below = cv2.getTextSize(words, FONT, scale, 1)
    margin, base = max(2, below // 2), height - below
    labelled = np.array(picture, order="C")
    plate = labelled[max(0, base - high - margin) :, : wide + 2 * margin]
    plate //= 3
    cv2.putText(labelled, words, (margin, base), FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return labelled
