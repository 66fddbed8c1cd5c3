"""Shots that are in colour already keep it: told from grey and toned ones, and given back what they came with."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, groupby, islice
from operator import attrgetter

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor.color import chroma_to_rgb, read_chroma, read_luma, store_chroma_
from vidcolor.frames import NOTHING, FrameBatch, Memory, PlaneFormat
from vidcolor.tones import measure_colors

LOOK_AHEAD = 24
"""Frames at the start of a shot by which it is judged."""
EVERY = 2
"""One in so many of them is looked at."""
ENOUGH = 1 / 3
"""Share of these in colour that makes the shot one in colour: it may rise out of black or white."""
JUDGED_SIDE = 32
"""Pixels of the short side at which colours are judged: coarser than the edges at which chroma and luma part."""
LEAST_SPREAD = 2.4
"""Spread of a*b* at one lightness under which there is nothing but noise in the chroma."""
SURE_SPREAD = 5.0
"""Spread that no tone has, however strong."""
LEAST_VARIETY = 0.4
"""Spread by mean chroma, between these two, under which it is a tone that its film or its coding made uneven."""


@dataclass(frozen=True)
class KeptShot:
    """A shot whose own colours stay, in seconds from the start of what is read."""

    start: float
    end: float


class Keeper:
    """Marks shots that are in colour before they are coloured, and restores their chroma afterwards."""

    def __init__(self, source: PlaneFormat, tick: Fraction, memory: Memory = NOTHING, *, looks: bool) -> None:
        """`source` and `tick` are the reader's planes and time base. Without `looks` all shots count as grey."""
        self._source, self._tick, self._looks = source, tick, looks
        self._in_color = bool(memory.get("keeper.in_color", False))
        """The verdict on the shot that the first batch goes on with."""
        self._shots: list[list[int]] = memory["keeper.shots"].tolist() if "keeper.shots" in memory else []
        """First and last tick of those that were restored."""

    @property
    def shots(self) -> tuple[KeptShot, ...]:
        """What was restored so far."""
        return tuple(KeptShot(float(start * self._tick), float(end * self._tick)) for start, end in self._shots)

    def mark(self, batches: Iterable[FrameBatch]) -> Iterator[FrameBatch]:
        """Batches with `first_of_shot` and `own_chroma` -> the same with `in_color`, and that chroma where it stays.

        Runs at most LOOK_AHEAD frames ahead of what it hands out, less where a shot ends.
        """
        if not self._looks:
            yield from batches
            return
        waiting: deque[FrameBatch] = deque()
        flags: list[bool] = []
        for flag in self._judge_shots(_frames(batches, waiting)):
            flags.append(flag)
            if len(flags) == len(waiting[0]):
                batch = waiting.popleft()
                kept = batch.own_chroma if any(flags) else None
                marked = replace(batch, in_color=tuple(flags), own_chroma=kept)
                yield marked.remember({"keeper.in_color": torch.tensor(flags[-1])})
                flags = []

    def restore(self, batches: Iterable[FrameBatch], target: PlaneFormat) -> Iterator[FrameBatch]:
        """Batches with chroma as `target` says -> the same, with the source's own wherever they are `in_color`.

        Bit for bit where the two formats are alike.
        """
        if not self._looks:
            yield from batches
            return
        for batch in batches:
            if batch.in_color and any(batch.in_color):
                assert batch.chroma is not None and batch.own_chroma is not None
                kept = torch.tensor(batch.in_color).view(-1, 1, 1, 1)
                size = (batch.chroma.shape[2], batch.chroma.shape[3])
                own = _convert(batch.own_chroma, self._source, target, size)
                batch = replace(batch, chroma=torch.where(kept, own, batch.chroma.cpu()), own_chroma=None)
                self._note(batch)
            yield batch.remember({"keeper.shots": torch.tensor(self._shots, dtype=torch.int64).view(-1, 2)})

    def _judge_shots(self, frames: Iterable["_Frame"]) -> Iterator[bool]:
        in_color = self._in_color
        for number, shot in groupby(frames, key=attrgetter("number_of_shot")):
            first = list(islice(shot, LOOK_AHEAD))
            if number > 0:
                in_color = self._judge(first[::EVERY])
            for _ in chain(first, shot):
                yield in_color

    def _judge(self, frames: Sequence["_Frame"]) -> bool:
        pictures = [(frame.luma, frame.chroma) for frame in frames]
        colorful = [chroma is not None and is_colorful(luma, chroma, self._source) for luma, chroma in pictures]
        return sum(colorful) >= ENOUGH * len(frames)

    def _note(self, batch: FrameBatch) -> None:
        assert batch.in_color and batch.first_of_shot
        for pts, duration, is_first, in_color in zip(
            batch.pts, batch.durations, batch.first_of_shot, batch.in_color, strict=True
        ):
            if in_color and (is_first or not self._shots):
                self._shots.append([pts, pts + duration])
            elif in_color:
                self._shots[-1][1] = pts + duration


@dataclass(frozen=True)
class _Frame:
    number_of_shot: int
    """From 1 on; 0 is the shot that the first batch goes on with."""
    luma: Tensor
    """(1, H, W) as stored."""
    chroma: Tensor | None
    """(2, Hc, Wc) as stored."""


def is_colorful(luma: Tensor, chroma: Tensor, planes: PlaneFormat) -> bool:
    """Whether stored luma (1, H, W) and chroma (2, Hc, Wc) show real colour: neither grey nor a tone."""
    scale = min(1.0, JUDGED_SIDE / min(luma.shape[1:]))
    size = [max(1, round(side * scale)) for side in luma.shape[1:]]
    small = F.interpolate(read_luma(luma, planes)[None], size, mode="area")
    rgb = chroma_to_rgb(small, F.interpolate(read_chroma(chroma, planes)[None], size, mode="area"), planes.matrix)
    colors = measure_colors(rgb.clamp(0, 1)[0].movedim(0, -1).contiguous().numpy())
    if LEAST_SPREAD <= colors.spread < SURE_SPREAD:
        return colors.spread >= LEAST_VARIETY * colors.chroma
    return colors.spread >= SURE_SPREAD


def _frames(batches: Iterable[FrameBatch], waiting: deque[FrameBatch]) -> Iterator[_Frame]:
    shot = 0
    for batch in batches:
        if batch.first_of_shot is None:
            raise ValueError("a batch needs first_of_shot before its shots can be judged")
        waiting.append(batch)
        for index, is_first in enumerate(batch.first_of_shot):
            shot += is_first
            yield _Frame(shot, batch.luma[index], None if batch.own_chroma is None else batch.own_chroma[index])


def _convert(chroma: Tensor, source: PlaneFormat, target: PlaneFormat, size: tuple[int, int]) -> Tensor:
    """Stored chroma (N, 2, ., .) in another depth, range and size; as it is where none differs."""
    if _stored_as(source) == _stored_as(target):
        return chroma
    resized = F.interpolate(read_chroma(chroma, source), size, mode="bilinear", antialias=True)
    return store_chroma_(resized, target)


def _stored_as(planes: PlaneFormat) -> tuple[int, bool, tuple[int, int]]:
    return planes.bit_depth, planes.full_range, planes.chroma_shift
