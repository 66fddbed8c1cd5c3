"""A long film in windows, from cut to cut, that processes can work on side by side.

A window begins with the first cut in its stretch of time and ends where the next one begins. A stretch without a cut
makes no window: the one before goes on. So windows depend on the film alone, and no memory has to cross their borders.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from vidcolor.frames import FrameBatch, VideoInfo
from vidcolor.shots import REACH, mark_shots
from vidcolor.turn import Turn
from vidcolor.video import Loss, VideoReader, searchable_length

STRETCH = Fraction(60)
"""Seconds in which a window begins."""


def count_windows(film: VideoReader) -> int:
    """How many windows a film has at most; 1 where it is short or cannot be searched."""
    length = searchable_length(film.source, film.limits) or Fraction(0)
    end = length if film.span.end is None else min(length, film.span.end)
    return max(1, math.floor((end - (film.span.start or 0)) / STRETCH))


class Window:
    """One of the `count` windows of a film, read as a film is, its shots marked; it may be empty."""

    def __init__(self, film: VideoReader, number: int, count: int) -> None:
        self._begins: Fraction | float = number * STRETCH if number else -math.inf
        self._ends: Fraction | float = (number + 1) * STRETCH if number + 1 < count else math.inf
        approach = 2 * REACH / film.info.usual_rate
        self._reader = film.begin_at(number * STRETCH - approach if number else None)
        self._first: Fraction | float = math.inf
        self._behind: Fraction | float = math.inf
        self.start: str | None = None
        """What the first frame is known by, once there is one."""
        self.end: str | None = None
        """What the frame behind the last one is known by; None where the film ends."""

    @property
    def source(self) -> Path:
        return self._reader.source

    @property
    def info(self) -> VideoInfo:
        return self._reader.info

    @property
    def turn(self) -> Turn:
        """How the picture is turned for display."""
        return self._reader.turn

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a stored pixel by its height, as shown."""
        return self._reader.pixel_aspect

    @property
    def warnings(self) -> list[str]:
        """Of what changes on the way."""
        return self._reader.warnings

    @property
    def losses(self) -> list[Loss]:
        """Places in the window where the source did not decode."""
        first = -math.inf if self._begins < 0 else self._first
        return [loss for loss in self._reader.losses if first <= loss.seconds < self._behind]

    def batches(self, size: int, skip: int = 0, *, own_chroma: bool = False) -> Iterator[FrameBatch]:
        """The frames of the window as the reader of the whole film gives them, with `first_of_shot`."""
        for batch in mark_shots(self._reader.batches(size, skip, own_chroma=own_chroma), self.info.planes):
            first = 0 if self.start else self._find_cut(batch, self._begins)
            if first is None and self._seconds(batch, -1) < self._ends:
                continue
            if first is None or (not self.start and self._seconds(batch, first) >= self._ends):
                return
            if not self.start:
                self.start, self._first = _known_by(batch, first), self._seconds(batch, first)
            behind = self._find_cut(batch, self._ends)
            if behind is not None:
                self.end, self._behind = _known_by(batch, behind), self._seconds(batch, behind)
            if behind != 0:
                yield _part(batch, slice(first, behind))
            if behind is not None:
                return

    def _seconds(self, batch: FrameBatch, index: int) -> Fraction:
        return batch.pts[index] * self.info.time_base

    def _find_cut(self, batch: FrameBatch, seconds: Fraction | float) -> int | None:
        """The first cut in the batch at that time or later."""
        assert batch.first_of_shot is not None
        cuts = (index for index, is_first in enumerate(batch.first_of_shot) if is_first)
        return next((index for index in cuts if self._seconds(batch, index) >= seconds), None)


def _known_by(batch: FrameBatch, index: int) -> str:
    return f"{batch.pts[index]} {hashlib.sha256(batch.luma[index].cpu().numpy().tobytes()).hexdigest()}"


def _part(batch: FrameBatch, place: slice) -> FrameBatch:
    assert batch.first_of_shot is not None
    return replace(
        batch,
        luma=batch.luma[place],
        pts=batch.pts[place],
        durations=batch.durations[place],
        first_of_shot=batch.first_of_shot[place],
        own_chroma=None if batch.own_chroma is None else batch.own_chroma[place],
    )
