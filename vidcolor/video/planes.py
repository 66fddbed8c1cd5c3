"""Pixel formats: luma planes out of decoded frames, frames out of luma and chroma planes.

A plane is read from and written to the frame's own buffer. `to_ndarray` and swscale are kept away from Y′CbCr
pictures, because both may change the range.
"""

import re
from functools import lru_cache
from typing import Any

import numpy as np
from av import FFmpegError, VideoFormat, VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from vidcolor.color import LUMA_WEIGHTS
from vidcolor.errors import InputError
from vidcolor.frames import PlaneFormat

Plane = NDArray[np.uint8] | NDArray[np.uint16]

LIMITED, FULL = 1, 2
"""AVColorRange: what `VideoFrame.color_range` holds; 0 is unspecified."""

MATRIX_OF_COLORSPACE = {0: "709", 1: "709", 4: "601", 5: "601", 6: "601", 7: "709", 9: "2020", 10: "2020"}
"""AVColorSpace to the nearest of our matrices."""
COLORSPACE_OF_MATRIX = {"601": 6, "709": 1, "2020": 9}
FAITHFUL_COLORSPACES = frozenset({1, 2, 5, 6, 9})
"""AVColorSpace values that may stay as the output's tag; the others name a matrix we do not write."""

REC709 = np.array(LUMA_WEIGHTS["709"])
"""Rec. 709 luma of R′G′B′."""

_DEEP_YUYV = tuple(f"y21{bits}{order}" for bits in "026" for order in ("le", "be"))
# Format: (first sample, samples from one luma to the next) in its only plane.
_PACKED_LUMA = {
    "yuyv422": (0, 2), "yvyu422": (0, 2), "uyvy422": (1, 2), "ya8": (0, 2), "ya16le": (0, 2), "ya16be": (0, 2)
} | dict.fromkeys(_DEEP_YUYV, (0, 2))  # fmt: skip
# Format: (first Cb, first Cr, samples from one to the next) in its only plane.
_PACKED_CHROMA = {
    "yuyv422": (1, 3, 4), "yvyu422": (3, 1, 4), "uyvy422": (0, 2, 4)
} | dict.fromkeys(_DEEP_YUYV, (1, 3, 4))  # fmt: skip
_CR_FIRST = frozenset({"nv21", "nv42"})
# What has no integer plane, as swscale turns it into one.
_REPACKED = {
    "monob": "gray", "monow": "gray", "grayf32le": "gray16le", "grayf32be": "gray16le", "grayf16le": "gray16le",
    "grayf16be": "gray16le", "yaf16le": "gray16le", "yaf16be": "gray16le", "gray32le": "gray16le",
    "gray32be": "gray16le", "xyz12le": "rgb48le", "xyz12be": "rgb48le",
}  # fmt: skip
_DEADLY = frozenset({"yaf32le", "yaf32be"})
"""Formats on which swscale ends the process."""
SWSCALE_THREADS = 1
"""With more, swscale of FFmpeg 8.0 leaves out a line of P010's and P210's chroma in one picture of a thousand."""
_WITH_ALPHA = ("yuva", "ya8", "ya16", "rgba", "bgra", "argb", "abgr", "gbrap")
_HIGH_BITS = re.compile(r"[py][024]1[026](le|be)|.*msb(le|be)")


def repack(frame: VideoFrame) -> VideoFrame:
    """The frame in a format that `plane_format` and `read_luma` know; almost always the frame itself.

    Raises InputError for a format that nothing unpacks.
    """
    name = frame.format.name
    if name in _DEADLY or (is_rgb(frame.format) and not _reads_rgb(name)):
        raise _not_unpacked(name)
    target = _REPACKED.get(name) or _planar(frame.format)
    try:
        return frame.reformat(format=target, threads=SWSCALE_THREADS) if target else frame
    except FFmpegError as error:
        raise _not_unpacked(name) from error


def _not_unpacked(name: str) -> InputError:
    return InputError(f"has pixels of the format {name}, which nothing unpacks: give it in yuv444p10le")


@lru_cache
def _reads_rgb(name: str) -> bool:
    """Whether swscale unpacks this format of R′G′B′ samples or of a palette."""
    try:
        VideoFrame(16, 16, name).reformat(format="rgb24", threads=SWSCALE_THREADS)
    except FFmpegError:
        return False
    return True


