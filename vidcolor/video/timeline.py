"""One clock for all streams of a file of MPEG parts that were put end to end, each with a clock of its own.

As the reader does with its frames, a part's picture is moved to where the one before ended, and its other streams with
it. Sound that ends before its picture does not shift what follows, and neither does sound that goes on behind it.
"""

from __future__ import annotations  # Packet is generic in its stub only

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from av import Packet

from vidcolor.video.clock import CLOCK_JUMP, CLOCK_RESTART
from vidcolor.video.decoding import read_packets, time_of
from vidcolor.video.limits import Limits
from vidcolor.video.source import find_picture, opened

FORMATS = frozenset({"mpegts", "mpeg"})
"""Those whose parts make a file when they are put end to end."""
MOST_EARLY = 1000
"""Packets that wait for the picture of their part; one that has none begins where the picture before ended."""
OVERLAP = Fraction(1, 10)
"""Seconds that the sound of a part may begin late, because that of the part before still plays: codecs pad theirs."""


def has_parts(source: Path, limits: Limits) -> bool:
    """True of a film whose picture's clock begins anew or jumps, so that a search by it may end in another part.

    Its packets are looked through up to there.
    """
    with opened(source, limits) as film:
        if film.format.name not in FORMATS:
            return False
        last: Fraction | None = None
        for packet in read_packets(film, [find_picture(film, source)], lambda pts, what: None):
            now = _decoded_at(packet)
            if last is not None and not -CLOCK_RESTART <= now - last <= CLOCK_JUMP:
                return True
            last = now
    return False


class Timeline:
    """Follows the packets of one file. Times within are seconds."""

    def __init__(self, picture: int, lose: Callable[[str], None]) -> None:
        """`picture` is the index of its stream; `lose` is told what is left out."""
        self._picture = picture
        self._parts = {picture: 0}
        self._reached: dict[int, Fraction] = {}
        self._shifts = [Fraction(0)]
        self._end = Fraction(0)
        self._early: list[tuple[Packet[Any], int]] = []
        self._sounds: dict[int, _Sound] = defaultdict(lambda: _Sound(lose))

    def follow(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        """All but the picture's, moved to the one clock; those of a stream stay in their order.

        What has no time at all is left out.
        """
        for packet in packets:
            if packet.pts is None and packet.dts is None:
                continue
            before, part = self._parts.get(packet.stream.index), self._enter(packet)
            if packet.stream.index == self._picture:
                self._see(packet, part, is_first=part != before)
            else:
                self._early.append((packet, part))
            if len(self._early) > MOST_EARLY:
                self._begin(*self._early[0])
            yield from self._ready()
        while self._early:
            self._begin(*self._early[0])
            yield from self._ready()

    def _enter(self, packet: Packet[Any]) -> int:
        """The part that the packet belongs to."""
        index, now = packet.stream.index, _decoded_at(packet)
        of_picture, part = self._parts[self._picture], self._parts.get(index, self._parts[self._picture])
        last = self._reached.get(index, now)
        jumps = min(now - last, now - self._reached.get(self._picture, last)) > CLOCK_JUMP
        if now < last - CLOCK_RESTART or jumps:
            part = max(part + 1, of_picture)
        elif part < of_picture and abs(now - self._reached[self._picture]) < abs(now - last):
            part = of_picture
        self._parts[index], self._reached[index] = part, now
        return part

    def _see(self, packet: Packet[Any], part: int, *, is_first: bool) -> None:
        """Where the picture has got to."""
        start = _shown_at(packet)
        if is_first:
            self._shifts[part:] = [self._end - start]
        self._end = max(self._end, start + (packet.duration or 0) * packet.time_base + self._shifts[part])

    def _begin(self, packet: Packet[Any], part: int) -> None:
        """Begin a part by a packet that is not its picture's."""
        while part >= len(self._shifts):
            self._shifts.append(self._end - _shown_at(packet))

    def _ready(self) -> Iterator[Packet[Any]]:
        """Those whose part has begun, moved."""
        begun = len(self._shifts)
        ready = [entry for entry in self._early if entry[1] < begun]
        self._early = [entry for entry in self._early if entry[1] >= begun]
        for packet, part in ready:
            _move(packet, self._shifts[part])
            if packet.stream.type != "audio" or self._sounds[packet.stream.index].joins(packet, part):
                yield packet


class _Sound:
    """One stream of sound, whose parts may not play at once."""

    def __init__(self, lose: Callable[[str], None]) -> None:
        self._lose = lose
        self._part, self._lift, self._end = 0, Fraction(0), Fraction(0)
        self._cut: int | None = None

    def joins(self, packet: Packet[Any], part: int) -> bool:
        """Move a packet behind the part before its own; False where that plays on for too long."""
        if part != self._part:
            overlap = self._end - _shown_at(packet)
            if overlap > OVERLAP:
                self._leave_out(part)
                return False
            self._part, self._lift = part, max(overlap, Fraction(0))
        _move(packet, self._lift)
        self._end = _shown_at(packet) + (packet.duration or 0) * packet.time_base
        return True

    def _leave_out(self, part: int) -> None:
        if self._cut != part:
            self._lose("the beginning of a part is left out, where the sound of the part before goes on over it")
        self._cut = part


def _move(packet: Packet[Any], seconds: Fraction) -> None:
    ticks = round(seconds / packet.time_base)
    packet.pts = None if packet.pts is None else packet.pts + ticks
    packet.dts = None if packet.dts is None else packet.dts + ticks


def _decoded_at(packet: Packet[Any]) -> Fraction:
    time = packet.dts if packet.dts is not None else packet.pts
    return (time or 0) * packet.time_base


def _shown_at(packet: Packet[Any]) -> Fraction:
    return (time_of(packet) or 0) * packet.time_base
