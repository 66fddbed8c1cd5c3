"""Still pictures as films of one frame: writing."""

import struct
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, JpegPresets, PngImagePlugin

from vidcolor.color import LUMA_WEIGHTS
from vidcolor.errors import OutputError
from vidcolor.files import Partial
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.turn import Turn
from vidcolor.video import png
from vidcolor.video.notes import Note, jpeg_segments, tiff_tags
from vidcolor.video.pillow import save_picture
from vidcolor.video.planes import Plane, change_levels
from vidcolor.video.stills import Extras, StillReader, descriptive

JPEG_QUALITY = 95
_JPEG = frozenset({".jpg", ".jpeg"})
_LONGEST_SEGMENT = 65533
"""Bytes of a JPEG's segment without its marker and length."""
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
"""Begins the segment that holds XMP."""
_TIFF = frozenset({".tif", ".tiff"})
_DEEP = _TIFF | {".png"}
_NOTED = {"JPEG": _JPEG, "PNG": frozenset({".png"}), "TIFF": _TIFF}
_WITH_ALPHA = frozenset({".png", ".tif", ".tiff", ".webp"})
# What each format's file can carry.
_HOLDS = {
    ".jpg": {"exif", "icc_profile", "dpi", "xmp"},
    ".jpeg": {"exif", "icc_profile", "dpi", "xmp"},
    ".png": {"exif", "icc_profile", "dpi", "xmp"},
    ".tif": {"exif", "icc_profile", "dpi", "xmp"},
    ".tiff": {"exif", "icc_profile", "dpi", "xmp"},
    ".webp": {"exif", "icc_profile", "xmp"},
    ".bmp": {"dpi"},
}


class StillWriter:
    """A still being written. Made by `open_writer`; a context manager like VideoWriter, with the same members."""

    def __init__(self, partial: Partial, reader: StillReader, info: VideoInfo) -> None:
        self._partial, self._target = partial, partial.target
        self._suffix = self._target.suffix.lower()
        self._still = reader.still
        self._source = source = info.planes
        depth = source.bit_depth if self._suffix in _DEEP else 8
        self.planes = PlaneFormat(depth, True, source.matrix, (0, 0))
        """What the chroma has to be."""
        self.warnings: list[str] = [*reader.warnings]
        if depth != source.bit_depth:
            self.warnings.append(f"{self._suffix} holds 8 bits: the source's {source.bit_depth} are rounded")
        self._alpha = self._still.alpha
        if self._alpha is not None and self._suffix not in _WITH_ALPHA:
            self.warnings.append(f"{self._suffix} holds no alpha channel: it is left out")
            self._alpha = None
        elif self._alpha is not None and self._alpha.shape != (info.height, info.width):
            self.warnings.append("the alpha channel has not the size of the new picture: it is left out")
            self._alpha = None
        self._extras = self._kept(self._still.extras)
        self._turn = Turn()
        if self._extras.exif is None and reader.turn != Turn():
            self._turn = reader.turn
            self.warnings.append(f"this {self._suffix} cannot say that the picture is turned: it is stored upright")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._partial.keep()
        finally:
            self._partial.discard()

    def write(self, batch: FrameBatch) -> None:
        """Write the frame: luma as the reader gave it, chroma (1, 2, H, W) as `planes` says. Raises OutputError."""
        if batch.chroma is None:
            raise ValueError("a batch must have chroma before it can be written")
        luma = change_levels(batch.luma[0, 0].cpu().numpy(), self._source, self.planes)
        chroma = batch.chroma[0].cpu().numpy()
        try:
            if self._suffix in _JPEG and self.planes.matrix == "601":
                self._save(Image.fromarray(np.stack([luma, *chroma], axis=-1), "YCbCr"))
            elif self.planes.bit_depth == 16:
                self._partial.path.write_bytes(self._deep(self._pixels(luma, chroma)))
            else:
                self._save(Image.fromarray(self._pixels(luma, chroma)))
        except (OSError, ValueError) as error:  # Pillow's word for a picture too large for its format
            words = getattr(error, "strerror", None) or error
            raise OutputError(f"{self._target}: cannot be written ({words})") from error

    def _pixels(self, luma: Plane, chroma: Plane) -> NDArray[Any]:
        """(H, W, 3), or 4 with alpha, of the luma's dtype."""
        rgb = to_rgb(luma, chroma, self.planes)
        if self._alpha is not None:
            rgb = np.dstack([rgb, change_levels(self._alpha, self._still.planes, self.planes)])
        upright = self._turn.upright(torch.from_numpy(rgb).movedim(-1, 0)).movedim(0, -1)
        return np.ascontiguousarray(upright.numpy())

    def _save(self, image: Image.Image) -> None:
        extras = self._extras
        options: dict[str, Any] = {"icc_profile": extras.icc_profile}
        if self._suffix in _TIFF:
            options["exif"] = _tiff_tags(extras)
        elif extras.exif is not None:
            options["exif"] = extras.exif
        if extras.dpi is not None:
            options["dpi"] = extras.dpi
        if self._suffix == ".png":
            options["pnginfo"] = _png_info(extras)
        elif extras.xmp is not None and self._suffix not in _TIFF:
            options["xmp"] = extras.xmp
        if self._suffix in _JPEG:
            options |= self._jpeg_options() | {"extra": jpeg_segments(extras.notes)}
        if self._suffix == ".webp":
            options |= {"lossless": True, "exact": True}  # its lossy kind would alter the luma
        save_picture(self._partial.path, image, **options)

    def _jpeg_options(self) -> dict[str, Any]:
        """The source's own luma table keeps its luma; its chroma table was made for grey and may be coarse."""
        coding = self._still.jpeg
        if coding is None:
            return {"quality": JPEG_QUALITY, "subsampling": 0}
        presets: dict[str, Any] = JpegPresets.presets
        chroma_table = presets["web_maximum"]["quantization"][1]
        return {"qtables": [list(coding.luma_table), chroma_table], "subsampling": coding.subsampling}

    def _deep(self, pixels: NDArray[Any]) -> bytes:
        order = [2, 1, 0, 3][: pixels.shape[2]]
        encoded, data = cv2.imencode(".png" if self._suffix == ".png" else ".tif", pixels[..., order])
        if not encoded:
            raise OutputError(f"{self._target}: the picture cannot be encoded with 16 bits, try .png")
        return png.insert(data.tobytes(), _chunks_of(self._extras)) if self._suffix == ".png" else data.tobytes()

    def _kept(self, extras: Extras) -> Extras:
        """The extras that the target can hold; the others are named."""
        held = set(_HOLDS[self._suffix])
        if self.planes.bit_depth == 16:
            held &= {"exif", "icc_profile", "dpi"} if self._suffix == ".png" else set()
        if extras.icc_profile is not None and extras.icc_profile[16:20] != b"RGB ":
            held -= {"icc_profile"}
        if self._suffix in _JPEG:
            held -= _too_long(extras)
        lost = [words for name, words in _WORDS.items() if name not in held and getattr(extras, name)]
        notes = tuple(note for note in extras.notes if self._takes(note))
        lost += dict.fromkeys(note.name for note in extras.notes if note not in notes)
        for words in lost:
            self.warnings.append(f"the source's {words} does not fit a colour {self._suffix}: it is left out")
        return Extras(**{name: getattr(extras, name) for name in held}, notes=notes)

    def _takes(self, note: Note) -> bool:
        is_bare = self._suffix in _TIFF and self.planes.bit_depth == 16  # OpenCV writes these, and pixels alone
        return self._suffix in _NOTED[note.format] and not is_bare


