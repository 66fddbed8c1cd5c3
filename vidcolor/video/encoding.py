"""How the picture is encoded: the settings, and the pixel format an encoder takes."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from types import MappingProxyType

from av import Codec, FFmpegError
from av.codec import codecs_available
from av.codec.codec import UnknownCodecError

from vidcolor.errors import ConfigError, OutputError
from vidcolor.frames import PlaneFormat
from vidcolor.video.planes import chroma_shift
from vidcolor.video.source import reason

# x264 and x265 refuse a size that their chroma subsampling does not divide.
_EVEN_ONLY = frozenset({"h264", "hevc"})
_LEAST_SIDE = {"libx265": 64}
"""Encoders that damage the memory of the process where both sides are shorter."""
_FULL_ONLY = frozenset({"mjpeg"})
_LIMITED_ONLY = frozenset({
    "prores", "prores_aw", "prores_ks", "mpeg4", "libxvid", "mpeg2video", "mpeg1video", "libvpx", "libtheora",
})  # fmt: skip
"""Encoders whose pictures all players take for limited range: there is no place to say otherwise."""
_PLANAR_YUV = re.compile(r"yuv4\d\dp(9|1[0246])?(le)?")
# Encoders that take deep pictures only with interleaved chroma; PyAV interleaves the planes without loss.
_PLANAR_OF = {"p010le": "yuv420p10le", "p012le": "yuv420p12le", "p210le": "yuv422p10le"}
# AVFieldOrder
TOP_FIRST, BOTTOM_FIRST = 2, 3
INTERLACED = frozenset({2, 3, 4, 5})
_TOP_FIELD_FIRST = frozenset({2, 5})

# With AVX-512 the arithmetic of x264's macroblock tree differs from run to run.
_REPEATABLE = "cpu-independent=1"

KEEPS_FIELDS = frozenset({"libx264"})
# libvpx's own defaults favour size over speed.
_QUICK_VP9 = {"cpu-used": "4", "row-mt": "1"}
_ASKED_FOR = ("libx264", "libx265", "libsvtav1", "libvpx-vp9", "prores_ks", "ffv1", "h264_nvenc", "hevc_nvenc")

ON_A_CARD = {"h264_nvenc": "libx264", "hevc_nvenc": "libx265"}
"""Encoders of an NVIDIA card, and what takes their place where there is none."""
_WORST_QP = 51
"""Of those, which know a quality as qp: where it ends."""

_NUMBERED_PRESETS = frozenset({"libsvtav1"})
"""Encoders that know no "medium": their own default is meant."""


def find_encoders() -> tuple[str, ...]:
    """The video encoders people ask for that this build of FFmpeg has; a card's encoder may still need the card."""
    return tuple(name for name in _ASKED_FOR if name in codecs_available)


@dataclass(frozen=True)
class Encoding:
    """How to write video. Settings that the codec does not have (crf and preset of ffv1) are left out."""

    codec: str = ""
    """FFmpeg's name of the encoder. Empty: libx264, or libvpx-vp9 where the container takes no H.264."""
    crf: float | None = 18
    """Constant quality, lower is better; None where the codec has none or `options` rule."""
    preset: str | None = "medium"
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Further options of the codec, as FFmpeg names them; `threads` among them."""
    repeatable: bool = False
    """Whether the same frames have to give the same packets every time."""
    warning: str | None = None
    """Why the codec is another than the one asked for."""

    def __post_init__(self) -> None:
        if self.crf is not None and not 0 <= self.crf <= 63:
            raise ConfigError(f"crf must lie between 0 and 63, got {self.crf:g}")

    def on_this_machine(self) -> "Encoding":
        """The same, or the processor's encoder of that kind, set as usual, where a card's does not open."""
        refusal = _refusal_of(self.codec) if self.codec in ON_A_CARD else None
        if refusal is None:
            return self
        instead = ON_A_CARD[self.codec]
        problem = f"{self.codec} needs an NVIDIA card that encodes, and finds none ({refusal})"
        warning = f"{problem}: {instead} did it, with its usual preset and no further options"
        return Encoding(instead, self.crf, repeatable=self.repeatable, warning=warning)

    def fit(self, suffix: str) -> "Encoding":
        """The same with a codec: chosen for a container by its suffix where none is given, and one that works here."""
        if self.codec:
            return self.on_this_machine()
        return replace(self, codec="libvpx-vp9" if suffix.lower() == ".webm" else "libx264")

    def find_codec(self) -> Codec:
        """The encoder, after `fit`. Raises OutputError where this build of FFmpeg has none of that name."""
        if self.codec == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only: it writes to stderr by itself
        try:
            codec = Codec(self.codec, "w")
        except UnknownCodecError as error:
            raise OutputError(f"no video encoder is called {self.codec!r}, try libx264, libx265 or ffv1") from error
        if codec.type != "video":
            raise OutputError(f"{self.codec!r} encodes {codec.type}, not video; try libx264, libx265 or ffv1")
        return codec

    def options_for(self, codec: Codec, field_order: int = 0) -> dict[str, str]:
        """The options to open `codec` with."""
        known = {option.name for option in codec.create("video").supported_options.private}
        preset = None if self.preset == "medium" and codec.name in _NUMBERED_PRESETS else self.preset
        chosen = {"crf": None if self.crf is None else f"{self.crf:g}", "preset": preset}
        options = {name: value for name, value in chosen.items() if value is not None and name in known}
        if codec.name in ON_A_CARD and self.crf is not None:
            options |= {"rc": "constqp", "qp": f"{min(self.crf, _WORST_QP):.0f}"}
        if "x265-params" in known:
            options["x265-params"] = "log-level=error"  # it writes to stderr by itself
        if codec.name == "libvpx-vp9":
            options |= _QUICK_VP9
        options |= interlaced_options(self.codec, field_order) | dict(self.options)
        if self.repeatable and self.codec == "libx264":
            options["x264-params"] = ":".join(filter(None, (options.get("x264-params"), _REPEATABLE)))
        return options


@cache
def _refusal_of(codec: str) -> str | None:
    """Why an encoder does not open here, in FFmpeg's words; None if it does."""
    context = Encoding(codec).find_codec().create("video")
    context.width, context.height, context.pix_fmt, context.time_base = 256, 256, "yuv420p", Fraction(1, 25)
    try:
        context.open()
    except FFmpegError as error:
        return reason(error)
    return None


