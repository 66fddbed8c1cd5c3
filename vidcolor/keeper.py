"""Shots that are in colour already keep it: told from grey and toned ones, and given back what they came with.

A shot is judged by its beginning. Where film that is grey dissolves into film in colour, or the other way, no cut tells
of it: a verdict that a whole window of frames contradicts begins a new shot there.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from fractions import Fraction
from itertools import groupby, islice
from operator import attrgetter

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor.color import chroma_to_rgb, read_chroma, read_luma, store_chroma_
from vidcolor.frames import NOTHING, FrameBatch, Memory, PlaneFormat
from vidcolor.tones import measure_colors

LOOK_AHEAD = 24
"""Frames of a window: by its first one a shot is judged, by the later ones its verdict may turn."""
EVERY = 2
"""One in so many of them is looked at."""
ENOUGH = 1 / 3
"""Share of these in colour that makes the shot one in colour: it may rise out of black or white."""
COLORLESS = 1.0
"""Mean chroma under which a picture is grey, where nothing in it is in colour."""
LEAST_CONTRAST = 0.05
"""Spread of Y′ without which there is no picture to tell that of: black between two fades."""
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
        self._place = int(memory.get("keeper.place", 0))
        """Frames of its window that came before."""
        self._shots: list[list[int]] = memory["keeper.shots"].tolist() if "keeper.shots" in memory else []
        """First and last tick of those that were restored."""

    @property
    def shots(self) -> tuple[KeptShot, ...]:
        """What was restored so far."""
        return tuple(KeptShot(float(start * self._tick), float(end * self._tick)) for start, end in self._shots)

    def mark(self, batches: Iterable[FrameBatch]) -> Iterator[FrameBatch]:
        """Batches with `first_of_shot` and `own_chroma` -> the same with `in_color`, and that chroma where it stays.

        Where a verdict turns amid a shot, another begins. Runs at most LOOK_AHEAD frames ahead of what it hands out,
        less where a shot ends.
        """
        if not self._looks:
            yield from batches
            return
        waiting: deque[FrameBatch] = deque()
        verdicts: list[_Verdict] = []
        for verdict in self._judge_shots(_frames(batches, waiting)):
            verdicts.append(verdict)
            if len(verdicts) == len(waiting[0]):
                yield _marked(waiting.popleft(), verdicts)
                verdicts = []

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

    def _judge_shots(self, frames: Iterable["_Frame"]) -> Iterator["_Verdict"]:
        in_color = self._in_color
        for number, shot in groupby(frames, key=attrgetter("number_of_shot")):
            known: bool | None = None
            if number == 0:
                known = in_color
                rest = enumerate(islice(shot, LOOK_AHEAD - self._place), self._place + 1)
                yield from (_Verdict(in_color, place) for place, _ in rest)
            while window := list(islice(shot, LOOK_AHEAD)):
                in_color = self._judge(window[::EVERY], known)
                turns = known is not None and in_color != known
                yield from (_Verdict(in_color, place, turns and place == 1) for place, _ in enumerate(window, 1))
                known = in_color

    def _judge(self, frames: Sequence["_Frame"], known: bool | None) -> bool:
        """Whether frames are in colour, unlike what is `known` of those before only where all of them say so."""
        looks = [self._look(frame) for frame in frames]
        if known is None:
            return looks.count(Look.COLOR) >= ENOUGH * len(looks)
        contrary = Look.GREY if known else Look.COLOR
        return known != all(look is contrary for look in looks)

    def _look(self, frame: "_Frame") -> "Look":
        return Look.GREY if frame.chroma is None else look_at(frame.luma, frame.chroma, self._source)

    def _note(self, batch: FrameBatch) -> None:
        assert batch.in_color and batch.first_of_shot
        for pts, duration, is_first, in_color in zip(
            batch.pts, batch.durations, batch.first_of_shot, batch.in_color, strict=True
        ):
            if in_color and (is_first or not self._shots):
                self._shots.append([pts, pts + duration])
            elif in_color:
                self._shots[-1][1] = pts + duration


class Look(Enum):
    """What a frame looks like."""

    COLOR = auto()
    TONE = auto()
    """Of one colour, or too little to tell."""
    GREY = auto()


@dataclass(frozen=True)
class _Verdict:
    """On one frame."""

    in_color: bool
    place: int
    """In its window, from 1 on."""
    turns: bool = False
    """Whether it is the first that this is said of amid a shot."""


@dataclass(frozen=True)
class _Frame:
    number_of_shot: int
    """From 1 on; 0 is the shot that the first batch goes on with."""
    luma: Tensor
    """(1, H, W) as stored."""
    chroma: Tensor | None
    """(2, Hc, Wc) as stored."""


def look_at(luma: Tensor, chroma: Tensor, planes: PlaneFormat) -> Look:
    """Whether stored luma (1, H, W) and chroma (2, Hc, Wc) show real colour, a tone, or a picture in grey."""
    scale = min(1.0, JUDGED_SIDE / min(luma.shape[1:]))
    size = [max(1, round(side * scale)) for side in luma.shape[1:]]
    small = F.interpolate(read_luma(luma, planes)[None], size, mode="area")
    rgb = chroma_to_rgb(small, F.interpolate(read_chroma(chroma, planes)[None], size, mode="area"), planes.matrix)
    colors = measure_colors(rgb.clamp(0, 1)[0].movedim(0, -1).contiguous().numpy())
    if colors.spread >= SURE_SPREAD or colors.spread >= max(LEAST_SPREAD, LEAST_VARIETY * colors.chroma):
        return Look.COLOR
    return Look.GREY if colors.chroma < COLORLESS and small.std() >= LEAST_CONTRAST else Look.TONE


def _marked(batch: FrameBatch, verdicts: Sequence[_Verdict]) -> FrameBatch:
    in_color, turns = (tuple(getattr(one, name) for one in verdicts) for name in ("in_color", "turns"))
    assert batch.first_of_shot is not None
    first_of_shot = tuple(first or turn for first, turn in zip(batch.first_of_shot, turns, strict=True))
    kept = batch.own_chroma if any(in_color) else None
    marked = replace(batch, in_color=in_color, first_of_shot=first_of_shot, own_chroma=kept)
    at_the_end = {"in_color": verdicts[-1].in_color, "place": verdicts[-1].place}
    return marked.remember({f"keeper.{name}": torch.tensor(value) for name, value in at_the_end.items()})


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
