"""The source file: opened safely, its picture chosen, what only the container knows read out."""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from types import MappingProxyType
from typing import Any

import av
import numpy as np
from av import FFmpegError, VideoFrame
from av.container import InputContainer
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from vidcolor.errors import InputError
from vidcolor.video.animation import WebpFilm, is_animated_webp
from vidcolor.video.boxes import count_samples
from vidcolor.video.limits import USUAL, Limits
from vidcolor.video.sequence import Sequence, find_sequence, is_sequence

MOST_PIXELS = 2**31 - 1
"""The highest limit that FFmpeg takes."""
NO_OPTIONS: Mapping[str, str] = MappingProxyType({})


def check_source(source: Path) -> None:
    """Raise InputError for what no decoder has to look at: missing, locked, a folder, a pipe, empty."""
    if is_sequence(source):
        return
    try:
        found = source.stat()
        if S_ISREG(found.st_mode):
            source.open("rb").close()
        elif S_ISDIR(found.st_mode):
            os.scandir(source).close()
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{source}: no such file") from None
    except OSError as error:
        raise InputError(f"{source}: cannot be read ({error.strerror})") from error
    if S_ISDIR(found.st_mode):
        raise InputError(f"{source}: is a folder, give a film or a picture")
    if not S_ISREG(found.st_mode):
        raise InputError(f"{source}: is a pipe or a device, save what comes from it to a file and give that")
    if found.st_size == 0:
        raise InputError(f"{source}: is empty (0 bytes)")


def open_container(source: Path, limits: Limits = USUAL) -> InputContainer:
    """Open for reading. Raises InputError in one line whatever the file is."""
    check_source(source)
    try:
        sequence = find_sequence(source)
        container = _open(source, limits) if sequence is None else _open_sequence(sequence, source, limits)
    except FFmpegError as error:
        raise InputError(f"{source}: not a film or damaged beyond reading ({reason(error)})") from error
    if container.format.name == "tty":
        container.close()
        raise InputError(f"{source}: is text, not a film")
    for stream in container.streams.video:
        if stream.codec_context is not None:
            stream.codec_context.options = _options(limits)
    return container


def _open(source: Path, limits: Limits) -> InputContainer:
    limits.check_frames(source, count_samples(source))
    if is_animated_webp(source):
        return _open_as(WebpFilm(source, limits), "apng", limits)
    return _open_as(f"file:{source}", None, limits)


def _open_sequence(sequence: Sequence, source: Path, limits: Limits) -> InputContainer:
    limits.check_frames(source, len(sequence.numbers))
    numbered = {"pattern_type": "sequence", "start_number": str(sequence.numbers[0]), "framerate": str(sequence.rate)}
    return _open_as(f"file:{sequence.pattern}", "image2", limits, numbered)


def _open_as(
    file: str | WebpFilm, format_name: str | None, limits: Limits, options: Mapping[str, str] = NO_OPTIONS
) -> InputContainer:
    """By "file:", which keeps a colon in the name from being taken for a protocol; a playlist reaches no network."""
    return av.open(
        file,
        "r",
        format=format_name,
        container_options={"protocol_whitelist": "file", **options},
        options=_options(limits),
        metadata_errors="replace",
    )


def _options(limits: Limits) -> dict[str, str]:
    return {"max_pixels": str(min(limits.pixels, MOST_PIXELS))}


def find_picture(container: InputContainer, source: Path) -> VideoStream:
    """The stream to colour: FFmpeg's best video stream that has a size and is no cover. Raises InputError."""
    found = [s for s in container.streams.video if s.codec_context is not None and s.width and not is_cover(s)]
    if not found:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "no streams"
        hint = "; if it is a very large one, raise --max-pixels" if container.streams.video else ""
        raise InputError(f"{source}: has no moving picture (it holds: {kinds}){hint}")
    best = container.streams.best("video")
    return next((stream for stream in found if best is not None and stream.index == best.index), found[0])


def is_cover(stream: Stream) -> bool:
    """True for cover art, which FFmpeg shows as a video stream of one frame."""
    return bool(stream.disposition & Disposition.attached_pic)


def codec_name(stream: Stream) -> str:
    """FFmpeg's name of what a stream is encoded with, whether there is a decoder for it or not."""
    if stream.codec_context is not None:
        return stream.codec_context.codec.canonical_name
    return getattr(stream, "name", None) or "unknown"


def reason(error: FFmpegError) -> str:
    """FFmpeg's own words for an error, short enough for one line."""
    return error.strerror or type(error).__name__


def display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The nine integers that rotate or mirror the picture on display, or None."""
    for item in _side_data(frame):
        if item.type.name == "DISPLAYMATRIX":
            return tuple(int(value) for value in np.frombuffer(bytes(item), np.int32))
    if not frame.rotation:
        return None
    angle = math.radians(frame.rotation)
    across, down = (round(65536 * part) for part in (math.cos(angle), math.sin(angle)))
    return across, -down, 0, down, across, 0, 0, 0, 1 << 30


def side_data_names(frame: VideoFrame) -> tuple[str, ...]:
    """What the frame carries beside its samples, as PyAV names it."""
    return tuple(item.type.name for item in _side_data(frame))


def _side_data(frame: VideoFrame) -> list[Any]:
    """None where PyAV has no name for one of its kinds, as for EXIF."""
    try:
        return list(frame.side_data)
    except ValueError:
        return []


@contextmanager
def opened(source: Path, limits: Limits = USUAL) -> Iterator[InputContainer]:
    """`open_container` for a `with` block."""
    container = open_container(source, limits)
    try:
        yield container
    finally:
        container.close()
