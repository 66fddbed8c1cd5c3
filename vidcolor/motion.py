"""Where the things in one frame were in another, and how far that can be believed."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor.device import Portions
from vidcolor.flow import find_flow, sampling_grid
from vidcolor.frames import NOTHING, FrameBatch, Memory, Motion
from vidcolor.grain import blur_grain
from vidcolor.sampling import enlarge, to_cells

LUMA_TOLERANCE = 0.025
"""Difference of Y′ at which a match is believed to 61 % (one standard deviation)."""
LEAST_GAIN = 0.005
"""Difference of Y′ by which moving must match better than staying: else grain alone would make things move."""
MEDIAN_SIDE = 24
"""Pixels of the shorter side that a median is taken from."""
MOST_GAIN = 1.25
"""Factor by which the light of a whole picture may change and the picture be the same."""
LIFT = 0.05
"""Added to Y′ before it is divided, so that what is black says little of the light."""
ALIKE_TOLERANCE = 0.04
"""Difference of Y′ at which two places are 61 % alike."""


@torch.inference_mode()
def follow_motion(batches: Iterable[FrameBatch], memory: Memory = NOTHING) -> Iterator[FrameBatch]:
    """The same batches, which need guide, with the motion between each frame and the one before it.

    Those that have it already stay as they are.
    """
    last, portions = memory.get("motion.luma"), Portions()
    for batch in batches:
        if batch.to_previous is None:
            if batch.guide is None:
                raise ValueError("a batch needs guide before its motion can be found")
            luma = blur_grain(batch.guide)
            before = torch.cat((luma[:1] if last is None else last, luma[:-1]))
            last = luma[-1:]
            both = find_motion(torch.cat((luma, before)), torch.cat((before, luma)), portions)
            there, back = both[: len(batch)], both[len(batch) :]
            batch = replace(batch, to_previous=there, from_previous=back).remember({"motion.luma": last})
        yield batch


def find_motion(luma: Tensor, other: Tensor, portions: Portions | None = None) -> Motion:
    """N pairs of pictures (N, 1, h, w) of Y′ in 0..1 -> the motion that fetches from `other` to `luma`.

    `portions` are the pairs that memory holds at once.

    Confidence is exp(-d² / 2σ²) for the luma difference d, as in Lai et al. (arXiv:1808.00449) with a smaller σ. It is
    the whole of the occlusion test: what was covered has another luma. To ask besides that the flows there and back
    meet takes steadiness and no error away, in covered places too (`benchmarks/steadiness.py --occlusion`).
    """
    found = (portions or Portions()).run(len(luma), lambda part: _find_motion(luma[part], other[part]))
    if len(found) == 1:
        return found[0]
    return Motion(torch.cat([one.places for one in found]), torch.cat([one.confidence for one in found]))


def resemblance(luma: Tensor, other: Tensor) -> Tensor:
    """How much of two pictures (N, 1, h, w) of Y′ is alike, place by place, in any light: (N, 1, 1, 1) in 0..1."""
    _, difference = _in_one_light(luma, other)
    return difference.square_().mul_(-0.5 / ALIKE_TOLERANCE**2).exp_().mean((2, 3), keepdim=True)


def _find_motion(luma: Tensor, other: Tensor) -> Motion:
    other = _relit(other, luma)
    flow = find_flow(luma, other)
    here, there = sampling_grid(torch.zeros_like(flow[:1])), sampling_grid(flow)
    staying = _difference(luma, other)
    moving = _difference(luma, F.grid_sample(other, there, align_corners=True))
    moves = enlarge(to_cells(staying.abs().sub_(moving.abs())), like=luma) > LEAST_GAIN
    difference = torch.where(moves, moving, staying)
    # A place moves as one int64, x and y together: that takes a fifth of the time.
    pairs = torch.where(moves.view(*there.shape[:3], 1), there.view(torch.int64), here.view(torch.int64))
    return Motion(pairs.view(torch.float32), difference.square_().mul_(-0.5 / LUMA_TOLERANCE**2).exp_())


def _difference(luma: Tensor, other: Tensor) -> Tensor:
    """luma - other, less its median, because film that flickers as a whole has not moved."""
    difference = luma - other
    return difference.sub_(_median(sparse(difference)))


def _relit(other: Tensor, luma: Tensor) -> Tensor:
    """In the light of `luma`: old film flickers by a factor. As it is where an offset explains more."""
    gain, _ = _in_one_light(sparse(luma), sparse(other))
    return torch.addcmul(LIFT * (gain - 1), other, gain).clamp_(0, 1)


def _in_one_light(luma: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """The factor on `other` that leaves the least, (N, 1, 1, 1), and what it leaves once the median is taken out."""
    gain = _median((luma + LIFT) / (other + LIFT)).clamp_(1 / MOST_GAIN, MOST_GAIN)
    relit, as_it_is = _difference(luma, other * gain), _difference(luma, other)
    is_better = relit.abs().mean((2, 3), keepdim=True) < as_it_is.abs().mean((2, 3), keepdim=True)
    return torch.where(is_better, gain, 1), torch.where(is_better, relit, as_it_is)


def sparse(planes: Tensor, side: int = MEDIAN_SIDE) -> Tensor:
    """(..., h, w) -> one pixel of so many in each direction: `side` of the shorter side, up to twice as many."""
    step = max(1, min(planes.shape[-2:]) // side)
    return planes[..., ::step, ::step]


def _median(planes: Tensor) -> Tensor:
    """(N, 1, h, w) -> (N, 1, 1, 1)."""
    return planes.flatten(1).median(dim=1).values.view(-1, 1, 1, 1)
