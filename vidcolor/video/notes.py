"""What only files of the same format can carry on: comments and captions of JPEG and TIFF, texts and gamma of PNG."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from vidcolor.video import png

_MARKERS = {"COM": b"\xff\xfe", "APP13": b"\xff\xed"}
"""Of the segments of a JPEG that say something, and are neither EXIF nor profile nor XMP."""
_TAGS = {33723: "IPTC", 34377: "Photoshop"}
_CHUNKS = frozenset({b"tEXt", b"zTXt", b"iTXt", b"gAMA", b"cHRM"})
_XMP_CHUNK = b"XML:com.adobe.xmp\0"
_WORDS = {"COM": "comment", "APP13": "captions (IPTC)", "IPTC": "captions (IPTC)", "Photoshop": "captions (Photoshop)",
    "tEXt": "text", "zTXt": "text", "iTXt": "text", "gAMA": "gamma", "cHRM": "primaries"}  # fmt: skip


@dataclass(frozen=True)
class Note:
    """A segment of a JPEG, a chunk of a PNG or a tag of a TIFF, as it stands there."""

    format: str
    """As Pillow names it."""
    kind: str
    data: bytes

    @property
    def name(self) -> str:
        """In words."""
        return _WORDS[self.kind]


def read_notes(image: Image.Image, source: Path) -> tuple[Note, ...]:
    """Those of a picture that was opened; none where its format has none."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        segments = ((kind, data) for kind, data in image.applist if kind in _MARKERS)
        return tuple(Note("JPEG", kind, data) for kind, data in segments)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return tuple(Note("TIFF", name, data) for tag, name in _TAGS.items() if (data := _tag(image, tag)))
    if image.format == "PNG":
        with source.open("rb") as file:
            chunks = png.chunks_of(file, _CHUNKS)
            return tuple(Note("PNG", kind.decode(), data) for kind, data in chunks if not data.startswith(_XMP_CHUNK))
    return ()


def jpeg_segments(notes: Iterable[Note]) -> bytes:
    """As they stand in a file."""
    return b"".join(_MARKERS[note.kind] + struct.pack(">H", len(note.data) + 2) + note.data for note in notes)


def tiff_tags(notes: Iterable[Note]) -> Iterator[tuple[int, bytes]]:
    """Tag and value."""
    numbers = {name: tag for tag, name in _TAGS.items()}
    return ((numbers[note.kind], note.data) for note in notes)


def _tag(image: TiffImagePlugin.TiffImageFile, tag: int) -> bytes:
    """Bytes, as which captions are meant; many programs store them as numbers of 32 bits."""
    value = image.tag_v2.get(tag, b"")
    if isinstance(value, bytes):
        return value
    numbers = value if isinstance(value, tuple) else (value,)
    return struct.pack(f"{'<' if image.tag_v2.prefix == b'II' else '>'}{len(numbers)}I", *numbers)
