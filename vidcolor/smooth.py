"""Steady colours: each frame's ab is averaged with its neighbours' along the motion, never across a cut.

The filter keeps *evidence* for every pixel, three numbers (n·a*, n·b*, n): n is how many frames speak for the colour
a*, b*. The evidence of the frame before is fetched along the optical flow, weighed by the strength and by how well its
luma matches, and added to the frame's own, which counts less the more it contradicts. The same runs backwards over
the frames to come, so that the first frame of a shot is as steady as the tenth and no colour lags behind.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter

import cv2
import numpy as np
import torch

from vidcolor.errors import ConfigError
from vidcolor.frames import FrameBatch
from vidcolor.motion import Floats, Motion, MotionFinder

BLOCK = 8
"""Frames that share one backward pass."""
LOOK_AHEAD = 12
"""Frames after the block that the backward pass starts from."""
TOLERANCE = 10.0
"""Distance in a*b* at which a frame that contradicts overwhelming evidence counts half."""
QUORUM = 3.0
"""Frames whose evidence has half its full say."""
GRAIN_BLUR = 1.0
"""Standard deviation, in pixels at working size, of the blur that keeps grain out of the matching."""
OPINION_BLUR = 1.5
"""The same for the blur that lets neighbours contradict together, not one by one."""


@dataclass(frozen=True)
class Smoother:
    """Motion-compensated averaging of ab over time."""

    strength: float = 0.85
    """0..1: the share of its weight that evidence keeps from one frame to the next. 0 leaves the colours alone."""

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 1:
            raise ConfigError(f"smoothing strength must be from 0 to 1, got {self.strength}")

    def stream(self, batches: Iterable[FrameBatch]) -> Iterator[FrameBatch]:
        """The same batches with `ab` filtered; they need `guide`, `ab` and `first_of_shot`.

        Runs at most BLOCK + LOOK_AHEAD frames ahead of what it hands out, less where a shot ends.
        """
        if self.strength == 0:
            yield from batches
            return
        waiting: deque[FrameBatch] = deque()
        steady: list[Floats] = []
        for ab in self._average(_frames(batches, waiting)):
            steady.append(ab)
            if len(steady) == len(waiting[0]):
                yield _with_ab(waiting.popleft(), steady)
                steady = []

    def _average(self, frames: Iterable["_Frame"]) -> Iterator[Floats]:
        for _, shot in groupby(frames, key=attrgetter("shot")):
            for window, count in _windows(self._remember(shot)):
                yield from self._foresee(window)[:count]

    def _remember(self, shot: Iterable["_Frame"]) -> Iterator["_Moment"]:
        """Forwards: each frame of a shot with the evidence of those before it."""
        find = MotionFinder()
        previous, moment = None, None
        for frame in shot:
            if previous is None or moment is None:
                moment = _Moment(frame.own, np.zeros_like(frame.own), None)
            else:
                past = self._carry(_join(moment.own, moment.past), find(frame.luma, previous.luma))
                moment = _Moment(frame.own, past, find(previous.luma, frame.luma))
            previous = frame
            yield moment

    def _foresee(self, window: list["_Moment"]) -> list[Floats]:
        """Backwards: the evidence of what follows joins in. Returns ab (2, h, w), one for each moment."""
        future = np.zeros_like(window[0].own)
        averages = []
        for moment in reversed(window):
            evidence = _join(moment.own, moment.past + future)
            averages.append(evidence[:2] / evidence[2])
            if moment.to_previous is not None:
                future = self._carry(_join(moment.own, future), moment.to_previous)
        return averages[::-1]

    def _carry(self, evidence: Floats, motion: Motion) -> Floats:
        return motion.fetch(evidence) * (self.strength * motion.confidence)


@dataclass(frozen=True)
class _Frame:
    shot: int
    luma: Floats
    """(h, w) Y′ in 0..1, blurred against grain."""
    own: Floats
    """(3, h, w): the network's (a*, b*, 1)."""


@dataclass(frozen=True)
class _Moment:
    own: Floats
    past: Floats
    """(3, h, w): evidence of the frames before."""
    to_previous: Motion | None
    """Fetches from this frame to the one before; None on the first of a shot."""


def _frames(batches: Iterable[FrameBatch], waiting: deque[FrameBatch]) -> Iterator[_Frame]:
    shot = 0
    for batch in batches:
        if batch.guide is None or batch.ab is None or batch.first_of_shot is None:
            raise ValueError("a batch needs guide, ab and first_of_shot before its colours can be smoothed")
        waiting.append(batch)
        lumas, colors = batch.guide[:, 0].cpu().numpy(), batch.ab.cpu().numpy()
        for luma, ab, first in zip(lumas, colors, batch.first_of_shot, strict=True):
            shot += first
            own = np.concatenate((ab, np.ones_like(ab[:1])))
            yield _Frame(shot, np.asarray(cv2.GaussianBlur(luma, (0, 0), GRAIN_BLUR)), own)


def _join(own: Floats, others: Floats) -> Floats:
    """A frame's own evidence and that of others, each (3, h, w), in one.

    Own evidence counts less the more it contradicts: where a few frames colour a thing differently, the majority wins
    and not the latest. Few others have little say, so a wrong first frame is soon outvoted.
    """
    contradiction = own[:2] - others[:2] / np.maximum(others[2], 1e-6)
    distance = sum(np.square(cv2.GaussianBlur(plane, (0, 0), OPINION_BLUR)) for plane in contradiction)
    say = others[2] / (others[2] + QUORUM)
    joined: Floats = others + own / (1 + say * distance / TOLERANCE**2)
    return joined


def _windows(moments: Iterable[_Moment]) -> Iterator[tuple[list[_Moment], int]]:
    """Overlapping windows of one shot, each with the number of frames at its start that no later window holds."""
    window: list[_Moment] = []
    for moment in moments:
        window.append(moment)
        if len(window) == BLOCK + LOOK_AHEAD:
            yield window, BLOCK
            window = window[BLOCK:]
    if window:
        yield window, len(window)


def _with_ab(batch: FrameBatch, steady: list[Floats]) -> FrameBatch:
    assert batch.ab is not None
    return replace(batch, ab=torch.from_numpy(np.stack(steady)).to(batch.ab.device))
