"""Pillow, opened safely: the formats that pictures come in and no others, and our limits in place of its own."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from threading import RLock
from typing import Any

from PIL import Image

from vidcolor.video.limits import Limits

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
"""Among the others is EPS, for which Pillow starts a program that runs what is in the file."""
FURTHER_FORMATS = ("AVIF", "JPEG2000", "PPM", "SUN")
"""What OpenCV reads besides; of these Pillow sees the header alone."""
_GUARD = RLock()

# Where nobody listens, Python would print what Pillow logs about a damaged TIFF.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@contextmanager
def open_picture(source: Path, limits: Limits) -> Iterator[Image.Image]:
    """Any still, whatever its suffix says. Raises InputError where it claims more pixels than the limits allow.

    By a file: given a path, Pillow 13 maps a TIFF that lies on its side into memory with its sides exchanged.
    """
    with unguarded(), source.open("rb") as file, Image.open(file, formats=FORMATS) as image:
        limits.check_picture(source, *image.size)
        yield image


def check_size(source: Path, encoded: bytes, limits: Limits) -> None:
    """Raise InputError where a picture claims more pixels than the limits allow. What is no picture passes."""
    with unguarded(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a TIFF is cut off
        try:
            with Image.open(BytesIO(encoded), formats=(*FORMATS, *FURTHER_FORMATS)) as image:
                size = image.size
        except Exception:  # Pillow raises whatever its parsers run into
            return
    limits.check_picture(source, *size)


def save_picture(path: Path, image: Image.Image, **options: Any) -> None:
    """Encoded in memory: where Pillow writes JPEG and TIFF itself, a full disk goes unnoticed."""
    data = BytesIO()
    image.save(data, format=Image.registered_extensions()[path.suffix.lower()], **options)
    path.write_bytes(data.getvalue())


@contextmanager
def unguarded() -> Iterator[None]:
    """Without Pillow's limit, which belongs to the whole process and warns on stderr; one thread at a time."""
    with _GUARD:
        usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = usual
