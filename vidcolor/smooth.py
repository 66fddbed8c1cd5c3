"""Steady colours: each frame's ab is averaged with its neighbours' along the motion, never across a cut.

The filter keeps *evidence* for every pixel, four numbers (n·a*, n·b*, n, n·Y′): n is how many frames speak for the
colour a*, b*. The evidence of the frame before is fetched along the optical flow, weighed by the strength and by how
well its luma matches, and added to the frame's own, which counts less the more it contradicts. Evidence of another
picture is forgotten: a dissolve changes little from frame to frame, but less and less of it is what was. The same runs
backwards over the frames to come: the first frame of a shot is as steady as the tenth, and no colour lags behind.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

import torch
from torch import Tensor

from vidcolor.errors import ConfigError
from vidcolor.frames import NOTHING, FrameBatch, Memory, Motion, Remembered
from vidcolor.grain import blur_grain
from vidcolor.motion import follow_motion, resemblance, sparse
from vidcolor.sampling import enlarge, to_cells

BLOCK = 20
"""Frames that share one backward pass; fewer where a shot or a span ends."""
LOOK_AHEAD = 12
"""Frames after the block that the backward pass starts from."""
TOLERANCE = 10.0
"""Distance in a*b* at which a frame that contradicts overwhelming evidence counts half."""
QUORUM = 3.0
"""Frames whose evidence has half its full say."""
LOCK = 0.6
"""Share of a drift of the whole picture's colour that is taken back, at full strength."""
LOCK_MEMORY = 20
"""Frames over which the usual colour of a scene is reckoned."""
LOCK_REACH = 4.0
"""Largest drift in a* or b*: what is more, at once or in sum, is no drift but a fade or a frame gone wrong."""
LOCK_STEP = 4
"""One pixel in so many, in each direction, tells the drift."""
OTHER, SAME = 0.5, 0.8
"""Share of the picture that is as it was up to which it is another one, and from which it is the same."""
SAMPLED_SIDE = 12
"""Pixels of the shorter side by which that is told."""
HEARSAY = 1e-3
"""What a colour carried from the frame before counts, where the network has not seen the frame: as good as nothing."""
UNDER_WAY = 0
"""Number of the shot that began before the first frame; those that begin here count from 1."""


