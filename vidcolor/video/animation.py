"""Pictures that move: told from stills where one suffix serves both, and animated WebP made readable for FFmpeg."""

import struct
import zlib
from collections.abc import Iterator
from io import SEEK_SET, BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from vidcolor.errors import InputError
from vidcolor.video.limits import USUAL, Limits
from vidcolor.video.pillow import open_picture, unguarded
from vidcolor.video.png import chunk
from vidcolor.video.sequence import is_sequence
from vidcolor.video.suffixes import STILLS, is_still

_EITHER = frozenset({".apng", ".gif", ".png", ".webp"})
_MOVING = frozenset({"GIF", "PNG", "WEBP"})
_PIECE = 1 << 16
_LONGEST = 0xFFFF
"""Milliseconds: an APNG's delay is a 16-bit fraction."""


def holds_one_picture(source: Path) -> bool:
    """True for a still: by its suffix, and for .png, .webp, .gif and .apng by what is in the file."""
    if is_sequence(source):
        return False
    if source.suffix.lower() not in _EITHER:
        return is_still(source)
    try:
        with open_picture(source, USUAL) as image:
            return image.format not in _MOVING or not getattr(image, "is_animated", False)
    except Exception:  # Pillow raises whatever its parsers run into; the reader says what is wrong
        return source.suffix.lower() in STILLS


def is_animated_webp(source: Path) -> bool:
    """By the header alone (RFC 9649, 2.7)."""
    with open(source, "rb") as file:
        header = file.read(21)
    return header[8:16] == b"WEBPVP8X" and len(header) == 21 and bool(header[20] & 2)


class WebpFilm:
    """An animated WebP as an APNG, made frame by frame while it is read: FFmpeg reads no WebP that moves."""

    _chunks: Iterator[bytes]
    _rest: bytes
    _place: int

    def __init__(self, source: Path, limits: Limits) -> None:
        """Raises InputError."""
        try:
            with unguarded():
                self._image = Image.open(BytesIO(source.read_bytes()), formats=["WEBP"])
        except (OSError, ValueError) as error:
            raise InputError(f"{source}: the animation is damaged ({error})") from error
        limits.check_picture(source, *self._image.size)
        self._restart()

    def read(self, size: int) -> bytes:
        """The next bytes, fewer only at the end."""
        while len(self._rest) < size and (chunk := next(self._chunks, None)):
            self._rest += chunk
        data, self._rest = self._rest[:size], self._rest[size:]
        self._place += len(data)
        return data

    def tell(self) -> int:
        """Bytes read so far."""
        return self._place

    def seek(self, place: int, whence: int = SEEK_SET) -> int:
        """To a place behind the beginning; one that is passed is reached anew from there."""
        if whence != SEEK_SET:
            return -1  # the length is not known
        if place < self._place:
            self._restart()
        while self._place < place and self.read(min(place - self._place, _PIECE)):
            pass
        return self._place

    def _restart(self) -> None:
        self._chunks = _apng(self._image)
        self._rest = b""
        self._place = 0


def _apng(image: Image.Image) -> Iterator[bytes]:
    """PNG specification, third edition, 11.3.6. Ends where a frame does not decode."""
    frames, channels = getattr(image, "n_frames", 1), len(image.getbands())
    color = 6 if channels == 4 else 2
    yield b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *image.size, 8, color, 0, 0, 0))
    yield chunk(b"acTL", struct.pack(">II", frames, 1))
    number = 0
    for index in range(frames):
        try:
            image.seek(index)
            pixels = np.asarray(image)
        except (EOFError, OSError):
            break
        delay = min(int(image.info.get("duration", 0)), _LONGEST)
        yield chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *image.size, 0, 0, delay, 1000, 0, 0))
        rows = np.pad(pixels.reshape(len(pixels), -1), ((0, 0), (1, 0)))  # each begins with its filter: none
        packed = zlib.compress(rows.tobytes(), 1)
        yield chunk(b"IDAT", packed) if index == 0 else chunk(b"fdAT", struct.pack(">I", number + 1) + packed)
        number += 1 if index == 0 else 2
    yield chunk(b"IEND", b"")
