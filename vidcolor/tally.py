"""Sums that an evaluation keeps while pictures go by: memory grows by a few numbers a frame, never by a picture."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from torch import Tensor

from vidcolor import metrics
from vidcolor.color import rgb_to_lab
from vidcolor.metrics import AbAccuracy, ColorDistributionConsistency
from vidcolor.metrics.pictures import Lpips
from vidcolor.scores import AbHistogram, FilmScores, Moment, PictureScores

Scores = TypeVar("Scores", PictureScores, FilmScores)

SAMPLE_EVERY = 8
"""Frames of a film from one to the next that the slow metrics look at."""
HISTOGRAM_REACH, HISTOGRAM_BINS = 110, 44


@dataclass(frozen=True)
class Colors:
    """The same N pictures in one colouring."""

    rgb: Tensor
    """R′G′B′ (N, 3, H, W) float in 0..1."""

    @cached_property
    def ab(self) -> Tensor:
        """(N, 2, H, W) in a*b* units."""
        return rgb_to_lab(self.rgb)[:, 1:]

    def __getitem__(self, index: int) -> "Colors":
        return Colors(self.rgb[index : index + 1])


class Means:
    """Running means by name."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = defaultdict(float)
        self._counts: dict[str, int] = defaultdict(int)

    def add(self, **values: float | None) -> None:
        """One more of each; None does not count."""
        for name, value in values.items():
            if value is not None:
                self._sums[name] += value
                self._counts[name] += 1

    def __getitem__(self, name: str) -> float:
        return self._sums[name] / self._counts[name] if self._counts[name] else 0.0

    def find(self, name: str) -> float | None:
        """None where there was none."""
        return self[name] if self._counts[name] else None


class PictureTally:
    """How near pictures come to the truth."""

    def __init__(self, lpips: Lpips | None = None) -> None:
        self._means, self._accuracy, self._lpips = Means(), AbAccuracy(), lpips

    def add(self, colored: Colors, truth: Colors, luma: Tensor, is_sample: bool = True) -> dict[str, float]:
        """One picture, luma (1, 1, H, W) in 0..1; the slow metrics only if `is_sample`. Returns the quick ones."""
        quick = {
            "mse": metrics.mse(colored.rgb, truth.rgb).item(),
            "psnr": metrics.psnr(colored.rgb, truth.rgb).item(),
            "psnr_of_grey": metrics.psnr(luma.expand_as(truth.rgb), truth.rgb).item(),
            "colorfulness": metrics.colorfulness(colored.rgb).item(),
            "colorfulness_of_truth": metrics.colorfulness(truth.rgb).item(),
        }
        self._means.add(**quick)
        if is_sample:
            self._accuracy.update(colored.ab, truth.ab)
            self._means.add(
                ssim=metrics.ssim(colored.rgb, truth.rgb).item(),
                ciede2000=metrics.ciede2000(colored.rgb, truth.rgb).item(),
                larger_channel=metrics.larger_channel(colored.ab, truth.ab).item(),
                lpips=self._lpips(colored.rgb, truth.rgb).item() if self._lpips else None,
            )
        return quick

    @property
    def scores(self) -> PictureScores:
        names = {field.name for field in fields(PictureScores)} - {"auc", "auc_rebalanced", "lpips"}
        return PictureScores(
            auc=self._accuracy.raw,
            auc_rebalanced=self._accuracy.rebalanced,
            lpips=self._means.find("lpips"),
            **{name: self._means[name] for name in names},
        )


@dataclass(frozen=True)
class Step:
    """One frame of a film in its three colourings."""

    seconds: float
    starts_shot: bool
    luma: Tensor
    """(1, 1, H, W) in 0..1."""
    smoothed: Colors
    unsmoothed: Colors
    truth: Colors

    def colorings(self) -> dict[str, Colors]:
        """By the ending their scores have."""
        return {"": self.smoothed, "_unsmoothed": self.unsmoothed, "_of_truth": self.truth}


