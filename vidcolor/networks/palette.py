"""A palette of colours: fitting it, soft targets for a classifying network, and the way back to ab."""

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS = 5
SIGMA = 5.0
UNIFORM_SHARE = 0.5
"""How much of the rebalancing takes all colours for equally frequent: the lambda of Zhang 2016, eq. 4."""
WEIGHT_LIMITS = (0.2, 5.0)
"""Between which the class weights are clipped."""
KNEE = 20.0
"""ab units up to which an error counts by its square."""


def fit_palette(colors: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """K-means of colours (M, D), some hundred units wide -> palette (size, D) and the share of M at each, (size,)."""
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 60, 0.01)
    samples = np.ascontiguousarray(colors.numpy(), dtype=np.float32)
    _, labels, centres = cv2.kmeans(samples, size, None, stop, 1, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]
    frequency = np.bincount(labels.ravel(), minlength=size) / len(labels)
    return torch.from_numpy(centres), torch.from_numpy(frequency).float()


def rebalanced_weights(frequency: Tensor) -> Tensor:
    """Class weights (Q,) from colour frequencies (Q,) that sum to 1: rare colours count more. Zhang 2016, eq. 4."""
    weights = 1 / ((1 - UNIFORM_SHARE) * frequency + UNIFORM_SHARE / len(frequency))
    weights = (weights / (frequency * weights).sum()).clamp(*WEIGHT_LIMITS)
    return weights / (frequency * weights).sum()


def annealed_mean(logits: Tensor, palette: Tensor, temperature: float) -> Tensor:
    """Logits (N, Q, h, w) -> the mean colour (N, 2, h, w) after sharpening by 1 / temperature. Zhang 2016, eq. 5."""
    return _mean(logits, palette.float(), temperature)


def annealed_moments(logits: Tensor, palette: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """The same mean (N, 2, h, w), and the variance (N, 1, h, w) about it: the mean square of the distance in ab."""
    colors = palette.float()
    moments = _mean(logits, torch.cat((colors, colors.square().sum(1, keepdim=True)), dim=1), temperature)
    mean, square = moments[:, :2], moments[:, 2:]
    return mean, (square - _squared(mean)).clamp_min(0)


def fade_faint(ab: Tensor, knee: float) -> Tensor:
    """ab (N, 2, h, w) of the same hues, chroma c made c³ / (c² + knee²): half at the knee, in ab units.

    The mean over all the colours a thing may have is a faint brown; where the network is sure, chroma is high.
    """
    square = _squared(ab)
    return ab * (square / (square + knee**2))


def fade_doubtful(ab: Tensor, variance: Tensor, caution: float) -> Tensor:
    """ab (N, 2, h, w) of the same hues, chroma c made c³ / (c² + caution · variance), variance (N, 1, h, w).

    The gain of a Wiener filter whose signal is the colour, and its noise what else the thing may be.
    """
    square = _squared(ab)
    return ab * (square / (square + caution * variance).clamp_min(1e-6))


def _mean(logits: Tensor, values: Tensor, temperature: float) -> Tensor:
    """Of values (Q, D), one row a colour: (N, D, h, w)."""
    share = (logits.movedim(1, 3).float() / temperature).softmax(dim=3)
    return (share @ values).movedim(3, 1)


def _squared(ab: Tensor) -> Tensor:
    """(N, 2, h, w) -> squared chroma (N, 1, h, w)."""
    return ab.square().sum(dim=1, keepdim=True)


def nearest_colors(ab: Tensor, palette: Tensor) -> tuple[Tensor, Tensor]:
    """Soft-encode ab (M, 2) over its five nearest palette colours (Q, 2), Gaussian of SIGMA in ab units.

    Returns indices (M, 5) int64 and weights (M, 5) float32 that sum to 1. Zhang 2016, section 2.2.
    """
    distance, index = torch.cdist(ab, palette).topk(min(NEIGHBOURS, len(palette)), dim=1, largest=False)
    return index, (-(distance**2) / (2 * SIGMA**2)).softmax(dim=1)


def palette_cross_entropy(logits: Tensor, ab: Tensor, palette: Tensor, color_weights: Tensor) -> Tensor:
    """Cross-entropy of logits (N, Q, h, w) against soft-encoded ab (N, 2, h, w), weighted by the truth's colour."""
    index, share = nearest_colors(ab.movedim(1, -1).reshape(-1, 2).float(), palette)
    log_odds = logits.movedim(1, -1).flatten(0, 2).float().log_softmax(dim=1)
    entropy = -(log_odds.gather(1, index) * share).sum(1)
    return (entropy * color_weights[index[:, 0]]).mean()


def ab_huber(predicted: Tensor, ab: Tensor) -> Tensor:
    """Huber loss between two ab (N, 2, h, w), quadratic up to KNEE and 1/2 there."""
    return F.huber_loss(predicted / KNEE, ab / KNEE)
