"""Numbers. No one of them stands alone: which of them grey wins is said where each is defined."""

from vidcolor.metrics.films import (
    ColorDistributionConsistency,
    Correspondence,
    consistent_motion,
    cut_lag,
    flicker,
    warp_error,
)
from vidcolor.metrics.pictures import (
    AbAccuracy,
    Lpips,
    auc,
    ciede2000,
    colorfulness,
    larger_channel,
    load_lpips,
    mse,
    psnr,
    ssim,
)
from vidcolor.metrics.realism import Extractor, Realism, load_features

__all__ = [
    "AbAccuracy",
    "ColorDistributionConsistency",
    "Correspondence",
    "Extractor",
    "Lpips",
    "Realism",
    "auc",
    "ciede2000",
    "colorfulness",
    "consistent_motion",
    "cut_lag",
    "flicker",
    "larger_channel",
    "load_features",
    "load_lpips",
    "mse",
    "psnr",
    "ssim",
    "warp_error",
]
