"""The clock of a picture: every frame has a time, above that of the frame before."""

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from av import VideoFrame

CLOCK_RESTART = 1
"""Seconds by which times must fall back to mean that the source's clock began anew."""
CLOCK_JUMP = 600
"""Seconds by which they must run ahead to mean so, in a file of parts: no picture stands still for so long."""

Timed = tuple[VideoFrame, int, int]
"""A frame as decoded, its pts and its duration in ticks."""


class PictureClock:
    """Follows the frames of one film. Times within are ticks."""

    def __init__(
        self, start: int, usual_duration: int, time_base: Fraction, on_jump: Callable[[int, int], None] | None
    ) -> None:
        """`on_jump` is told of every jump ahead, from and to; None where the file is not one of parts."""
        self._start, self._step, self._on_jump = start, usual_duration, on_jump
        self.offset = 0
        """By which the part that is read is moved."""
        self._back, self._ahead = (round(seconds / time_base) for seconds in (CLOCK_RESTART, CLOCK_JUMP))

    def steady(self, frames: Iterable[VideoFrame]) -> Iterator[Timed]:
        """The frames with their pts and durations; a part that begins anew is moved to where the one before ended."""
        self.offset, step = 0, self._step
        last: int | None = None
        for frame in frames:
            expected = self._start if last is None else last + step
            pts = frame.pts + self.offset if frame.pts is not None else expected
            if last is not None and (pts < last - self._back or self._jumps(last, pts)):
                self.offset += expected - pts
                pts = expected
            elif last is not None and pts <= last:
                pts = last + 1
            last, step = pts, frame.duration or step
            yield frame, pts, frame.duration

    def _jumps(self, last: int, pts: int) -> bool:
        if self._on_jump is None or pts <= last + self._ahead:
            return False
        self._on_jump(last, pts)
        return True
