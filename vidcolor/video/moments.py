"""Frames spread over a film, found by seeking: seconds of work, where decoding everything takes hours."""

from __future__ import annotations  # Packet is generic in its stub only

from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path

import av
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from vidcolor.video.decoding import MOST_STEPS, decode, decode_from, key_near, read_packets, time_of
from vidcolor.video.limits import Limits
from vidcolor.video.roll import Lose
from vidcolor.video.source import find_picture, opened
from vidcolor.video.timeline import has_parts

NO_TIMES = "mpeg"
"""FFmpeg's name of program streams, whose small frames share a time: behind a seek that of most is a guess."""


def spread_frames(source: Path, count: int, lose: Lose, limits: Limits) -> Iterator[VideoFrame]:
    """At most `count` sound frames, later and later, for the middles of as many equal parts of the film.

    Each is the key frame at or before its moment. The first, as films begin in black, and one whose key frame was shown
    already are decoded on towards the moment, but no further than MOST_STEPS frames: what is reached stands for it.
    """
    with opened(source, limits) as index, opened(source, limits) as film:
        signposts, stream = find_picture(index, source), find_picture(film, source)
        again = partial(opened, source, limits)
        frames: Iterator[VideoFrame] | None = None
        last: int | None = None
        for moment in _moments(index, signposts, count, lose):
            if last is not None and moment <= last:
                continue  # what was found for the moment before lies behind this one, too
            key = key_near(index, signposts, moment)
            if key is not None and (last is None or key > last):
                frames, moment = decode_from(film, stream, moment, lose, again), moment if last is None else key
            elif frames is None:
                frames = decode(film, stream, lose, again)
            frame = _reach(frames, moment)
            if frame is not None and frame.pts is not None and (last is None or frame.pts > last):
                last = frame.pts
                yield frame


def searchable_length(source: Path, limits: Limits) -> Fraction | None:
    """Seconds of the picture, of a film in whose middle decoding can begin; None of others."""
    with opened(source, limits) as film:
        if film.format.name == NO_TIMES:
            return None
        stream = find_picture(film, source)
        start, length = _extent(film, stream, _ignore)
        middle = start + length // 2
        frame = next(decode_from(film, stream, middle, _ignore), None)
        can_begin = frame is not None and frame.pts is not None and start < frame.pts <= middle
        if not can_begin or not stream.time_base or has_parts(source, limits):
            return None
        return length * stream.time_base


def _ignore(pts: int | None, what: str) -> None:
    """Whoever reads the film will hear of its losses."""


def _moments(container: InputContainer, stream: VideoStream, count: int, lose: Lose) -> list[int]:
    """The middles of `count` equal parts of the picture's time, in ticks."""
    start, length = _extent(container, stream, lose)
    return [start + length * (2 * part + 1) // (2 * count) for part in range(count)]


def _extent(container: InputContainer, stream: VideoStream, lose: Lose) -> tuple[int, int]:
    """Start and length of the picture in ticks."""
    start = stream.start_time or 0
    length = stream.duration or 0
    if not length and container.duration and stream.time_base:
        length = int(Fraction(container.duration, av.time_base) / stream.time_base)
    if not length:
        times = [time for packet in read_packets(container, [stream], lose) if (time := time_of(packet)) is not None]
        length = max(times, default=start) - start
    return start, length


def _reach(frames: Iterator[VideoFrame], moment: int) -> VideoFrame | None:
    """The sound frame on screen at the moment, the next one where there is none, or the last one within reach."""
    reached = None
    for frame in islice(frames, MOST_STEPS):
        if frame.is_corrupt or frame.pts is None:
            continue
        reached = frame
        if frame.pts + max(frame.duration, 1) > moment:
            break
    return reached