def interlaced_options(codec: str, field_order: int) -> dict[str, str]:
    """What makes `codec` keep the fields of an interlaced picture (AVFieldOrder) apart; empty where it cannot."""
    if codec not in KEEPS_FIELDS or field_order not in INTERLACED:
        return {}
    return {"flags": "+ildct+ilme", "x264-params": "tff=1" if field_order in _TOP_FIELD_FIRST else "bff=1"}


@dataclass(frozen=True)
class PixelFormat:
    """What is written: the encoder's format, the planar one to build frames in, and what it cannot hold."""

    encoded: str
    planar: str
    bit_depth: int
    full_range: bool
    chroma_shift: tuple[int, int]
    warnings: tuple[str, ...] = ()


def choose_pixel_format(codec: Codec, planes: PlaneFormat, width: int, height: int) -> PixelFormat:
    """The codec's format nearest to `planes`: never shallower if it can be helped, then the same chroma size.

    Raises OutputError where the codec takes no planar Y′CbCr at all.
    """
    offered = [format_.name for format_ in codec.video_formats or ()] or ["yuv420p"]
    fitting = [name for name in offered if _fits(codec, name, width, height)]
    if not fitting:
        raise OutputError(f"{codec.name} takes no Y'CbCr picture of {width}x{height}, try another codec")
    best = min(fitting, key=lambda name: _distance(name, planes))
    planar = _PLANAR_OF.get(best, best)
    full_range = codec.name in _FULL_ONLY or (planes.full_range and codec.name not in _LIMITED_ONLY)
    warnings = [_difference(codec.name, best, planes)]
    if full_range != planes.full_range:
        known = "full" if full_range else "limited"
        warnings.append(f"{codec.name} knows {known} range only: the levels of luma are moved into it")
    return PixelFormat(best, planar, _depth(planar), full_range, chroma_shift(planar), tuple(filter(None, warnings)))


def _fits(codec: Codec, name: str, width: int, height: int) -> bool:
    planar = _PLANAR_OF.get(name, name)
    if not _PLANAR_YUV.fullmatch(planar):
        return False
    if max(width, height) < _LEAST_SIDE.get(codec.name, 0):
        return False
    across, down = chroma_shift(planar)
    is_divisible = width % (1 << across) == 0 and height % (1 << down) == 0
    return is_divisible or codec.canonical_name not in _EVEN_ONLY


def _depth(planar: str) -> int:
    found = _PLANAR_YUV.fullmatch(planar)
    return int(found.group(1) or 8) if found else 8


def _distance(name: str, planes: PlaneFormat) -> tuple[int, int, int, int]:
    planar = _PLANAR_OF.get(name, name)
    deeper = _depth(planar) - planes.bit_depth
    finer = [have - want for have, want in zip(planes.chroma_shift, chroma_shift(planar), strict=True)]
    lost = sum(-step for step in finer if step < 0)
    return max(0, -deeper), lost, abs(deeper), sum(abs(step) for step in finer)


def _difference(codec: str, name: str, planes: PlaneFormat) -> str | None:
    planar = _PLANAR_OF.get(name, name)
    if _depth(planar) != planes.bit_depth:
        return f"{codec} has no fitting {planes.bit_depth}-bit format: written as {name} ({_depth(planar)} bits)"
    if chroma_shift(planar) != planes.chroma_shift:
        return f"{codec} cannot write the source's chroma size at these dimensions: written as {name}"
    return None