class FilmTally:
    """How steady a film is, and how near its frames come to the truth."""

    def __init__(self, pictures: PictureTally) -> None:
        self.pictures = pictures
        self.moments: list[Moment] = []
        self._errors: list[float] = []
        self._means = Means()
        self._consistency = {ending: ColorDistributionConsistency() for ending in ("", "_unsmoothed", "_of_truth")}
        self._last: Step | None = None

    def add(self, step: Step) -> bool:
        """The next frame. True where it is one of those that the slow metrics look at."""
        is_sample = len(self.moments) % SAMPLE_EVERY == 0
        quick = self.pictures.add(step.smoothed, step.truth, step.luma, is_sample)
        last = None if step.starts_shot else self._last
        flickers = self._compare(step, last) if last else dict.fromkeys(step.colorings())
        for ending, colors in step.colorings().items():
            self._consistency[ending].update(colors.rgb, (step.starts_shot,))
        self._errors.append((step.smoothed.ab - step.truth.ab).norm(dim=1).mean().item())
        self._means.add(
            psnr_unsmoothed=metrics.psnr(step.unsmoothed.rgb, step.truth.rgb).item(),
            colorfulness_unsmoothed=metrics.colorfulness(step.unsmoothed.rgb).item(),
            **{f"flicker{ending}": value for ending, value in flickers.items()},
        )
        self.moments.append(
            Moment(
                seconds=step.seconds,
                starts_shot=step.starts_shot,
                psnr=quick["psnr"],
                colorfulness=quick["colorfulness"],
                colorfulness_of_truth=quick["colorfulness_of_truth"],
                flicker=flickers[""],
                flicker_unsmoothed=flickers["_unsmoothed"],
                flicker_of_truth=flickers["_of_truth"],
            )
        )
        self._last = step
        return is_sample

    def _compare(self, step: Step, last: Step) -> dict[str, float | None]:
        """Flicker by colouring."""
        motion = metrics.consistent_motion(step.luma[0], last.luma[0])
        flickers = {}
        for (ending, colors), before in zip(step.colorings().items(), last.colorings().values(), strict=True):
            ab, ab_before = colors.ab[0], before.ab[0]
            flickers[ending] = metrics.flicker(ab, ab_before, step.luma[0], last.luma[0])
            self._means.add(**{f"warp_error{ending}": metrics.warp_error(ab, ab_before, motion)})
        return flickers

    @property
    def shots(self) -> int:
        return sum(moment.starts_shot for moment in self.moments)

    @property
    def scores(self) -> FilmScores:
        cuts = [index for index, moment in enumerate(self.moments) if moment.starts_shot]
        films = {f"{name}{ending}" for name in ("flicker", "warp_error") for ending in self._consistency}
        return FilmScores(
            cut_lag=metrics.cut_lag(self._errors, cuts),
            psnr_unsmoothed=self._means["psnr_unsmoothed"],
            colorfulness_unsmoothed=self._means["colorfulness_unsmoothed"],
            **{f"cdc{ending}": consistency.value for ending, consistency in self._consistency.items()},
            **{name: self._means.find(name) for name in films},
        )


class HistogramTally:
    """How often each ab occurs."""

    def __init__(self) -> None:
        self._edges = np.linspace(-HISTOGRAM_REACH, HISTOGRAM_REACH, HISTOGRAM_BINS + 1)
        self._counts = np.zeros((2, HISTOGRAM_BINS, HISTOGRAM_BINS), np.int64)

    def add(self, colored: Colors, truth: Colors) -> None:
        """Pictures of any size."""
        for counts, colors in zip(self._counts, (colored, truth), strict=True):
            a, b = colors.ab.transpose(0, 1).flatten(1).numpy()
            counts += np.histogram2d(a, b, bins=[self._edges, self._edges])[0].astype(np.int64)

    @property
    def histogram(self) -> AbHistogram:
        return AbHistogram(self._edges, *self._counts.copy())


def mean_scores(scores: Sequence[Scores]) -> Scores | None:
    """Field by field, each film weighing the same; None of none, and of a field that is None everywhere."""
    if not scores:
        return None
    means = Means()
    for one in scores:
        means.add(**vars(one))
    found: dict[str, Any] = {name: means.find(name) for name in vars(scores[0])}
    return type(scores[0])(**found)