def _planar(pix_fmt: VideoFormat) -> str | None:
    """The planar format of the same samples, which swscale unpacks without loss, for rare packings of Y′CbCr."""
    planes = {component.plane for component in pix_fmt.components}
    if is_rgb(pix_fmt) or len(pix_fmt.components) < 3 or len(planes) > 1 or pix_fmt.name in _PACKED_CHROMA:
        return None
    across, bits = chroma_shift(pix_fmt.name)[0], pix_fmt.components[0].bits
    return f"yuv{('444', '422', '411')[across]}p" + ("" if bits == 8 else f"{bits}le")


def is_rgb(pix_fmt: VideoFormat) -> bool:
    """True for R′G′B′ and palettes, whose luma has to be computed."""
    return pix_fmt.is_rgb or pix_fmt.has_palette


def is_transparent(frame: VideoFrame) -> bool:
    """True where the frame has an alpha channel that is not opaque all over."""
    if not frame.format.name.startswith(_WITH_ALPHA):
        return False
    return bool(frame.to_ndarray(format="rgba", threads=SWSCALE_THREADS)[..., 3].min() < 255)


def plane_format(frame: VideoFrame) -> PlaneFormat:
    """How `read_luma` will hand this frame out.

    An unspecified matrix is taken as Rec. 601 up to 576 lines and Rec. 709 above, as players do; an unspecified range
    as limited for Y′CbCr and full for yuvj, grey and R′G′B′. Grey is given 4:2:0 chroma, R′G′B′ 4:4:4.
    """
    name = frame.format.name
    if is_rgb(frame.format):
        return PlaneFormat(_rgb_depth(frame.format), True, "709", (0, 0))
    matrix = MATRIX_OF_COLORSPACE.get(frame.colorspace, "601" if frame.height <= 576 else "709")
    is_grey = name.startswith(("gray", "ya"))
    full_by_name = is_grey or name.startswith("yuvj")
    full_range = frame.color_range == FULL or (frame.color_range != LIMITED and full_by_name)
    shift = (1, 1) if is_grey else chroma_shift(name)
    return PlaneFormat(frame.format.components[0].bits, full_range, matrix, shift, frame.interlaced_frame)


