"""Decoding: luma planes and exact times out of a film."""

import math
from collections.abc import Generator, Iterator
from contextlib import closing
from copy import copy
from dataclasses import replace
from fractions import Fraction
from functools import cached_property, partial
from itertools import chain, dropwhile, islice
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
import torch
from av import VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from vidcolor.errors import InputError
from vidcolor.frames import FrameBatch
from vidcolor.turn import Turn
from vidcolor.video import planes, timeline
from vidcolor.video.clock import PictureClock, Timed
from vidcolor.video.decoding import decode, decode_from
from vidcolor.video.gaps import Gaps
from vidcolor.video.limits import USUAL, Limits
from vidcolor.video.loss import Loss
from vidcolor.video.moments import NO_TIMES, spread_frames
from vidcolor.video.picture import (
    CAPTIONS,
    FIELDS,
    carries_captions,
    carries_fields,
    clock_start,
    describe_strangeness,
    read_info,
    read_tags,
    told_length,
)
from vidcolor.video.source import find_picture, opened
from vidcolor.video.span import WHOLE, Span

MISSING_END = 1
"""Seconds that a picture may end before it should."""
CHANGE = "the picture changes to"
"""Begins the warning of a film whose frames do not stay alike."""
JUMP = "the clock jumps"
"""Begins the warning of parts whose clocks lie apart."""


