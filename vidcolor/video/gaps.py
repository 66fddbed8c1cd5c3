"""Frames that a container has skipped without a word show as gaps in the times of those that are left."""

from fractions import Fraction

LONG = 1.75
"""Times its duration that a frame must stand for a gap; soft telecine comes to 1.5."""
RARE = 0.05
"""Share of frames before a gap above which the film has no even rate, so that its gaps mean nothing."""


class Gaps:
    """The gaps of one film, as far as its losses do not explain them."""

    def __init__(self, step: int) -> None:
        """`step` are the ticks from frame to frame where a frame does not say its own."""
        self._step, self._last = step, 0
        self._end: int | None = None
        self._frames = self._count = self._still = self._first = 0

    def follow(self, pts: int, duration: int, last_loss: int | None) -> None:
        """The next frame; `last_loss` is the pts of the newest frame that is known to be lost."""
        self._frames += 1
        # The first frame of an AVI often stands for as long as its decoder waits for B frames.
        is_explained = self._frames == 2 or (last_loss is not None and last_loss >= self._last)
        if self._end is not None and pts - self._last > LONG * (self._end - self._last) and not is_explained:
            self._first = self._first if self._count else self._end
            self._count += 1
            self._still += pts - self._end
        self._last, self._end = pts, pts + (duration or self._step)

    def warning(self, tick: Fraction) -> str | None:
        """One line, where gaps are rare enough to mean something. `tick` is in seconds."""
        if not 0 < self._count <= max(1, self._frames * RARE):
            return None
        still, first = float(self._still * tick), float(self._first * tick)
        times = "once" if self._count == 1 else f"{self._count} times"
        return f"frames may be missing: the picture stands still {times}, for {still:.3f} s, from {first:.3f} s on"
