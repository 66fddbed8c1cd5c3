"""What a file holds, stream by stream, as its headers say."""

from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av import FFmpegError
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from vidcolor.errors import InputError
from vidcolor.video.limits import USUAL, Limits
from vidcolor.video.source import codec_name, find_picture, is_cover, opened

_RANGES = {1: "limited", 2: "full"}


@dataclass(frozen=True)
class StreamSummary:
    """One stream; None where its header does not say."""

    index: int
    kind: str
    """video, cover, audio, subtitle, data or attachment."""
    codec: str
    is_picture: bool = False
    """True for the stream that would be coloured."""
    width: int | None = None
    height: int | None = None
    pix_fmt: str | None = None
    rate: Fraction | None = None
    """Frames a second."""
    frame_count: int | None = None
    sample_aspect_ratio: Fraction | None = None
    rotation: int = 0
    """Degrees counter-clockwise by which a player turns the picture; known for the picture only."""
    color_space: int = 2
    """AVColorSpace; 2 is unspecified, here and in the next two."""
    color_primaries: int = 2
    color_transfer: int = 2
    color_range: str | None = None
    """limited or full."""
    sample_rate: int | None = None
    """Hertz."""
    channels: int | None = None
    language: str | None = None
    title: str | None = None


@dataclass(frozen=True)
class MediaSummary:
    """A file as `vidcolor info` shows it."""

    path: Path
    container: str
    """FFmpeg's name of the format."""
    seconds: float | None
    streams: tuple[StreamSummary, ...]
    chapters: tuple[str, ...] = ()
    """The chapters' titles, empty where they have none."""
    metadata: tuple[tuple[str, str], ...] = ()


def probe(source: Path, limits: Limits = USUAL) -> MediaSummary:
    """Describe a film or a still. Raises InputError where the file cannot be opened at all."""
    with opened(source, limits) as container:
        picture = _picture(container, source)
        streams = tuple(_summary(stream, container, stream is picture) for stream in container.streams)
        return MediaSummary(
            path=source,
            container=container.format.name,
            seconds=container.duration / av.time_base if container.duration else None,
            streams=streams,
            chapters=tuple(chapter["metadata"].get("title", "") for chapter in container.chapters()),
            metadata=tuple(container.metadata.items()),
        )


def _picture(container: InputContainer, source: Path) -> VideoStream | None:
    try:
        return find_picture(container, source)
    except InputError:
        return None


def _summary(stream: Stream, container: InputContainer, is_picture: bool) -> StreamSummary:
    summary = StreamSummary(
        index=stream.index,
        kind="cover" if is_cover(stream) else stream.type,
        codec=codec_name(stream),
        is_picture=is_picture,
        language=stream.language,
        title=stream.metadata.get("title"),
    )
    if stream.codec_context is None:
        return summary
    if isinstance(stream, VideoStream):
        return _video_summary(summary, stream, container)
    if isinstance(stream, AudioStream):
        return replace(summary, sample_rate=stream.rate, channels=stream.channels)
    return summary


def _video_summary(summary: StreamSummary, stream: VideoStream, container: InputContainer) -> StreamSummary:
    context = stream.codec_context
    return replace(
        summary,
        width=stream.width,
        height=stream.height,
        pix_fmt=stream.pix_fmt,
        rate=stream.average_rate,
        frame_count=stream.frames or None,
        sample_aspect_ratio=stream.sample_aspect_ratio or None,
        rotation=_rotation(stream, container) if summary.is_picture else 0,
        color_space=context.colorspace,
        color_primaries=context.color_primaries,
        color_transfer=context.color_trc,
        color_range=_RANGES.get(context.color_range),
    )


def _rotation(stream: VideoStream, container: InputContainer) -> int:
    # PyAV tells a stream's display matrix on its decoded frames only.
    with suppress(FFmpegError):
        return next((frame.rotation for frame in container.decode(stream)), 0)
    return 0