class VideoReader:
    """A film as batches of luma planes. Made by `open_reader`; a context manager.

    Frames that do not decode are named in `losses`, which fills while `batches` runs; all others are handed out.
    Frames that change size or format on the way are scaled to the first frame's, and named in `warnings`.
    """

    def __init__(self, source: Path, span: Span = WHOLE, limits: Limits = USUAL) -> None:
        self.source = source
        self.span = span
        self.limits = limits
        self.losses: list[Loss] = []
        self.warnings: list[str] = []
        self._shift = 0
        self._clock: PictureClock | None = None
        with opened(source, limits) as container:
            stream = find_picture(container, source)
            self._check_claims(container, stream)
            first = next(decode(container, stream, lambda pts, what: None), None)
            if first is None:
                raise InputError(f"{source}: not one frame decodes, the file is damaged or has no frames")
            if planes.is_transparent(first) or stream.metadata.get("alpha_mode") == "1":
                self.warnings.append("the alpha channel cannot be kept in a film")
            first = self._repack(first)
            self._start = first.pts or 0
            self._pix_fmt = first.format.name
            self.tags = read_tags(stream, first)
            self.info = read_info(stream, first)
            self.warnings += describe_strangeness(self.tags)
            zero = clock_start(container)
            self._length = told_length(stream)
        self._shift = self._find_shift(zero)
        if span != Span():
            self.info = replace(self.info, frame_count=span.count_frames(self.info.rate, self.info.frame_count))

    @property
    def turn(self) -> Turn:
        """How the picture is turned for display."""
        return Turn.from_matrix(self.tags.display_matrix)

    @property
    def pixel_aspect(self) -> Fraction:
        """Width of a stored pixel by its height, as shown."""
        return self.tags.sample_aspect_ratio or Fraction(1)

    @property
    def origin(self) -> Fraction:
        """Seconds on the source's clock that are zero in the pts handed out."""
        return self._shift * self.info.time_base

    @property
    def start(self) -> Fraction | None:
        """Seconds on the source's clock at which the span starts, or None where nothing is cut."""
        return None if self.span == Span() else self.origin

    @property
    def end(self) -> Fraction | None:
        """Seconds on the source's clock at which the span ends, or None."""
        return None if self.span.end is None else self._start * self.info.time_base + self.span.end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to let go of: the file is open only while `batches` runs, and closed by the thread that reads it."""

    def batches(self, size: int, skip: int = 0, *, own_chroma: bool = False) -> Iterator[FrameBatch]:
        """Every frame of the span in display order, at most `size` to a batch; decodes anew at each call.

        The first `skip` frames are decoded, too, as only this is sure to give the same others, but not handed out.
        luma is (N, 1, H, W) uint8 or uint16 as `info.planes` says, and so is `own_chroma` where it is asked for and
        there is any. pts rise strictly.
        """
        frames: list[VideoFrame] = []
        times: list[tuple[int, int]] = []
        for frame, pts, duration in islice(self.frames(), skip, None):
            frames.append(frame)
            times.append((pts, duration))
            if len(frames) == size:
                yield self._batch(frames, times, own_chroma)
                frames, times = [], []
        if frames:
            yield self._batch(frames, times, own_chroma)

    def frames(self) -> Iterator[Timed]:
        """Every frame of the span as decoded, in the first one's size and format, with its pts and duration."""
        self.losses.clear()
        gaps, end = Gaps(self.info.usual_duration), 0
        for frame, pts, duration in self._timed_frames():
            lost = round(self.losses[-1].seconds / self.info.time_base) if self.losses else None
            gaps.follow(pts - self._shift, duration, lost)
            end = pts + duration
            if CAPTIONS not in self.warnings and carries_captions(frame):
                self.warnings.append(CAPTIONS)
            if FIELDS not in self.warnings and carries_fields(frame, self.tags):
                self.warnings.append(FIELDS)
            yield self._in_layout(frame, pts), pts - self._shift, duration
        if (warning := gaps.warning(self.info.time_base)) and warning not in self.warnings:
            self.warnings.append(warning)
        if self.span.end is None:
            self._compare_length(end)

    def begin_at(self, seconds: Fraction | None) -> "VideoReader":
        """The same film from a moment on, found by seeking, or from its beginning; all times are counted as here."""
        part = copy(self)
        part.losses, part.warnings = [], []
        if seconds is not None:
            start = seconds + self.origin - self._start * self.info.time_base
            part.span = Span(max(start, self.span.start or Fraction(0)), self.span.end)
        return part

    def moments(self, count: int) -> Iterator[FrameBatch]:
        """At most `count` frames spread evenly over the whole film, one to a batch; found by seeking."""
        self.losses.clear()
        self._clock = None
        for frame in spread_frames(self.source, count, self._lose, self.limits):
            pts = frame.pts or 0
            yield self._batch([self._in_layout(frame, pts)], [(pts - self._shift, frame.duration)])

    def _batch(self, frames: list[VideoFrame], times: list[tuple[int, int]], own_chroma: bool = False) -> FrameBatch:
        luma = torch.empty((len(frames), 1, self.info.height, self.info.width), dtype=self.info.planes.dtype)
        for slot, frame in zip(luma.numpy(), frames, strict=True):
            np.copyto(slot[0], planes.read_luma(frame))
        pairs = [pair for frame in frames if own_chroma and (pair := planes.read_chroma(frame)) is not None]
        return FrameBatch(
            luma,
            tuple(pts for pts, _ in times),
            tuple(duration for _, duration in times),
            own_chroma=torch.from_numpy(np.stack(pairs)) if pairs else None,
        )

    def _timed_frames(self) -> Generator[Timed]:
        """(frame as decoded, pts on the source's clock, duration) of the span."""
        start = self._tick(self.span.start) if self.span.start is not None else None
        end = self._tick(self.span.end) if self.span.end is not None else None
        with opened(self.source, self.limits) as container:
            self._clock = self._make_clock(container)
            timed = self._clock.steady(self._frames_from(container, start))
            for frame, pts, duration in timed if start is None else self._begin(timed, start):
                if end is not None and pts >= end:
                    return
                yield frame, pts, duration if end is None else min(duration, end - pts)

    def _begin(self, timed: Iterator[Timed], start: int) -> Iterator[Timed]:
        """What lies before the span had to be decoded only: its losses are forgotten, too."""
        kept = dropwhile(lambda one: one[1] < start, timed)
        begun = list(islice(kept, 1))
        first = (start - self._shift) * self.info.time_base
        told = [loss for loss in self.losses if loss.seconds >= first]
        self.losses[:] = [replace(loss, seconds=max(loss.seconds, Fraction(0))) for loss in told]
        yield from chain(begun, kept)

    def _tick(self, seconds: Fraction) -> int:
        return self._start + math.ceil(seconds / self.info.time_base)

    def _make_clock(self, container: InputContainer) -> PictureClock:
        on_jump = self._tell_jump if container.format.name in timeline.FORMATS else None
        return PictureClock(self._start, self.info.usual_duration, self.info.time_base, on_jump)

    def _tell_jump(self, last: int, pts: int) -> None:
        before, after = (float((time - self._shift) * self.info.time_base) for time in (last, pts))
        warning = f"{JUMP} from {before:.3f} s to {after:.3f} s: what follows is joined on, as another part"
        if not any(other.startswith(JUMP) for other in self.warnings):
            self.warnings.append(warning)

    def _compare_length(self, end: int) -> None:
        """Matroska that is cut off, or damaged beyond finding on, ends without a word."""
        if self._length and end * self.info.time_base + MISSING_END < self._length:
            self._lose(end, f"no picture from here to its end at {float(self._length):.3f} s")

    def _frames_from(self, container: InputContainer, start: int | None) -> Iterator[VideoFrame]:
        """Decoded frames, from the key frame before `start` on."""
        stream, again = find_picture(container, self.source), partial(opened, self.source, self.limits)
        if start is None or container.format.name == NO_TIMES or self._has_parts:
            yield from decode(container, stream, self._lose, again)
            return
        frames = decode_from(container, stream, start, self._lose, again)
        first = next(frames, None)
        if first is None or first.pts is None or first.pts > start or not first.key_frame:
            # The index was wrong, or there is none: read from the beginning.
            self.losses.clear()
            with again() as film:
                yield from decode(film, find_picture(film, self.source), self._lose, again)
            return
        yield first
        yield from frames

    @cached_property
    def _has_parts(self) -> bool:
        return timeline.has_parts(self.source, self.limits)

    def _in_layout(self, frame: VideoFrame, pts: int) -> VideoFrame:
        frame = self._repack(frame)
        if (frame.width, frame.height, frame.format.name) == (self.info.width, self.info.height, self._pix_fmt):
            return frame
        if not any(warning.startswith(CHANGE) for warning in self.warnings):
            at = float((pts - self._shift) * self.info.time_base)
            self.warnings.append(
                f"{CHANGE} {frame.width}x{frame.height} {frame.format.name} at {at:.3f} s: "
                f"scaled to {self.info.width}x{self.info.height} {self._pix_fmt} from there on"
            )
        return frame.reformat(self.info.width, self.info.height, self._pix_fmt, threads=planes.SWSCALE_THREADS)

    def _repack(self, frame: VideoFrame) -> VideoFrame:
        try:
            return planes.repack(frame)
        except InputError as error:
            raise InputError(f"{self.source}: {error}") from error

    def _check_claims(self, container: InputContainer, stream: VideoStream) -> None:
        """Raise InputError where the header claims more than the limits allow, before a frame is decoded."""
        self.limits.check_picture(self.source, stream.width, stream.height)
        self.limits.check_frames(self.source, stream.frames)
        if stream.duration and stream.time_base:
            self.limits.check_length(self.source, float(stream.duration * stream.time_base))
        elif container.duration:
            self.limits.check_length(self.source, container.duration / av.time_base)

    def _find_shift(self, zero: Fraction) -> int:
        """Ticks to take from every pts, so that a span begins at zero and an MPEG clock near it."""
        if self.span == Span():
            return round(zero / self.info.time_base)
        if self.span.start is None:
            return self._start
        with closing(self._timed_frames()) as kept:
            first = next(kept, None)
        self.losses.clear()
        if first is None:
            raise InputError(f"{self.source}: has no frame {self.span}")
        return first[1]

    def _lose(self, pts: int | None, what: str) -> None:
        moved = self._clock.offset if self._clock else 0
        place = max(self._start, self._shift) if pts is None else pts + moved
        self.losses.append(Loss((place - self._shift) * self.info.time_base, what))
