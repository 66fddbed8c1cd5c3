"""Encoded pictures in files of their own, to be joined later: every packet whole, its times exact.

A file is one record after the other: pts, dts, duration (ticks), 1 for a key frame, size in bytes, and the bytes.
"""

from __future__ import annotations  # Packet is generic in its stub only

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from av import Packet
from av.video.stream import VideoStream

_RECORD = struct.Struct("<qqq?q")


class PacketFile:
    """Packets being written to `path`. Raises OSError."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def close(self) -> None:
        self._file.close()

    def write(self, packets: Iterable[Packet[VideoStream]]) -> None:
        for packet in packets:
            pts = packet.pts or 0
            dts = pts if packet.dts is None else packet.dts
            self._file.write(_RECORD.pack(pts, dts, packet.duration or 0, packet.is_keyframe, packet.size))
            self._file.write(memoryview(packet))


def join_packets(paths: Iterable[Path]) -> Iterator[Packet[Any]]:
    """The packets of all files, one after the other, their dts rising.

    Every file was begun by an encoder of its own. Where such an encoder lets its first dts fall back behind the last
    ones of the file before, as with frames of uneven length, they are lifted; they stay below the pts for all that.
    """
    last: int | None = None
    for path in paths:
        with path.open("rb") as file:
            while record := file.read(_RECORD.size):
                pts, dts, duration, is_keyframe, size = _RECORD.unpack(record)
                last = dts if last is None else max(dts, last + 1)
                packet = Packet(file.read(size))
                packet.pts, packet.dts, packet.duration = pts, last, duration
                packet.is_keyframe = is_keyframe
                yield packet