@dataclass(frozen=True)
class Smoother:
    """Motion-compensated averaging of ab over time."""

    strength: float = 0.9
    """0..1: the share of its weight that evidence keeps from one frame to the next. 0 leaves the colours alone."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ConfigError(f"smoothing strength must be from 0 to 1, got {self.strength}")

    def check_carries(self, fast: bool) -> None:
        """Raise ConfigError where the network sees key frames only, and nothing carries their colours on."""
        if fast and not self.strength:
            raise ConfigError(
                "--fast lets the temporal filter carry the colours between key frames: leave out --smooth 0"
            )

    @torch.inference_mode()
    def stream(self, batches: Iterable[FrameBatch], memory: Memory = NOTHING) -> Iterator[FrameBatch]:
        """The same batches with `ab` filtered, on the device they are on; they need `guide`, `ab`, `first_of_shot`.

        Runs at most BLOCK + LOOK_AHEAD frames ahead of what it hands out, less where a shot ends.
        """
        if self.strength == 0:
            yield from batches
            return
        waiting: deque[FrameBatch] = deque()
        steady: list[Tensor] = []
        for ab, after in self._average(_frames(follow_motion(batches, memory), waiting), memory):
            steady.append(ab)
            if len(steady) == len(waiting[0]):
                yield replace(waiting.popleft(), ab=torch.cat(steady)).remember(after or NOTHING)
                steady = []

    def _average(self, frames: Iterable["_Frame"], memory: Memory) -> Iterator[tuple[Tensor, Memory | None]]:
        """ab (1, 2, h, w) of every frame, and its memory."""
        for number, shot in groupby(frames, key=attrgetter("number_of_shot")):
            known = memory if number == UNDER_WAY else NOTHING
            locked = self._lock(shot, known)
            remembered = self._remember(locked, known)
            for window, count in _windows(remembered):
                yield from zip(self._foresee(window)[:count], (moment.memory for moment in window), strict=False)

    def _lock(self, shot: Iterable["_Frame"], memory: Memory) -> Iterator["_Frame"]:
        """Take back part of what the colour of the whole picture drifts from what is usual in the scene.

        The drift is summed up from frame to frame along the motion, so that a pan to other things is none.
        """
        previous = memory.get("lock.ab")
        nothing = torch.zeros(())  # a* and b* from the second frame on
        drift, usual = memory.get("lock.drift", nothing), memory.get("lock.usual", nothing)
        for number, frame in enumerate(shot, 1 + int(memory.get("lock.frames", 0))):
            if previous is not None and not frame.is_key:
                frame = replace(frame, ab=frame.to_previous.fetch(previous))
            elif previous is not None:
                drift = drift + _drift(frame, previous)
                usual = usual + (drift - usual) * max(1 / number, 1 / LOCK_MEMORY)
            excess = (drift - usual).clamp(-LOCK_REACH, LOCK_REACH)
            usual = drift - excess  # what lies beyond the reach is forgotten, not owed for seconds
            previous = frame.ab
            known = {"ab": previous, "drift": drift, "usual": usual, "frames": torch.tensor(number)}
            yield replace(
                frame.remember({f"lock.{name}": value for name, value in known.items()}),
                ab=frame.ab - LOCK * self.strength * excess,
            )

    def _remember(self, shot: Iterable["_Frame"], memory: Memory) -> Iterator["_Moment"]:
        """Forwards: each frame of a shot with the evidence of those before it."""
        evidence = memory.get("smoother.evidence")
        for frame in shot:
            past = frame.ab.new_zeros(1, 4, *frame.ab.shape[2:])
            if evidence is not None:
                past = self._carry(evidence, frame.to_previous, frame.luma)
            cells = to_cells(frame.ab) if frame.is_key else None
            weight = _weight(cells, past)
            moment = _Moment(frame.ab, frame.luma, cells, past, weight, frame.from_previous, memory=frame.memory)
            evidence = moment.join(past, weight)
            yield moment.remember({"smoother.evidence": evidence})

    def _foresee(self, window: list["_Moment"]) -> list[Tensor]:
        """Backwards: the evidence of what follows joins in. Returns ab (1, 2, h, w), one for each moment."""
        future = torch.zeros_like(window[0].past)
        averages = []
        before: list[_Moment | None] = [None, *window[:-1]]
        for moment, earlier in zip(reversed(window), reversed(before), strict=True):
            weight = _weight(moment.cells, future)
            evidence = moment.join(moment.past + future, torch.minimum(weight, moment.weight))
            averages.append(evidence[:, :2] / evidence[:, 2:3])
            if earlier is not None:
                future = self._carry(moment.join(future, weight), moment.from_previous, earlier.luma)
        return averages[::-1]

    def _carry(self, evidence: Tensor, motion: Motion, luma: Tensor) -> Tensor:
        """To a neighbouring frame of that luma."""
        carried = motion.fetch(evidence)
        return carried.mul_(motion.confidence * (self.strength * _sameness(luma, carried)))


@dataclass(frozen=True)
class _Frame(Remembered):
    number_of_shot: int
    ab: Tensor
    """(1, 2, h, w) from the network."""
    luma: Tensor
    """(1, 1, h, w), Y′ in 0..1 without grain."""
    to_previous: Motion
    """Fetches from the frame before to this one; means nothing on the first of a shot."""
    from_previous: Motion
    """Fetches from this frame to the one before."""
    is_key: bool = True
    """Whether ab is what the network said of this frame."""


@dataclass(frozen=True)
class _Moment(Remembered):
    ab: Tensor
    luma: Tensor
    cells: Tensor | None
    """Of ab; None where that is hearsay."""
    past: Tensor
    """(1, 4, h, w): evidence of the frames before."""
    weight: Tensor
    """(1, 1, h, w) or (1, 1, 1, 1), in 0..1: what the frame's own colour counts beside that."""
    from_previous: Motion

    def join(self, others: Tensor, weight: Tensor) -> Tensor:
        """The evidence of others with the frame's own added."""
        evidence = others.clone()
        evidence[:, :2].addcmul_(self.ab, weight)
        evidence[:, 2:3].add_(weight)
        evidence[:, 3:].addcmul_(self.luma, weight)
        return evidence


