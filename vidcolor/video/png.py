"""PNG, chunk by chunk: for what Pillow and OpenCV do not write."""

import struct
import zlib
from collections.abc import Container, Iterable, Iterator
from io import SEEK_CUR
from typing import BinaryIO

_SIGNATURE, _CHECKSUM, _END_OF_HEADER = 8, 4, 33
"""Bytes."""


def chunk(kind: bytes, data: bytes) -> bytes:
    """With its length before it and its checksum behind."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def insert(png: bytes, chunks: Iterable[bytes]) -> bytes:
    """The same file with further chunks behind its header, where those about the whole picture belong."""
    return png[:_END_OF_HEADER] + b"".join(chunks) + png[_END_OF_HEADER:]


def chunks_of(file: BinaryIO, kinds: Container[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """(kind, data) of the chunks of these kinds, up to the first that is cut off; the others are not read."""
    file.seek(_SIGNATURE)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in kinds:
            data = file.read(length)
            if len(data) < length:
                return
            yield kind, data
            length = 0
        file.seek(length + _CHECKSUM, SEEK_CUR)
