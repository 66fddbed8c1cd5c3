"""The picture of a film as its headers and its first frame describe it."""

from dataclasses import dataclass, replace
from fractions import Fraction

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from vidcolor.frames import PlaneFormat, VideoInfo
from vidcolor.video import planes
from vidcolor.video.encoding import BOTTOM_FIRST, INTERLACED, KEEPS_FIELDS, TOP_FIRST
from vidcolor.video.source import display_matrix, side_data_names

MAX_RATE = 300
"""Frames a second above which a header's hint is a time base (FLV and some MKV say 1000), not a rate."""

_HD = 720
"""Lines from which DV is DVCPRO HD, whose top field comes first."""
UNSPECIFIED = 2
"""AVColorSpace where the matrix is not named."""

_TRANSFERS = {8: "linear", 9: "logarithmic", 10: "logarithmic", 16: "PQ", 17: "SMPTE 428", 18: "HLG"}
"""AVColorTransferCharacteristic far from the gamma of a television."""
_WIDE = {4: "BT.470 M", 8: "film", 9: "BT.2020", 10: "XYZ", 11: "DCI-P3", 12: "Display P3"}
"""AVColorPrimaries far from those of BT.709."""
_OTHER_MATRICES = {8: "YCgCo", 10: "BT.2020 constant luminance", 11: "Y'D'zD'x", 12: "derived from the primaries",
    13: "derived from the primaries", 14: "ICtCp", 15: "IPT", 16: "YCgCo-Re", 17: "YCgCo-Ro"}  # fmt: skip
"""AVColorSpace without a luma that the colours are made for."""
_HDR = frozenset({"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL", "DYNAMIC_HDR_PLUS", "DOVI_METADATA"})
CAPTIONS = "closed captions inside the picture cannot be kept"
FIELDS = "the picture becomes interlaced on the way: its fields are written as whole frames"
_CAPTIONS = "A53_CC"
"""As US broadcasts carry them, line 21 of old tapes among it."""
_WITHOUT_ROTATION = frozenset({"mpegts"})
_WITHOUT_MIRROR = frozenset({"matroska", "webm"})
_WITHOUT_ASPECT = frozenset({"matroska", "webm"})
"""Containers for which PyAV sets no shape of the pixels, so that only the codec can tell it."""
_TELLS_ASPECT = ("264", "265", "hevc", "mpeg")
"""Parts of the names of encoders that do."""
_ARBITRARY_CLOCK = 0x0200
"""AVFMT_TS_DISCONT: MPEG streams and their kin."""


@dataclass(frozen=True)
class PictureTags:
    """What the writer passes on about the picture beside its samples. Numbers are FFmpeg's AVColor values."""

    stream_index: int
    sample_aspect_ratio: Fraction | None
    colorspace: int
    """0 for R'G'B'."""
    color_range: int
    color_primaries: int
    color_trc: int
    display_matrix: tuple[int, ...] | None
    side_data: tuple[str, ...]
    """Names of what else the first frame carries, such as MASTERING_DISPLAY_METADATA."""
    field_order: int
    """AVFieldOrder: 0 unknown, 1 progressive, 2 to 5 interlaced."""


def read_tags(stream: VideoStream, first: VideoFrame) -> PictureTags:
    """What only the container and the first frame know."""
    return PictureTags(
        stream_index=stream.index,
        sample_aspect_ratio=stream.sample_aspect_ratio or None,
        colorspace=0 if planes.is_rgb(first.format) else first.colorspace,
        color_range=first.color_range,
        color_primaries=first.color_primaries,
        color_trc=first.color_trc,
        display_matrix=display_matrix(first),
        side_data=side_data_names(first),
        field_order=_field_order(stream, first),
    )


def _field_order(stream: VideoStream, first: VideoFrame) -> int:
    """As the header says; DV and others tell it on their frames only, where PyAV does not show which field is first."""
    told = stream.codec_context.field_order
    if told in INTERLACED or not first.interlaced_frame:
        return told
    is_dv = stream.codec_context.codec.canonical_name == "dvvideo" and first.height < _HD
    return BOTTOM_FIRST if is_dv else TOP_FIRST


def read_info(stream: VideoStream, first: VideoFrame) -> VideoInfo:
    """Size, planes, time base, and the hints at rate and length."""
    tick = stream.time_base or Fraction(1, av.time_base)
    rate = _rate(stream, first, tick)
    is_interlaced = _field_order(stream, first) in INTERLACED
    return VideoInfo(
        width=first.width,
        height=first.height,
        planes=replace(planes.plane_format(first), interlaced=is_interlaced),
        time_base=tick,
        rate=rate,
        frame_count=_frame_count(stream, tick, rate),
    )