def _frames(batches: Iterable[FrameBatch], waiting: deque[FrameBatch]) -> Iterator[_Frame]:
    shot = UNDER_WAY
    for batch in batches:
        if batch.ab is None or batch.first_of_shot is None:
            raise ValueError("a batch needs guide, ab and first_of_shot before its colours can be smoothed")
        assert batch.guide is not None and batch.to_previous is not None and batch.from_previous is not None
        luma = blur_grain(batch.guide)
        waiting.append(batch)
        is_key = batch.is_key or (True,) * len(batch)
        for index, is_first in enumerate(batch.first_of_shot):
            shot += is_first
            one = slice(index, index + 1)
            ends_span = batch.memory is not None and index == len(batch) - 1
            yield _Frame(
                shot,
                batch.ab[one],
                luma[one],
                batch.to_previous[one],
                batch.from_previous[one],
                is_key[index],
                memory=NOTHING if ends_span else None,
            )


def _drift(frame: _Frame, previous: Tensor) -> Tensor:
    """What the colour of the things changed by on the whole since the frame with ab `previous`, (1, 2, 1, 1)."""
    motion = frame.to_previous.every(LOCK_STEP)
    change = frame.ab[..., ::LOCK_STEP, ::LOCK_STEP] - motion.fetch(previous)
    weight = motion.confidence
    drift = (change * weight).sum((2, 3), keepdim=True) / weight.sum().clamp_min(1)
    return drift * (drift.abs() < LOCK_REACH)


def _sameness(luma: Tensor, evidence: Tensor) -> Tensor:
    """How far a frame of Y′ (1, 1, h, w) shows the picture that the evidence is of: (1, 1, 1, 1), 0..1."""
    seen, known = (sparse(one, SAMPLED_SIDE) for one in (luma, evidence[:, 2:]))
    frames, told = known[:, :1], known[:, 1:]
    usual = torch.where(frames > HEARSAY, told / frames.clamp_min(HEARSAY), seen)
    return ((resemblance(seen, usual) - OTHER) / (SAME - OTHER)).clamp_(0, 1)


def _weight(own: Tensor | None, others: Tensor) -> Tensor:
    """What a frame's own colour, as cells of ab, counts beside the evidence of others (1, 4, h, w): (1, 1, h, w), 0..1.

    It counts less the more it contradicts: where a few frames colour a thing differently, the majority wins and not
    the latest. Few others have little say, so a wrong first frame is soon outvoted. Neighbours are asked together.
    Colour without cells is hearsay, and counts alike everywhere.
    """
    if own is None:
        return others.new_full((1, 1, 1, 1), HEARSAY)
    cells = to_cells(others)
    frames = cells[:, 2:3]
    contradiction = own - cells[:, :2] / frames.clamp_min(1e-6)
    distance = contradiction.square().sum(1, keepdim=True)
    say = frames / (frames + QUORUM)
    return enlarge(1 / (1 + say * distance / TOLERANCE**2), like=others)


def _windows(moments: Iterable[_Moment]) -> Iterator[tuple[list[_Moment], int]]:
    """Overlapping windows of one shot, each with the number of frames at its start that no later window holds."""
    window: list[_Moment] = []
    for moment in moments:
        window.append(moment)
        block = _block(window)
        if len(window) == block + LOOK_AHEAD:
            yield window, block
            window = window[block:]
    if window:
        yield window, len(window)


def _block(window: list[_Moment]) -> int:
    """Frames of the next block: it ends with a span, so that a run that goes on from there forms the same blocks."""
    return next((count for count, moment in enumerate(window[:BLOCK], 1) if moment.memory is not None), BLOCK)
