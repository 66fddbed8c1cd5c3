"""Makers of evaluations under hostile names; used by the tests of the report."""

from dataclasses import fields, replace
from typing import Any

import cv2
import numpy as np
from skimage import data

from vidcolor.scores import (
    AbHistogram,
    EvalReport,
    Evaluation,
    FilmScores,
    Moment,
    PictureScores,
    Pixels,
    Sample,
    SourceReport,
)

HOSTILE = (
    "<script>window.harmed = 1</script>.jpg",
    "\"'><img src=x onerror='window.harmed = 1'>.jpg",
    "two\nlines &amp; $title ${model} \u202egpj.jpg",
    "caf\udce9.jpg",
    f"{'endless' * 40}.jpg",
)
FILM = "</title></svg><b>film\u202e.mkv"
CUTS = (40, 90)
NOTE = "LPIPS is not measured: it needs the weights of <AlexNet>"
EDGES = np.linspace(-110.0, 110.0, 23)


def numbered(kind: type[Any], start: float, **changes: Any) -> Any:
    """An instance whose every number is another, so that each can be found again."""
    return kind(**{field.name: start + i / 64 for i, field in enumerate(fields(kind))} | changes)


def photo(pixels: Pixels, source: str, seconds: float | None = None) -> Sample:
    """A sample that is coloured too weakly."""
    truth = np.ascontiguousarray(cv2.resize(pixels[..., :3], (192, 128)))
    grey = np.repeat(cv2.cvtColor(truth, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return Sample(source, seconds, grey, (truth // 2 + grey // 2).astype(np.uint8), truth)


def film_of(count: int, cuts: tuple[int, ...] = CUTS) -> tuple[Moment, ...]:
    """Moments at 25 frames/s; the first of a shot has no flicker."""
    moments = (Moment(i / 25, i in (0, *cuts), 25 + i % 7, 30 + i % 3, 40, 0.5, 0.9, 0.6) for i in range(count))
    silent = dict(flicker=None, flicker_unsmoothed=None, flicker_of_truth=None)
    return tuple(replace(moment, **silent) if moment.starts_shot else moment for moment in moments)


def make_evaluation(**changes: Any) -> Evaluation:
    """Photos and a film under hostile names; LPIPS is not measured."""
    rng = np.random.default_rng(0)
    pictures = (data.astronaut(), data.chelsea(), data.coffee(), data.rocket(), rng.integers(0, 256, (64, 96, 3)))
    samples = [photo(pixels.astype(np.uint8), name) for pixels, name in zip(pictures, HOSTILE, strict=True)]
    samples += [photo(data.coffee(), FILM, seconds) for seconds in (0.0, 1.6)]
    photos, frames = numbered(PictureScores, 10, lpips=None), numbered(PictureScores, 30, lpips=None)
    films = numbered(FilmScores, 50, cut_lag=0.0)
    sources = [SourceReport(name, 1, 1, replace(photos, psnr=10.0 + i)) for i, name in enumerate(HOSTILE)]
    sources.append(SourceReport(FILM, 150, 3, frames, films, film_of(150)))
    realism = {"FID-MobileNetV2": 31.4, "IS-MobileNetV2": 12.1, "IS-MobileNetV2 of the truth": 14.7}
    report = EvalReport(
        model="fusion<b>",
        device="cpu",
        size=256,
        work_size=192,
        fast=True,
        smooth=0.7,
        saturation=1.1,
        seconds=90.0,
        photos=photos,
        frames=frames,
        films=films,
        realism=realism,
        sources=tuple(sources),
        notes=(NOTE,),
    )
    counts = np.zeros((22, 22), np.int64)
    counts[11, 11] = 1000
    histogram = AbHistogram(EDGES, counts, lit(50, -30))
    return Evaluation(replace(report, **changes), tuple(samples), histogram)


def lit(a: float, b: float) -> Any:
    """Counts of pixels that all have one colour."""
    counts, _, _ = np.histogram2d([a] * 500, [b] * 500, bins=(EDGES, EDGES))
    return counts.astype(np.int64)