def _rate(stream: VideoStream, first: VideoFrame, tick: Fraction) -> Fraction | None:
    measured = 1 / (first.duration * tick) if first.duration else None
    hints = (stream.average_rate, stream.guessed_rate, measured)
    return next((rate for rate in hints if rate and rate <= MAX_RATE), None)


def _frame_count(stream: VideoStream, tick: Fraction, rate: Fraction | None) -> int | None:
    if stream.frames:
        return stream.frames
    return round(stream.duration * tick * rate) if stream.duration and rate else None


def name_matrix(tags: PictureTags, written: PlaneFormat) -> PictureTags:
    """The tags with a matrix in them: players guess an unspecified one by the size, which may have changed."""
    if tags.colorspace != UNSPECIFIED:
        return tags
    return replace(tags, colorspace=planes.COLORSPACE_OF_MATRIX[written.matrix])


def describe_strangeness(tags: PictureTags) -> list[str]:
    """What of the picture lies beyond the colours that are made: those of BT.709 and its relatives."""
    strange = []
    if name := _TRANSFERS.get(tags.color_trc):
        strange.append(f"the transfer is {name}: coloured as if it were ordinary gamma; the tag is kept")
    if name := _WIDE.get(tags.color_primaries):
        strange.append(f"the primaries are {name}: the colours are made for BT.709 and will look different")
    if name := _OTHER_MATRICES.get(tags.colorspace):
        strange.append(f"the matrix is {name}: read and written as the nearest ordinary one")
    return strange


def carries_captions(frame: VideoFrame) -> bool:
    """Whether text for the deaf lies in the frame itself rather than in a stream of its own."""
    return _CAPTIONS in side_data_names(frame)


def carries_fields(frame: VideoFrame, tags: PictureTags) -> bool:
    """Whether the frame is interlaced where the first one was not."""
    return frame.interlaced_frame and tags.field_order not in INTERLACED


def describe_picture(stream: VideoStream, tags: PictureTags, written: PlaneFormat) -> list[str]:
    """Give an output stream what the source's picture was tagged with; what its container or PyAV cannot take."""
    context = stream.codec_context
    limited = planes.LIMITED if tags.color_range == planes.FULL else tags.color_range
    context.color_range = planes.FULL if written.full_range else limited
    context.color_primaries = tags.color_primaries
    context.color_trc = tags.color_trc
    is_faithful = tags.colorspace in planes.FAITHFUL_COLORSPACES
    context.colorspace = tags.colorspace if is_faithful else planes.COLORSPACE_OF_MATRIX[written.matrix]
    if tags.sample_aspect_ratio:
        context.sample_aspect_ratio = tags.sample_aspect_ratio
    if tags.field_order:
        context.field_order = tags.field_order
    if tags.display_matrix:
        stream.set_display_matrix(tags.display_matrix)
    return _lost(stream, tags)


def _lost(stream: VideoStream, tags: PictureTags) -> list[str]:
    format_name, codec = stream.container.format.name, stream.codec_context.codec.name
    lost = [f"HDR side data ({name.lower()}) cannot be kept" for name in tags.side_data if name in _HDR]
    if tags.display_matrix and format_name in _WITHOUT_ROTATION:
        lost.append(f"{format_name} holds no rotation: the picture will show unturned")
    if tags.display_matrix and format_name in _WITHOUT_MIRROR and _is_mirrored(tags.display_matrix):
        lost.append(f"{format_name} holds no mirroring: the picture will show rotated only, use .mp4 to keep it")
    tells_aspect = format_name not in _WITHOUT_ASPECT or any(part in codec for part in _TELLS_ASPECT)
    if tags.sample_aspect_ratio not in (None, 1) and not tells_aspect:
        lost.append(f"{format_name} with {codec} holds no pixel aspect: the picture will show with square pixels")
    if tags.field_order in INTERLACED and codec not in KEEPS_FIELDS:
        lost.append(f"{codec} encodes the interlaced picture as whole frames")
    return lost


def _is_mirrored(matrix: tuple[int, ...]) -> bool:
    return matrix[0] * matrix[4] - matrix[1] * matrix[3] < 0


def clock_start(container: InputContainer) -> Fraction:
    """Seconds at which an MPEG stream's clock, which counts from anywhere, begins; 0 for other containers."""
    if not container.format.flags & _ARBITRARY_CLOCK or not container.start_time:
        return Fraction(0)
    return Fraction(container.start_time, av.time_base)


def told_length(stream: VideoStream) -> Fraction | None:
    """Seconds at which the picture ends as its Matroska tag has it, 01:02:03.456; None without one."""
    try:
        hours, minutes, seconds = map(Fraction, stream.metadata.get("DURATION", "").split(":"))
    except (ValueError, ZeroDivisionError):
        return None
    return hours * 3600 + minutes * 60 + seconds
