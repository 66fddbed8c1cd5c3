"""The boxes of an MP4 (ISO/IEC 14496-12), as far as they say how long an index FFmpeg will lay out in memory.

It does so when the file is opened, whatever the file's size: 700 bytes can make it fill 2 GB.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

DEEPEST = 10
"""Boxes within boxes that FFmpeg looks into."""
_FIRST = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"pnot", b"sidx"})
_HOLDS_BOXES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})
_ASKED_FOR = _HANDLER, _SIZES, _RUN = b"hdlr", b"stsz", b"trun"
_OF_DATA = b"dhlr"
"""What QuickTime has in every track beside the handler of its medium."""


def count_samples(source: Path) -> int:
    """The most samples that one table of the file claims, sound left out: PCM counts each; 0 for other files."""
    with open(source, "rb") as file:
        if file.read(8)[4:] not in _FIRST:
            return 0
        return max(_counts(file, source.stat().st_size), default=0)


def _counts(file: BinaryIO, end: int) -> Iterator[int]:
    is_sound = False
    for kind, start in _leaves(file, 0, end, DEEPEST):
        file.seek(start)
        fields = file.read(12)
        if len(fields) < 12:
            return
        if kind == _HANDLER:
            is_sound = fields[8:] == b"soun" or (is_sound and fields[4:8] == _OF_DATA)
        elif kind == _RUN:
            yield int.from_bytes(fields[4:8])
        elif not is_sound:
            yield int.from_bytes(fields[8:])


def _leaves(file: BinaryIO, start: int, end: int, depth: int) -> Iterator[tuple[bytes, int]]:
    """Kind and first byte of the content of every box that is asked for, to the bottom."""
    while start + 8 <= end:
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:
            return
        size, kind = struct.unpack(">I4s", header[:8])
        content = start + 8
        if size == 1 and len(header) == 16:
            size, content = int.from_bytes(header[8:]), start + 16
        stop = min(start + size, end) if size else end
        if stop < content:
            return
        if kind in _HOLDS_BOXES and depth:
            yield from _leaves(file, content, stop, depth - 1)
        elif kind in _ASKED_FOR:
            yield kind, content
        start = stop