def chroma_shift(pix_fmt: str) -> tuple[int, int]:
    """log2 of the horizontal and vertical chroma subsampling of a Y′CbCr pixel format."""
    unit = VideoFormat(pix_fmt, 16, 16)
    return (16 // unit.chroma_width(16)).bit_length() - 1, (16 // unit.chroma_height(16)).bit_length() - 1


def read_luma(frame: VideoFrame) -> Plane:
    """The Y′ plane, (H, W) uint8 or uint16 (low bits), bit for bit; for R′G′B′ its Rec. 709 luma, rounded.

    A damaged stream may decode to samples beyond its bit depth, on which encoders abort the process: they are clipped.
    """
    if is_rgb(frame.format):
        depth = _rgb_depth(frame.format)
        return _as_samples(np.rint(_rgb(frame) @ REC709).clip(0, (1 << depth) - 1), depth)
    luma, bits = _stored_luma(frame), frame.format.components[0].bits
    return np.minimum(luma, np.uint16((1 << bits) - 1)) if 8 < bits < 16 else luma


def _stored_luma(frame: VideoFrame) -> Plane:
    rows = samples_of(frame.planes[0], frame.format)
    first, step = _PACKED_LUMA.get(frame.format.name, (0, 1))
    return _low_bits(rows[:, first : first + frame.width * step : step], frame.format)


def read_chroma(frame: VideoFrame) -> Plane | None:
    """Cb and Cr, (2, Hc, Wc) of luma's dtype, bit for bit; of R′G′B′ those of Rec. 709, rounded; None of grey."""
    name = frame.format.name
    if is_rgb(frame.format):
        return rgb_chroma(_rgb(frame), _rgb_depth(frame.format))
    if len(frame.format.components) < 3:
        return None
    across, down = chroma_shift(name)
    height, width = -(-frame.height >> down), -(-frame.width >> across)
    if name in _PACKED_CHROMA:
        rows = samples_of(frame.planes[0], frame.format)
        first_cb, first_cr, step = _PACKED_CHROMA[name]
        pair = [rows[:, first::step][:, :width] for first in (first_cb, first_cr)]
    elif frame.format.components[1].plane == frame.format.components[2].plane:
        rows = samples_of(frame.planes[1], frame.format)[:height]
        pair = [rows[:, first : first + 2 * width : 2] for first in ((1, 0) if name in _CR_FIRST else (0, 1))]
    else:
        pair = [samples_of(plane, frame.format)[:height, :width] for plane in frame.planes[1:3]]
    bits = frame.format.components[1].bits
    chroma = _low_bits(np.stack(pair), frame.format)
    # Damaged streams decode to samples beyond their depth, on which encoders abort the process.
    return np.minimum(chroma, np.uint16((1 << bits) - 1)) if 8 < bits < 16 else chroma


def rgb_chroma(rgb: NDArray[Any], depth: int) -> Plane:
    """(H, W, 3) R′G′B′ of `depth` bits -> Cb and Cr (2, H, W) of Rec. 709, full range, rounded."""
    luma = rgb @ REC709
    blue, red = ((rgb[..., channel] - luma) / (2 - 2 * REC709[channel]) for channel in (2, 0))
    stored = np.rint(np.stack([blue, red])) + (1 << (depth - 1))
    return _as_samples(stored.clip(0, (1 << depth) - 1), depth)


def samples_of(plane: VideoPlane, pix_fmt: VideoFormat) -> Plane:
    """The plane's buffer as (rows, samples of a whole line, padding included) in the machine's byte order."""
    upwards = -1 if plane.line_size < 0 else 1
    buffer = memoryview(plane)
    if pix_fmt.components[0].bits <= 8:
        return np.frombuffer(buffer, np.uint8).reshape(plane.height, -1)[::upwards]
    order = ">u2" if pix_fmt.is_big_endian else "<u2"
    return np.frombuffer(buffer, order).reshape(plane.height, -1)[::upwards].astype(np.uint16, copy=False)


def build_frame(luma: Plane, chroma: Plane, pix_fmt: str) -> VideoFrame:
    """A planar Y′CbCr frame from luma (H, W) and chroma (2, Hc, Wc), copied as they are."""
    height, width = luma.shape
    frame = VideoFrame(width, height, pix_fmt)
    for plane, samples in zip(frame.planes, (luma, *chroma), strict=True):
        rows = np.frombuffer(memoryview(plane), samples.dtype).reshape(plane.height, -1)
        rows[:, : plane.width] = samples
    return frame


def change_levels(luma: Plane, source: PlaneFormat, target: PlaneFormat) -> Plane:
    """Luma of the source's bit depth and range in the target's: exact where only the depth grows, else rounded."""
    if (source.bit_depth, source.full_range) == (target.bit_depth, target.full_range):
        return luma
    return _levels(source.bit_depth, source.full_range, target.bit_depth, target.full_range)[luma]


@lru_cache
def _levels(old_depth: int, was_full: bool, depth: int, is_full: bool) -> Plane:
    """What becomes of every level."""
    (old_black, old_white), (black, white) = _black_and_white(old_depth, was_full), _black_and_white(depth, is_full)
    levels = (np.arange(1 << old_depth) - old_black) * ((white - black) / (old_white - old_black)) + black
    return _as_samples(np.rint(levels).clip(0, (1 << depth) - 1), depth)


def _black_and_white(depth: int, is_full: bool) -> tuple[int, int]:
    return (0, (1 << depth) - 1) if is_full else (16 << (depth - 8), 235 << (depth - 8))


def _rgb_depth(pix_fmt: VideoFormat) -> int:
    bits = max(component.bits for component in pix_fmt.components)
    if bits <= 8:
        return 8
    return bits if _is_planar_rgb(pix_fmt) else 16


def _is_planar_rgb(pix_fmt: VideoFormat) -> bool:
    return pix_fmt.name.startswith("gbr") and pix_fmt.components[0].bits <= 16 and "msb" not in pix_fmt.name


def _rgb(frame: VideoFrame) -> NDArray[Any]:
    """(H, W, 3) of `_rgb_depth` bits."""
    depth = _rgb_depth(frame.format)
    if depth > 8 and _is_planar_rgb(frame.format):
        green, blue, red = (samples_of(plane, frame.format)[:, : frame.width] for plane in frame.planes[:3])
        return np.stack([red, green, blue], axis=-1)
    return np.asarray(frame.to_ndarray(format="rgb24" if depth == 8 else "rgb48le", threads=SWSCALE_THREADS))


def _low_bits(samples: NDArray[Any], pix_fmt: VideoFormat) -> Plane:
    """Samples that some formats keep in the high bits, in the low ones."""
    if _HIGH_BITS.fullmatch(pix_fmt.name):
        samples = np.right_shift(samples, np.uint16(16 - pix_fmt.components[0].bits)).astype(np.uint16)
    return samples


def _as_samples(values: NDArray[np.float64], depth: int) -> Plane:
    return values.astype(np.uint8) if depth == 8 else values.astype(np.uint16)
