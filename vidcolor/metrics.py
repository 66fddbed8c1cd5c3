"""Numbers. Pictures are R′G′B′ (N, 3, H, W) float in 0..1; every metric gives one value per picture, (N,)."""

import torch
from torch import Tensor


def psnr(picture: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB over all three channels."""
    return -10 * (picture - truth).square().flatten(1).mean(1).clamp_min(1e-10).log10()


def colorfulness(picture: Tensor) -> Tensor:
    """Hasler and Süsstrunk 2003, on R′G′B′ scaled to 0..255: 0 is grey, natural photos lie about 40."""
    red, green, blue = (picture * 255).flatten(2).unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2 - blue))
    spread = opponents.std(dim=2, correction=0).square().sum(0).sqrt()
    return spread + 0.3 * opponents.mean(dim=2).square().sum(0).sqrt()
