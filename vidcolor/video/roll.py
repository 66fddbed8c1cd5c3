"""The roll of a film's frames: which are awaited, and what is said of those that do not come."""

from __future__ import annotations  # Packet is generic in its stub only

import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from av import FFmpegError, Packet, VideoFrame
from av.video.stream import VideoStream

from vidcolor.video.source import reason

_SKIPPED = {"hevc": "frame dropped (one that it refers to is missing)"}
"""Codecs with a frame in every packet whose decoders leave some out without a word, and what is then said of these."""

Lose = Callable[[int | None, str], None]
"""Called with the pts (stream time base, None where unknown) and the kind of every loss."""


class Roll:
    """Calls `lose` for every frame that is missing or guessed.

    Frames come in the order of their times: what lies before one that came is lost, if there was an error. Without one
    nothing is: packets of most codecs may hold no frame of their own.
    """

    def __init__(self, codec: str, lose: Lose, is_sought: bool = False) -> None:
        """`is_sought`: what lies before the first frame may refer to what was not read, and is not missed."""
        self._begin = math.inf if is_sought else -math.inf
        self.awaited: set[int] = set()
        """pts of the packets whose frames have not come out yet."""
        self.last: int | None = None
        """pts of the latest frame."""
        self.lost: set[int] = set()
        self._lose = lose
        self._usual = _SKIPPED.get(codec)
        self._error = ""
        self._errors = 0
        """Those whose frames have not been missed yet; below zero where one error cost more."""
        self._suspect: set[int] = set()
        """pts of packets that came damaged."""

    def expect(self, packet: Packet[VideoStream]) -> None:
        """Await the frame of a packet."""
        if packet.pts is not None and not packet.is_discard:
            self.awaited.add(packet.pts)
            if packet.is_corrupt:
                self._suspect.add(packet.pts)

    def fail(self, error: FFmpegError) -> None:
        """A frame does not decode; which one is seen by those that do."""
        self._error = dropped(error)
        self._errors = max(0, self._errors) + 1

    def admit(self, frame: VideoFrame) -> bool:
        """True where the frame comes in time, False where it was given up."""
        if self.last is None and frame.pts is not None:
            self._begin = min(self._begin, frame.pts)
        passed = {pts for pts in self.awaited if frame.pts is not None and pts <= frame.pts}
        self.awaited -= passed
        self._give_up(passed - {frame.pts})
        if frame.pts in self.lost:
            self._errors += 1  # it was another frame's
            return False
        if frame.is_corrupt or frame.pts in self._suspect:
            self._lose(frame.pts, "damaged frame, parts of it are guessed")
        if frame.pts is not None:
            self.last = frame.pts if self.last is None else max(self.last, frame.pts)
        return True

    def retry(self) -> frozenset[int]:
        """What is awaited, of which all is decoded again."""
        self._errors = 0
        return frozenset(self.awaited)

    def close(self) -> None:
        """Nothing comes any more."""
        if self._errors > 0 and not self.awaited:
            self._lose(None, self._error)
        self._give_up(self.awaited)

    def _give_up(self, missing: AbstractSet[int]) -> None:
        if self._errors <= 0:
            missing = {pts for pts in missing if pts >= self._begin}
        if what := self._error if self._errors > 0 else self._usual:
            for pts in sorted(missing):
                self._lose(pts, what)
            self.lost |= missing
            self._errors -= len(missing)


def dropped(error: FFmpegError) -> str:
    """What is said of a frame that has an error."""
    return f"frame dropped ({reason(error)})"
