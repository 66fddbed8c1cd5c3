"""What an evaluation found: plain values, as they are printed, written as JSON and drawn as a page.

Alone, PSNR and CDC reward grey: the one never stands without colourfulness, the other never without the original's.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

COLORLESS = 0.5
"""Colourfulness below which a share of it says nothing."""
MOST_SAMPLES = 48
"""Pictures of an evaluation that a page shows, at most."""
Pixels = NDArray[np.uint8]
"""(H, W, 3) R′G′B′."""


class ColorScores:
    """What any scores of colours are read by. Their fields stand where each kind of scores says."""

    psnr: float
    psnr_of_grey: float
    colorfulness: float
    colorfulness_of_truth: float

    @property
    def gain(self) -> float:
        """PSNR over grey in dB."""
        return self.psnr - self.psnr_of_grey

    @property
    def vividness(self) -> float:
        """Share of the truth's colourfulness."""
        return self.colorfulness / max(self.colorfulness_of_truth, 1e-6)


@dataclass(frozen=True)
class PictureScores(ColorScores):
    """Means over pictures, or over the frames of films.

    Of a film `ssim` and all that follows it, but the colourfulness, are over every eighth frame.
    """

    mse: float
    """Of R′G′B′ in 0..1, as the next two."""
    psnr: float
    """dB."""
    psnr_of_grey: float
    """dB, of the same pictures with no colour at all."""
    ssim: float
    ciede2000: float
    colorfulness: float
    colorfulness_of_truth: float
    auc: float
    """0..1: share of pixels with a true ab within t of the predicted one, averaged over t = 0..150 (Zhang 2016)."""
    auc_rebalanced: float
    """The same with rare colours weighing as much as common ones."""
    larger_channel: float
    """0..1: share of pixels where the larger of a* and b* is the same in picture and truth."""
    lpips: float | None = None
    """None where its weights are not at hand."""


@dataclass(frozen=True)
class FilmScores:
    """How steady a film is: as it is, as it would be without the temporal filter, and as the original is.

    None where there is nothing to measure: films of one frame, shots in which everything moves.
    """

    cdc: float | None
    cdc_unsmoothed: float | None
    cdc_of_truth: float | None
    flicker: float | None
    """Mean |Δab| from frame to frame where the luma changes by at most 2 of 255."""
    flicker_unsmoothed: float | None
    flicker_of_truth: float | None
    warp_error: float | None
    """Mean squared Δab along the motion, where the motion is consistent."""
    warp_error_unsmoothed: float | None
    warp_error_of_truth: float | None
    psnr_unsmoothed: float
    colorfulness_unsmoothed: float
    cut_lag: float | None
    """Frames after a cut until the colours are as near to the truth as later in the shot; None without a cut."""


@dataclass(frozen=True)
class Moment:
    """One frame of a film, for the plot."""

    seconds: float
    starts_shot: bool
    psnr: float
    colorfulness: float
    colorfulness_of_truth: float
    flicker: float | None
    """None on the first frame of a shot, and where no pixel stands still; so are the next two."""
    flicker_unsmoothed: float | None
    flicker_of_truth: float | None


@dataclass(frozen=True)
class SourceReport:
    """One photo or film."""

    source: str
    frames: int
    shots: int
    pictures: PictureScores
    film: FilmScores | None = None
    """None of a photo."""
    moments: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class EvalReport:
    """What `vidcolor eval` prints, and what it writes as JSON."""

    model: str
    device: str
    size: int
    """Pictures were brought to an area of size² pixels."""
    work_size: int
    """The network saw them at an area of work_size² pixels."""
    fast: bool
    """Whether it saw key frames only."""
    smooth: float
    saturation: float
    seconds: float
    """Of work."""
    photos: PictureScores | None
    """Means over the photos; None without photos."""
    frames: PictureScores | None
    """Means over the films, each film weighing the same."""
    films: FilmScores | None
    """The same."""
    realism: dict[str, float]
    """FID and Inception Score over all pictures, each named after the network whose features it compares."""
    sources: tuple[SourceReport, ...]
    notes: tuple[str, ...] = ()
    """What was not measured, and why."""


@dataclass(frozen=True)
class Sample:
    """One picture of a shot, to look at."""

    source: str
    seconds: float | None
    """Into the film; None of a photo."""
    grey: Pixels
    colored: Pixels
    truth: Pixels


@dataclass(frozen=True)
class AbHistogram:
    """How often each colour occurs."""

    edges: NDArray[np.float64]
    """(B + 1,) in a*b* units, the same along both axes."""
    colored: NDArray[np.int64]
    """(B, B) pixels: row a*, column b*."""
    truth: NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    """Everything that was found."""

    report: EvalReport
    samples: tuple[Sample, ...]
    histogram: AbHistogram
