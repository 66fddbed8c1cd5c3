"""PNG, chunk by chunk: for what Pillow and OpenCV do not write."""

import struct
import zlib
from collections.abc import Iterable

_END_OF_HEADER = 33


def chunk(kind: bytes, data: bytes) -> bytes:
    """With its length before it and its checksum behind."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def insert(png: bytes, chunks: Iterable[bytes]) -> bytes:
    """The same file with further chunks behind its header, where those about the whole picture belong."""
    return png[:_END_OF_HEADER] + b"".join(chunks) + png[_END_OF_HEADER:]
