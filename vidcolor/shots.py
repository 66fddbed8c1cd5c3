"""Where one shot ends and the next begins, told from luma alone."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from vidcolor.color import read_luma
from vidcolor.frames import NOTHING, FrameBatch, Memory, PlaneFormat

Thumbnail = NDArray[np.float32]

THUMBNAIL = (18, 32)
REACH = 5
"""Frames looked at on each side of a possible cut: one more than the longest flash that is seen through."""
BLACK = 0.02
"""Y′ up to which a cell counts as black: letterbox bars, the film gate, a faded-out picture."""
WHITE = 0.97
"""Y′ from which it counts as white: clear film around the picture."""
CONTRAST_FLOOR = 0.03
"""Standard deviation of Y′ under which structure is as likely grain as picture."""
LEAST_CHANGE = 0.22
"""Change of structure below which nothing is a cut; unrelated pictures differ by about 1."""
MOTION_FACTOR = 2.0
"""A cut must change the picture this many times as much as the motion around it does."""


def mark_shots(batches: Iterable[FrameBatch], planes: PlaneFormat, memory: Memory = NOTHING) -> Iterator[FrameBatch]:
    """The same batches with `first_of_shot`: True on the first frame of all and on the first frame of each new shot.

    Runs REACH - 1 frames ahead of what it hands out, and holds no more batches than that takes. Those of a film whose
    shots are known stay as they are.
    """
    batches = iter(batches)
    first = next(batches, None)
    if first is None:
        return
    batches = chain([first], batches)
    if first.first_of_shot is not None:
        yield from batches
        return
    waiting: deque[FrameBatch] = deque()
    flags: list[bool] = []
    last = list(memory["shots.last"].cpu().numpy()) if "shots.last" in memory else []
    for flag in find_cuts(_thumbnails(batches, planes, waiting, last), last):
        flags.append(flag)
        if len(flags) == len(waiting[0]):
            yield replace(waiting.popleft(), first_of_shot=tuple(flags))
            flags = []


def find_cuts(thumbnails: Iterable[Thumbnail], last: Sequence[Thumbnail] = ()) -> Iterator[bool]:
    """Thumbnails of consecutive frames, each (h·w,) Y′ in 0..1 -> one flag a frame, True on a cut.

    `last` are those of the frames before.
    """
    for before, after in _surroundings(thumbnails, last):
        yield not before or _leaves_black(before, after) or _changes_for_good(before, after)


def _thumbnails(
    batches: Iterable[FrameBatch], planes: PlaneFormat, waiting: deque[FrameBatch], last: Sequence[Thumbnail]
) -> Iterator[Thumbnail]:
    for batch in batches:
        thumbnails = to_thumbnails(batch.luma, planes)
        last = [*last, *thumbnails][-REACH:]
        waiting.append(batch.remember({"shots.last": torch.from_numpy(np.stack(last))}))
        yield from thumbnails


def to_thumbnails(luma: Tensor, planes: PlaneFormat) -> Thumbnail:
    """Stored luma (N, 1, H, W) -> (N, h·w) float32: means over cells, Y′ in 0..1, of every few pixels."""
    step = max(1, min(luma.shape[2] // (8 * THUMBNAIL[0]), luma.shape[3] // (8 * THUMBNAIL[1])))
    cells = adaptive_avg_pool2d(read_luma(luma[..., ::step, ::step], planes), THUMBNAIL)
    flat: Thumbnail = cells.flatten(1).cpu().numpy()
    return flat


def _surroundings(
    thumbnails: Iterable[Thumbnail], last: Sequence[Thumbnail]
) -> Iterator[tuple[list[Thumbnail], list[Thumbnail]]]:
    """For each frame: up to REACH frames before it, then itself with up to REACH - 1 frames after it."""
    before: deque[Thumbnail] = deque(last, maxlen=REACH)
    after: deque[Thumbnail] = deque()
    for thumbnail in thumbnails:
        after.append(thumbnail)
        if len(after) == REACH:
            yield list(before), list(after)
            before.append(after.popleft())
    while after:
        yield list(before), list(after)
        before.append(after.popleft())


def _leaves_black(before: list[Thumbnail], after: list[Thumbnail]) -> bool:
    """A picture rises out of black: what was before the fade is over."""
    return len(before) == REACH and bool(np.max(before) <= BLACK < after[0].max())


def _changes_for_good(before: list[Thumbnail], after: list[Thumbnail]) -> bool:
    """No frame before resembles any frame after, and the motion on either side does not explain it.

    Comparing all pairs sees through a flash: behind it the old picture is back. The motion is the third largest of
    (mostly) eight steps, because a flash is two large ones. After PySceneDetect's AdaptiveDetector, with a distance
    of structure in place of its mean difference.
    """
    if distance(before[-1], after[0]) <= LEAST_CHANGE:
        return False
    past, future = np.stack(before), np.stack(after)
    change = distance(past[:, None], future).min()
    steps = np.concatenate([distance(side[:-1], side[1:]) for side in (past, future)])
    motion = np.quantile(steps, 0.75, method="lower") if len(steps) else 0.0
    return bool(change > LEAST_CHANGE + MOTION_FACTOR * motion)


def distance(one: Thumbnail, other: Thumbnail) -> Thumbnail:
    """Structural distance over the last axis, broadcast over the others: 0 for alike, about 1 for unrelated.

    Means are taken out, so that film flicker and lamps cost little; cells black in both, or white in both, are left
    out, so that bars at the sides, or clear film there, do not make all pictures alike.
    """
    seen = ((one > BLACK) | (other > BLACK)) & ((one < WHITE) | (other < WHITE))
    count = np.maximum(seen.sum(-1, keepdims=True), 1)

    def center(picture: Thumbnail) -> Thumbnail:
        return np.where(seen, picture - (picture * seen).sum(-1, keepdims=True) / count, 0)

    one, other = center(one), center(other)
    energy = np.square(one).sum(-1) + np.square(other).sum(-1)
    distance: Thumbnail = np.square(one - other).sum(-1) / (energy + CONTRAST_FLOOR**2 * count[..., 0])
    return distance
