"""Still pictures as films of one frame: reading."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
import torch
from av import VideoFrame
from numpy.typing import NDArray
from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from vidcolor.errors import InputError
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.turn import Turn
from vidcolor.video.limits import USUAL, Limits
from vidcolor.video.notes import Note, read_notes
from vidcolor.video.pillow import open_picture
from vidcolor.video.planes import REC709, SWSCALE_THREADS, Plane, rgb_chroma
from vidcolor.video.source import check_source, opened

cv2.utils.logging.setLogLevel(0)  # it writes to stderr by itself

_WITH_ALPHA = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_DESCRIPTIVE_TAGS = (270, 271, 272, 274, 305, 306, 315, 33432)
"""TIFF tags that say something about the picture, not about how the file stores it."""
_SUB_DIRECTORIES = (34665, 34853)
"""EXIF and GPS."""
_ASSOCIATED_ALPHA = 1
"""TIFF's word for an alpha by which the colours are multiplied."""
_WHITE_IS_ZERO = 0
"""TIFF's photometric interpretation of a negative, as some scanners store their pictures."""


@dataclass(frozen=True)
class Extras:
    """What a still carries beside its pixels; None where it has none."""

    exif: Image.Exif | None = None
    icc_profile: bytes | None = None
    dpi: tuple[float, float] | None = None
    xmp: bytes | None = None
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class JpegCoding:
    """What a JPEG has to be encoded with so that its luma comes out as it went in."""

    luma_table: tuple[int, ...]
    """64 quantisation steps in reading order."""
    subsampling: int
    """Pillow's number for the chroma: 0 is 4:4:4, 1 is 4:2:2, 2 is 4:2:0."""


@dataclass(frozen=True)
class Still:
    """A still taken apart."""

    luma: Plane
    """(H, W) uint8 or uint16."""
    planes: PlaneFormat
    alpha: Plane | None
    """(H, W), dtype of luma."""
    extras: Extras
    jpeg: JpegCoding | None = None
    """How it was coded, where it is a JPEG whose own luma was read."""
    colors: NDArray[Any] | None = None
    """(H, W, 3) R′G′B′, of such a JPEG its own Y′CbCr; None of grey."""

    @property
    def chroma(self) -> Plane | None:
        """Cb and Cr (2, H, W) as `planes` says, None of grey."""
        if self.colors is None:
            return None
        return self.colors[..., 1:].transpose(2, 0, 1) if self.jpeg else rgb_chroma(self.colors, self.planes.bit_depth)


