"""Silence in PCM, for muxers that count its samples alone and so would close every gap in time."""

from __future__ import annotations  # Packet is generic in its stub only

import math
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from av import Packet
from av.stream import Stream

from vidcolor.video.source import codec_name

MOV_FORMATS = frozenset({"mp4", "ipod", "mov"})
"""FFmpeg's names of formats in which PCM has no times of its own."""
SHORTEST = Fraction(1, 20)
"""Seconds of a gap that is filled: less may be an unsteady clock."""
LONGEST = 3600
"""Seconds above which a gap counts as damage: it would fill the disk."""
_LEVELS = {"pcm_u8": b"\x80", "pcm_alaw": b"\xd5", "pcm_mulaw": b"\xff"}


class Filler:
    """Follows the packets of one track of PCM."""

    def __init__(self, source: Stream) -> None:
        self._source: Any = source
        self._end: Fraction | None = None
        self._last = 0

    def before(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """Silence between the samples so far and those of the packet, at most a second at once."""
        start, rate = (packet.pts or 0) * packet.time_base, self._source.rate
        if self._end is None or start > self._end + LONGEST:
            self._end = start
        missing = round((start - self._end) * rate) if start > self._end + SHORTEST else 0
        for done in range(0, missing, rate):
            made = silence(self._source, min(rate, missing - done))
            assert made is not None
            made.time_base = packet.time_base
            made.pts = made.dts = self._last = max(math.floor(self._end / made.time_base), self._last + 1)
            self._end += Fraction(min(rate, missing - done), rate)
            yield made
        self._last = packet.dts or 0
        self._end += Fraction(packet.size // _size(self._source), rate)


def silence(source: Stream, samples: int) -> Packet[Any] | None:
    """A packet of so many silent samples of every channel; None where the stream is no PCM."""
    codec = codec_name(source)
    if not codec.startswith("pcm_"):
        return None
    packet = Packet(_LEVELS.get(codec, b"\0") * (samples * _size(source)))
    packet.pts = packet.dts = 0
    packet.time_base = source.time_base  # type: ignore[assignment]
    return packet


def _size(source: Any) -> int:
    """Bytes of one sample of all channels."""
    bits = re.search(r"\d+", codec_name(source))
    channels: int = source.codec_context.channels
    return channels * (int(bits[0]) // 8 if bits else 1)
