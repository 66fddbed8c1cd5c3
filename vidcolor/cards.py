"""Title cards, leader and empty screens: a network takes what is plain for sky, and there is nothing to colour."""

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor.grain import blur_grain
from vidcolor.sampling import box

LEVELS = 200
"""Steps from black to the brightest, in which the commonest luma is looked for."""
ALIKE = 6
"""Steps around it that count as the same: 3 % of the brightest, more than the grain that blurring leaves."""
DARKEST = 0.05
"""Y′ that counts as the brightest of a picture that is darker."""
PICTURE, CARD = 0.7, 0.8
"""Share of plain pixels up to which it is a picture, and from which it is a card."""
THING, LETTER = 0.25, 0.5
"""Share of plain pixels around one up to which it belongs to a thing, and from which to a letter."""
AROUND = 10
"""The surroundings reach this part of the shorter side."""


def colorable(luma: Tensor) -> Tensor:
    """Y′ (N, 1, h, w) in 0..1 -> what of a colour may stay, (N, 1, h, w) in 0..1: 0 on cards, 1 in pictures.

    On a card, what is large and not plain stays: a face before a black or a white ground.
    """
    blurred = blur_grain(luma)
    level = (blurred / blurred.amax((2, 3), keepdim=True).clamp_min(DARKEST) * LEVELS).long()
    plain = ((level - _commonest(level)).abs() <= ALIKE).float()
    is_card = _rise(plain.mean((2, 3), keepdim=True), PICTURE, CARD)
    if not is_card.any():
        return torch.ones_like(luma)
    around = box(plain, max(1, min(luma.shape[2:]) // AROUND))
    return 1 - is_card * _rise(around, THING, LETTER)


def _commonest(level: Tensor) -> Tensor:
    """The middle of the ALIKE levels that most pixels are within, (N, 1, 1, 1)."""
    flat = level.flatten(1)
    count = torch.zeros(len(flat), LEVELS + 1, device=level.device)
    count.scatter_add_(1, flat, torch.ones_like(flat, dtype=torch.float32))
    window = F.avg_pool1d(F.pad(count, (ALIKE, ALIKE)), 2 * ALIKE + 1, 1)
    return window.argmax(dim=1).view(-1, 1, 1, 1)


def _rise(share: Tensor, low: float, high: float) -> Tensor:
    """0 up to low, 1 from high."""
    return ((share - low) / (high - low)).clamp(0, 1)