class StillReader:
    """One picture, read whole. Made by `open_reader`; a context manager like VideoReader, as far as a picture goes."""

    def __init__(self, source: Path, limits: Limits = USUAL) -> None:
        self.source = source
        self._limits = limits
        self.warnings: list[str] = []
        self.losses: list[Any] = []
        self.still = _read(source, limits, self.warnings)
        height, width = self.still.luma.shape
        self.info = VideoInfo(width, height, self.still.planes, time_base=Fraction(1), frame_count=1)

    @property
    def turn(self) -> Turn:
        """How the picture is turned for display."""
        return _turn_of(self.still.extras.exif)

    @property
    def pixel_aspect(self) -> Fraction:
        """Stored pixels are square."""
        return Fraction(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to let go of: the file was read whole."""

    def frames(self) -> Iterator[tuple[VideoFrame, int, int]]:
        """The picture in its own colours, 8 bits, with its pts and duration."""
        with open_picture(self.source, self._limits) as image:
            deep_grey = image.mode.startswith("I")
            rgb = np.asarray(_straight(image).convert("RGB"))
        if deep_grey:  # Pillow would cut off what is above 255
            rgb = np.repeat((self.still.luma >> 8).astype(np.uint8)[..., None], 3, axis=-1)
        yield VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24"), 0, 0

    def moments(self, count: int) -> Iterator[FrameBatch]:
        """The one frame."""
        return self.batches(1)

    def batches(self, size: int, skip: int = 0, *, own_chroma: bool = False) -> Iterator[FrameBatch]:
        """The one frame, whatever is asked for: luma (1, 1, H, W) uint8 or uint16, full range, and `own_chroma`."""
        luma = torch.from_numpy(self.still.luma.copy())
        chroma = self.still.chroma if own_chroma else None
        own = None if chroma is None else torch.from_numpy(chroma.copy())[None]
        yield FrameBatch(luma[None, None], pts=(0,), durations=(0,), own_chroma=own)


def _read(source: Path, limits: Limits, warnings: list[str]) -> Still:
    check_source(source)
    try:
        with open_picture(source, limits) as image:
            if (count := getattr(image, "n_frames", 1)) > 1:
                warnings.append(f"the picture is the first of {count}, the others are left out")
            return _take_apart(image, source)
    except UnidentifiedImageError as error:
        raise InputError(f"{source}: is no picture that can be read, check the file or its suffix") from error
    except (InputError, MemoryError):
        raise
    except Exception as error:  # Pillow raises whatever its parsers run into: TypeError, struct.error, ...
        words = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{source}: the picture is damaged or cut off ({words})") from error


def _take_apart(image: Image.Image, source: Path) -> Still:
    if _has_ycbcr_planes(image):
        return _jpeg(image, source)
    is_deep, is_in_planes, turn = _is_deep(image), _is_in_planes(image), _turn_of(image.getexif())
    image.load()  # Pillow turns a TIFF upright here, so the orientation of its pixels must be read after
    extras = _extras(image, source)
    if image.mode.startswith("I;16") or image.mode == "I":
        luma, clear = _deep_grey(image, source), image.info.get("transparency")
        alpha = None if clear is None else np.where(luma == clear, 0, 0xFFFF).astype(np.uint16)
        return Still(luma, PlaneFormat(16, True, "709", (0, 0)), alpha, extras)
    if image.mode == "F":
        raise InputError(f"{source}: pixels of 32-bit floats are not read, save it with 16 bits")
    if is_deep or is_in_planes:
        samples = _pixels_in_planes(source, turn) if is_in_planes else _mixed_pixels(source)
        is_multiplied = getattr(image, "tag_v2", {}).get(TiffImagePlugin.EXTRASAMPLES) == (_ASSOCIATED_ALPHA,)
        return _deep_color(samples, source, extras, is_multiplied)
    return _shallow(image, extras)


def _has_ycbcr_planes(image: Image.Image) -> bool:
    return image.format in ("JPEG", "MPO") and image.mode in ("RGB", "L") and image.info.get("adobe_transform", 1) == 1


def _jpeg(image: Image.Image, source: Path) -> Still:
    assert isinstance(image, JpegImagePlugin.JpegImageFile)
    subsampling = JpegImagePlugin.get_sampling(image) if image.mode == "RGB" else 0
    coding = JpegCoding(tuple(image.quantization[0]), max(0, subsampling))
    extras = _extras(image, source)
    if image.mode == "RGB":
        image.draft("YCbCr", image.size)
    pixels = np.asarray(image)
    luma, colors = (pixels, None) if pixels.ndim == 2 else (pixels[..., 0], pixels)
    return Still(luma, PlaneFormat(8, True, "601", (0, 0)), None, extras, coding, colors)


def _is_deep(image: Image.Image) -> bool:
    """True for 16-bit colour, which Pillow would open with 8 bits."""
    return any("16" in str(part) for tile in getattr(image, "tile", ()) for part in np.atleast_1d(tile[3])[:1])


def _is_in_planes(image: Image.Image) -> bool:
    """True for a TIFF of 16-bit colours that lie one plane behind the other, which OpenCV takes for mixed."""
    tags = getattr(image, "tag_v2", {})
    in_planes = tags.get(TiffImagePlugin.PLANAR_CONFIGURATION) == 2
    return in_planes and tags.get(TiffImagePlugin.BITSPERSAMPLE) == (16, 16, 16)


def _deep_grey(image: Image.Image, source: Path) -> Plane:
    samples = np.asarray(image)
    if samples.min() < 0 or samples.max() > 65535:
        raise InputError(f"{source}: has samples outside 0 to 65535, save it with 16 bits")
    if getattr(image, "tag_v2", {}).get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO:
        samples = 65535 - samples  # Pillow does this with 8 bits alone
    return samples.astype(np.uint16)


def _mixed_pixels(source: Path) -> NDArray[Any] | None:
    """(H, W, 3 or 4) with blue first."""
    return cv2.imdecode(np.fromfile(source, np.uint8), cv2.IMREAD_UNCHANGED)


def _pixels_in_planes(source: Path, turn: Turn) -> NDArray[Any]:
    """(H, W, 3) with blue first, upright."""
    with opened(source) as container:
        frame = next(container.decode(video=0))
    stored = torch.from_numpy(frame.to_ndarray(format="bgr48le", threads=SWSCALE_THREADS))
    return turn.upright(stored.movedim(-1, 0)).movedim(0, -1).numpy()


def _deep_color(samples: NDArray[Any] | None, source: Path, extras: Extras, is_multiplied: bool) -> Still:
    """`is_multiplied`: whether the colours were, by their alpha."""
    if samples is None or samples.ndim != 3 or samples.dtype != np.uint16:
        raise InputError(f"{source}: this 16-bit picture cannot be read, save it as 16-bit RGB")
    alpha = samples[..., 3].astype(np.uint16) if samples.shape[2] == 4 else None
    rgb = samples[..., 2::-1]
    if alpha is not None and is_multiplied:
        rgb = (rgb * (0xFFFF / np.maximum(alpha, 1)[..., None])).round().clip(0, 0xFFFF).astype(np.uint16)
    return Still(_luma(rgb), PlaneFormat(16, True, "709", (0, 0)), alpha, extras, colors=rgb)


def _shallow(image: Image.Image, extras: Extras) -> Still:
    alpha, image = None, _straight(image)
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        image = image.convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
    rgb = None if image.mode in ("1", "L") else np.asarray(image.convert("RGB"))
    luma = np.asarray(image.convert("L")) if rgb is None else _luma(rgb)
    return Still(luma, PlaneFormat(8, True, "709", (0, 0)), alpha, extras, colors=rgb)


def _straight(image: Image.Image) -> Image.Image:
    """Grey that is multiplied by its alpha is turned by Pillow into nothing but grey that is not."""
    return image.convert("LA") if image.mode == "La" else image


def _luma(rgb: NDArray[Any]) -> Plane:
    """Rec. 709 Y' of (H, W, 3) R'G'B', rounded to the same dtype."""
    luma: Plane = np.rint(rgb @ REC709).astype(rgb.dtype)
    return luma


def _turn_of(exif: Image.Exif | None) -> Turn:
    return Turn.from_exif(exif.get(ExifTags.Base.Orientation, 1) if exif else 1)


def _extras(image: Image.Image, source: Path) -> Extras:
    dpi = image.info.get("dpi")
    xmp = image.info.get("xmp")
    return Extras(
        exif=descriptive(image.getexif()) if image.format == "TIFF" else image.getexif() or None,
        icc_profile=image.info.get("icc_profile") or None,
        dpi=(float(dpi[0]), float(dpi[1])) if dpi else None,
        xmp=xmp.encode() if isinstance(xmp, str) else xmp or None,
        notes=read_notes(image, source),
    )


def descriptive(tags: Image.Exif) -> Image.Exif | None:
    """A TIFF's tags without those that say where its pixels lie."""
    kept = Image.Exif()
    for tag in _DESCRIPTIVE_TAGS:
        if tag in tags:
            kept[tag] = tags[tag]
    for directory in _SUB_DIRECTORIES:
        if tags.get_ifd(directory):
            kept.get_ifd(directory).update(tags.get_ifd(directory))
            kept[directory] = 0  # Pillow puts the offset here, but writes only directories that have one
    return kept if len(kept) else None
