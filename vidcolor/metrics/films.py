"""How steady the colours of a film are, frame after frame.

All of these but `cut_lag` reward colours that do not move: grey is perfect. Less than the original's own value is not
better, so that value belongs beside them.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]

DILATIONS = (1, 2, 4)
STATIC = 2.5 / 255
"""Change of Y′ under which a pixel stands still: between whole levels of 8 bits, as their quotients are rounded."""
LEAST_SIDE = 32
"""Pictures narrower or lower than this are compared in place: OpenCV's flow may crash on them."""
LEAST_SHOT = 16
SETTLING = slice(8, 24)
"""Frames of a shot that say what it settles at."""


class ColorDistributionConsistency:
    """CDC (Liu et al. 2021): the divergence of colour histograms d = 1, 2 and 4 frames apart, in nats; 0 is steady.

    As in ColorMNet's evaluation_matrics/cdc.py: histograms of 256 bins of each 8-bit channel, the Jensen-Shannon
    divergence (not its root, the distance) with the natural logarithm; the mean over pairs, then over d, then over
    channels. That code counts pairs on either side of a cut; here they are left out. Histograms do not see where a
    colour is, so a frozen cast is perfect too.
    """

    def __init__(self) -> None:
        self._recent: deque[Tensor] = deque(maxlen=max(DILATIONS))
        self._sums = dict.fromkeys(DILATIONS, 0.0)
        self._pairs = dict.fromkeys(DILATIONS, 0)

    def update(self, rgb: Tensor, first_of_shot: Sequence[bool]) -> None:
        """The next frames of the film: R′G′B′ (N, 3, H, W) float in 0..1, and N flags, True on a cut."""
        for histogram, cut in zip(_histograms(rgb), first_of_shot, strict=True):
            if cut:
                self._recent.clear()
            for dilation in DILATIONS:
                if dilation <= len(self._recent):
                    self._sums[dilation] += _divergence(self._recent[-dilation], histogram)
                    self._pairs[dilation] += 1
            self._recent.append(histogram)

    @property
    def value(self) -> float | None:
        """None before there is a pair; without pairs of some d the mean is over the others."""
        means = [self._sums[dilation] / pairs for dilation, pairs in self._pairs.items() if pairs]
        return fmean(means) if means else None


def flicker(ab: Tensor, before: Tensor, luma: Tensor, luma_before: Tensor) -> float | None:
    """Mean |Δab| from one frame to the next, in ab units, where the luma changes by at most 2 of 255.

    ab and before (2, h, w), luma and luma_before (1, h, w) in 0..1. None where no pixel stands still.
    """
    still = (luma - luma_before).abs()[0] < STATIC
    return (ab - before).abs().mean(0)[still].mean().item() if still.any() else None


@dataclass(frozen=True)
class Correspondence:
    """Where the things of one frame were in the one before."""

    places: Floats
    """(2, h, w): x and y in the frame before, in pixels."""
    consistent: NDArray[np.bool_]
    """(h, w): where that can be believed."""


def consistent_motion(luma: Tensor, luma_before: Tensor) -> Correspondence:
    """The motion between two frames, Y′ (1, h, w) in 0..1, by dense inverse search (Kroeger et al. 2016, "medium").

    It shares no setting with `motion` on purpose: the temporal filter follows that one, and would be measured with
    itself.
    """
    now, then = _bytes(luma), _bytes(luma_before)
    return correspond(_flow(now, then), _flow(then, now))


def correspond(back: Floats, there: Floats) -> Correspondence:
    """From the flow to the frame before, and from there to this one; (2, h, w) in pixels, x before y.

    A pixel is left out where it comes from outside the frame, where the flows there and back do not cancel (occlusion)
    and where the motion changes abruptly: the two conditions of Ruder et al. 2016 (arXiv:1604.08610), on squared
    lengths, as `detect_occlusion` in Lai et al. 2018's utils.py has them.
    """
    height, width = back.shape[1:]
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height))).astype(np.float32) + back
    there = _fetch(there, places)
    squared = np.square(back).sum(0)
    outside = (places < 0).any(0) | (places[0] > width - 1) | (places[1] > height - 1)
    occluded = np.square(there + back).sum(0) > 0.01 * (np.square(there).sum(0) + squared) + 0.5
    boundary = _steepness(back) > 0.01 * squared + 0.002
    return Correspondence(places, ~(outside | occluded | boundary))


