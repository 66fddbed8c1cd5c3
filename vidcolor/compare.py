"""Two films, or two pictures, shown as one."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from vidcolor.errors import InputError
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.layout import lay_out
from vidcolor.prefetch import prefetch
from vidcolor.video import (
    USUAL,
    Encoding,
    Limits,
    StillReader,
    VideoReader,
    check_target,
    open_reader,
    open_writer,
    read_pictures,
)

ROUNDING = Fraction(1, 1000)
"""Seconds by which the same moment differs in two files, as some containers count in milliseconds."""
SAME_SHAPE = Fraction(1, 50)
"""Share of the width by which two pictures of the same shape may differ; they are then given the same width."""
FRAMES_AHEAD = 4

Reader = VideoReader | StillReader


@dataclass(frozen=True)
class CompareReport:
    """What became of two films."""

    left: str
    right: str
    target: str
    frames: int
    seconds: float
    """Of work, not of film."""
    warnings: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    """Places where one of the sources did not decode, each with its name."""


def compare(
    left: Path | str,
    right: Path | str,
    target: Path | str,
    *,
    layout: str = "side",
    encoding: Encoding | None = None,
    overwrite: bool = False,
    limits: Limits = USUAL,
    on_frames: Callable[[int, int | None], None] = lambda done, expected: None,
) -> CompareReport:
    """Show two films in `target`, which appears whole or not at all; two stills likewise.

    The left film's times, sound and everything else stay. The right one is scaled to its height as shown, and beside
    each frame stands the one that is then on screen, the last where it ends early. Colours stay as they are, in 8 bits
    and, of films, in 4:2:0. `on_frames` hears how many frames are done and how many are expected. Raises InputError,
    OutputError or ConfigError.
    """
    left, right, target = Path(left), Path(right), Path(target)
    with open_reader(left, limits=limits) as one, open_reader(right, limits=limits) as other:
        if isinstance(one, StillReader) != isinstance(other, StillReader):
            raise InputError(f"{left} and {right}: one is a picture, the other a film; give two of a kind")
        check_target(target, right, overwrite)
        return _compare(one, other, target, layout, encoding or Encoding(), overwrite, on_frames)


def _compare(
    left: Reader,
    right: Reader,
    target: Path,
    name: str,
    encoding: Encoding,
    overwrite: bool,
    on_frames: Callable[[int, int | None], None],
) -> CompareReport:
    started, frames = time.monotonic(), 0
    info = _to_look_at(left)
    scaled = _scaled(right, left, info)
    layout = lay_out(name, info, left.turn, _turned(scaled, right, left))
    with (
        open_writer(target, left, encoding=encoding, overwrite=overwrite, info=layout.info) as writer,
        closing(prefetch(read_pictures(left, info, writer.planes), FRAMES_AHEAD)) as lefts,
        closing(
            prefetch(read_pictures(right, scaled, _turned_planes(writer.planes, right, left)), FRAMES_AHEAD)
        ) as rights,
    ):
        screen = _Screen(rights, right.info)
        for picture in lefts:
            shown = _turn(screen.at(picture.pts[0] * info.time_base), right, left)
            writer.write(layout.join(picture, shown, writer.planes))
            frames += 1
            on_frames(frames, left.info.frame_count)
    held = [] if screen.ended is None else [f"{right.source} ends at {float(screen.ended):.3f} s: its last frame stays"]
    return CompareReport(
        left=str(left.source),
        right=str(right.source),
        target=str(target),
        frames=frames,
        seconds=time.monotonic() - started,
        warnings=(*writer.warnings, *right.warnings, *held),
        losses=tuple(f"{film.source} at {loss}" for film in (left, right) for loss in film.losses),
    )


class _Screen:
    """What a film shows at any time, asked for in rising order."""

    def __init__(self, pictures: Iterator[FrameBatch], info: VideoInfo) -> None:
        self._pictures, self._info = pictures, info
        self._shown = next(pictures)
        self._next = next(pictures, None)
        self.ended: Fraction | None = None
        """Seconds at which the film ended, if it was asked for more."""

    def at(self, seconds: Fraction) -> FrameBatch:
        """The frame that is on screen at that presentation time: the first one before it begins, the last after."""
        while self._next is not None and self._next.pts[0] * self._info.time_base <= seconds + ROUNDING:
            self._shown, self._next = self._next, next(self._pictures, None)
        end = self._end() if self._next is None else None
        if end is not None and seconds >= end - ROUNDING:
            self.ended = end
        return self._shown

    def _end(self) -> Fraction | None:
        """Seconds at which the present frame's time is over; None for a still."""
        tick, rate = self._info.time_base, self._info.rate
        lasts = self._shown.durations[0] * tick or (1 / rate if rate else None)
        return None if lasts is None else self._shown.pts[0] * tick + lasts


def _to_look_at(reader: Reader) -> VideoInfo:
    """The reader's own picture in 8 bits, a film's in 4:2:0."""
    planes = reader.info.planes
    shift = (0, 0) if isinstance(reader, StillReader) else (1, 1)
    return replace(reader.info, planes=PlaneFormat(8, planes.full_range, planes.matrix, shift))


def _scaled(reader: Reader, beside: Reader, info: VideoInfo) -> VideoInfo:
    """`info` with the size, as stored in `reader`, that has the height of the film `beside` it when both are shown."""
    height, width = reader.turn.size(reader.info.height, reader.info.width)
    wanted, full_width = beside.turn.size(info.height, info.width)
    fitting = max(1, round(Fraction(wanted * width, height) * _shown_aspect(reader) / _shown_aspect(beside)))
    if abs(fitting - full_width) <= full_width * SAME_SHAPE:
        fitting = full_width
    height, width = reader.turn.size(wanted, fitting)
    return replace(info, height=height, width=width)


def _shown_aspect(reader: Reader) -> Fraction:
    """Width by height of a pixel as it is shown."""
    return 1 / reader.pixel_aspect if reader.turn.swapped else reader.pixel_aspect


def _turned(info: VideoInfo, reader: Reader, like: Reader) -> VideoInfo:
    """The info of the reader's pictures once they are stored `like` another's."""
    height, width = like.turn.size(*reader.turn.size(info.height, info.width))
    return replace(info, height=height, width=width)


def _turned_planes(planes: PlaneFormat, reader: Reader, like: Reader) -> PlaneFormat:
    """What the reader's planes have to be so that they become `planes` once they are stored `like` another's."""
    across, down = planes.chroma_shift
    swaps = reader.turn.swapped != like.turn.swapped
    return replace(planes, chroma_shift=(down, across)) if swaps else planes


def _turn(picture: FrameBatch, reader: Reader, like: Reader) -> FrameBatch:
    """A picture of the reader, stored `like` another's."""
    assert picture.chroma is not None
    luma, chroma = (like.turn.stored(reader.turn.upright(plane)) for plane in (picture.luma, picture.chroma))
    return replace(picture, luma=luma, chroma=chroma)