def _too_long(extras: Extras) -> set[str]:
    """What does not go into one segment of a JPEG."""
    sizes = {"exif": len(extras.exif.tobytes()) if extras.exif else 0, "xmp": len(_XMP_MARK) + len(extras.xmp or b"")}
    return {name for name, size in sizes.items() if size > _LONGEST_SEGMENT}


_WORDS = {"exif": "EXIF", "icc_profile": "ICC profile", "dpi": "resolution", "xmp": "XMP"}


def to_rgb(luma: Plane, chroma: Plane, planes: PlaneFormat) -> NDArray[Any]:
    """(H, W, 3) R'G'B' of full-range luma (H, W) and chroma (2, H, W), rounded, dtype of luma.

    Rounding moves the luma of the result by less than one level.
    """
    top = (1 << planes.bit_depth) - 1
    red, green, blue = LUMA_WEIGHTS[planes.matrix]
    y = luma.astype(np.float32)
    cb, cr = chroma.astype(np.float32) - planes.neutral
    r = y + 2 * (1 - red) * cr
    b = y + 2 * (1 - blue) * cb
    g = (y - red * r - blue * b) / green
    rgb: NDArray[Any] = np.rint(np.stack([r, g, b], axis=-1)).clip(0, top).astype(luma.dtype)
    return rgb


def _chunks_of(extras: Extras) -> Iterator[bytes]:
    """The extras as PNG has them."""
    if extras.icc_profile is not None:
        yield png.chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(extras.icc_profile))
    if extras.dpi is not None:
        across, down = (round(value / 0.0254) for value in extras.dpi)
        yield png.chunk(b"pHYs", struct.pack(">IIB", across, down, 1))
    if extras.exif is not None:
        yield png.chunk(b"eXIf", extras.exif.tobytes().removeprefix(b"Exif\0\0"))
    for note in extras.notes:
        yield png.chunk(note.kind.encode(), note.data)


def _png_info(extras: Extras) -> PngImagePlugin.PngInfo:
    """What Pillow has to be told chunk by chunk."""
    info = PngImagePlugin.PngInfo()
    if extras.xmp is not None:
        info.add_itxt("XML:com.adobe.xmp", extras.xmp.decode("utf-8", "replace"))
    for note in extras.notes:
        info.add(note.kind.encode(), note.data)
    return info


def _tiff_tags(extras: Extras) -> Image.Exif:
    """Without those that libtiff takes for its own, which it refuses."""
    tags = (descriptive(extras.exif) if extras.exif is not None else None) or Image.Exif()
    for tag, value in tiff_tags(extras.notes):
        tags[tag] = value
    if extras.xmp is not None:
        tags[ExifTags.Base.XMLPacket] = extras.xmp
    return tags
