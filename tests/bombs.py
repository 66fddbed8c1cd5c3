"""Makers of small files that claim too much."""

import struct
import zlib
from pathlib import Path

from tests.clips import make_film

TEN_YEARS = 10 * 365 * 24 * 3600
"""In seconds."""


def png(path: Path, width: int, height: int, rows: int | None = None) -> Path:
    """A 1-bit PNG, black all over; sound, unless it holds fewer `rows` than it claims."""
    packer = zlib.compressobj(9)
    row = bytes(1 + -(-width // 8))
    data = b"".join(packer.compress(row) for _ in range(rows or height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks))
    return path


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def gif(path: Path, width: int, height: int) -> Path:
    """Three frames of 4x4 on a large canvas."""
    head = b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + b"\0\0\0\xff\xff\xff"
    frame = b"\x21\xf9\x04\0\x0a\0\0\0\x2c" + struct.pack("<HHHH", 0, 0, 4, 4) + b"\0\x02\x05\x84\x8f\xa9\xcb\x05\0"
    path.write_bytes(head + frame * 3 + b";")
    return path


def endless(path: Path) -> Path:
    """Two frames, the second ten years after the first."""
    return make_film(path, count=2, pts=[0, TEN_YEARS * 25])


def index(path: Path, samples: int) -> Path:
    """An MP4 of 700 bytes whose index says `samples` frames of one byte; FFmpeg makes room for each."""
    start = _box(b"ftyp", b"isom\0\0\0\0isom") + _box(b"mdat", bytes(100))
    unturned = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    jpeg = _box(b"jpeg", bytes(6) + b"\0\1" + bytes(16) + struct.pack(">HH", 64, 48) + bytes(46) + b"\0\x18\xff\xff")
    tables = _box(
        b"stbl",
        _full(b"stsd", _numbers(1) + jpeg),
        _full(b"stts", _numbers(1, samples, 1)),
        _full(b"stsc", _numbers(1, 1, samples, 1)),
        _full(b"stsz", _numbers(1, samples)),
        _full(b"stco", _numbers(1, 28)),
    )
    local = _box(b"dinf", _full(b"dref", _numbers(1) + _box(b"url ", _numbers(1))))
    media = _box(
        b"mdia",
        _full(b"mdhd", _numbers(0, 0, 25, samples, 0)),
        _full(b"hdlr", bytes(4) + b"vide" + bytes(13)),
        _box(b"minf", _full(b"vmhd", bytes(8)), local, tables),
    )
    track = _full(b"tkhd", _numbers(0, 0, 1, 0, samples) + bytes(16) + unturned + _numbers(64 << 16, 48 << 16))
    movie = _full(b"mvhd", _numbers(0, 0, 1000, samples, 0x10000) + bytes(12) + unturned + bytes(24) + _numbers(2))
    path.write_bytes(start + _box(b"moov", movie, _box(b"trak", track, media)))
    return path


def _box(kind: bytes, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack(">I", len(data) + 8) + kind + data


def _full(kind: bytes, content: bytes) -> bytes:
    return _box(kind, bytes(4), content)


def _numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)