def warp_error(ab: Tensor, before: Tensor, motion: Correspondence) -> float | None:
    """Mean squared Δab along the motion, in squared ab units, over the pixels where the motion is consistent.

    ab and before (2, h, w). None where it is nowhere consistent. Lai et al. 2018 (arXiv:1808.00449) on R′G′B′; here on
    ab alone, because the luma is the film's own. It agrees poorly with people: a guard, not a goal.
    """
    moved = _fetch(before.cpu().float().numpy(), motion.places)
    error = np.square(ab.cpu().float().numpy() - moved).mean(0)[motion.consistent]
    return float(error.mean()) if error.size else None


def cut_lag(errors: Sequence[float], starts: Sequence[int]) -> float | None:
    """Frames after a cut until the colours are as near to the truth as they get; the mean over the film's cuts.

    errors: one a frame, not negative, lower is better; starts: the rising indices of frames that begin a shot, 0 or
    not. A shot has settled at its first frame within 10 % of the mean error of its frames 8 to 23. Only shots of at
    least 16 frames after a cut count; None without any.
    """
    lags = []
    for start, end in pairwise((*starts, len(errors))):
        shot = errors[start:end]
        if start > 0 and len(shot) >= LEAST_SHOT:
            enough = 1.1 * fmean(shot[SETTLING])
            lags.append(next(frame for frame, error in enumerate(shot) if error <= enough))
    return fmean(lags) if lags else None


def _histograms(rgb: Tensor) -> Tensor:
    """R′G′B′ (N, 3, H, W) in 0..1 -> (N, 3, 256) float64, each summing to 1."""
    levels = (rgb * 255).round().clamp(0, 255).long().flatten(2).cpu()
    counts = torch.zeros(*levels.shape[:2], 256, dtype=torch.float64)
    return counts.scatter_add_(2, levels, torch.ones_like(levels, dtype=torch.float64)) / levels.shape[2]


def _divergence(one: Tensor, other: Tensor) -> float:
    """Jensen-Shannon, of histograms (3, 256): the entropy of the mean less the mean entropy; the mean over channels."""
    mixed, own = torch.special.entr((one + other) / 2), (torch.special.entr(one) + torch.special.entr(other)) / 2
    return float((mixed - own).sum(1).mean().clamp_min(0))


def _bytes(luma: Tensor) -> NDArray[np.uint8]:
    return (luma[0] * 255).round().clamp(0, 255).byte().cpu().numpy()


def _flow(luma: NDArray[np.uint8], other: NDArray[np.uint8]) -> Floats:
    """Two pictures (h, w) -> (2, h, w): how far to go, in pixels, from each of `luma` to find it in `other`."""
    flow = np.zeros((*luma.shape, 2), dtype=np.float32)
    if min(luma.shape) >= LEAST_SIDE:
        flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(luma, other, flow)
    return flow.transpose(2, 0, 1)


def _fetch(planes: Floats, places: Floats) -> Floats:
    """(C, h, w) of one frame -> (C, h, w) moved to the other, bilinear."""
    across, down = places
    return np.stack([cv2.remap(plane, across, down, cv2.INTER_LINEAR) for plane in np.ascontiguousarray(planes)])


def _steepness(flow: Floats) -> Floats:
    """(2, h, w) -> |∇u|² + |∇v|² (h, w), forward differences."""
    across = np.diff(flow, axis=2, append=flow[:, :, -1:])
    down = np.diff(flow, axis=1, append=flow[:, -1:])
    return np.asarray((np.square(across) + np.square(down)).sum(0))
