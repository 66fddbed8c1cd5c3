"""PNG, chunk by chunk: for what Pillow and OpenCV do not write."""

import struct
import zlib
from collections.abc import Iterable, Iterator

_END_OF_HEADER = 33


def chunk(kind: bytes, data: bytes) -> bytes:
    """With its length before it and its checksum behind."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def insert(png: bytes, chunks: Iterable[bytes]) -> bytes:
    """The same file with further chunks behind its header, where those about the whole picture belong."""
    return png[:_END_OF_HEADER] + b"".join(chunks) + png[_END_OF_HEADER:]


def chunks_of(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of every chunk up to the first that is cut off."""
    place = 8
    while place + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        if place + 12 + length > len(png):
            return
        yield png[place + 4 : place + 8], png[place + 8 : place + 8 + length]
        place += 12 + length
