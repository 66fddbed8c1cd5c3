"""Scores of a model on colour photos: luma in, colour out, every photo at 256x256, on the path that films take.

    python benchmarks/photos.py MODEL PHOTOS... [--json FILE]

Each photo is scaled to a short side of 256 and its middle 256x256 is kept. PSNR is over R'G'B'; "grey" is the same luma
without colour. Colourfulness is Hasler and Süsstrunk's.
"""

import argparse
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from scipy.optimize import brentq
from torch import Tensor

from vidcolor.color import chroma_to_rgb, read_chroma
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.data import PhotoViews, View
from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.metrics import ciede2000, colorfulness, psnr
from vidcolor.photos import find_photos
from vidcolor.training.validation import paint_ab
from vidcolor.upsample import Upsampler

Pair = tuple[Tensor, Tensor]
"""A photo: uint8 luma (1, 1, S, S) and R'G'B' (1, 3, S, S)."""
SIZE = 256
PLANES = PlaneFormat(bit_depth=8, full_range=True, matrix="709", chroma_shift=(0, 0))


@dataclass(frozen=True)
class PhotoScores:
    """Means over the photos."""

    photos: int
    psnr: float
    psnr_of_grey: float
    colorfulness: float
    colorfulness_of_truth: float
    ciede2000: float | None = None

    @property
    def summary(self) -> str:
        text = (
            f"PSNR {self.psnr:.2f} dB ({self.psnr - self.psnr_of_grey:+.2f} over grey) at colourfulness "
            f"{self.colorfulness:.1f} ({self.colorfulness / self.colorfulness_of_truth:.0%} of the truth's)"
        )
        return text if self.ciede2000 is None else f"{text}, CIEDE2000 {self.ciede2000:.2f}"


def photo_batches(paths: list[Path], size: int = 8) -> Iterator[tuple[Tensor, Tensor]]:
    """(luma (N, 1, 256, 256) uint8, R'G'B' (N, 3, 256, 256) float)."""
    views = PhotoViews(find_photos(paths), SIZE)
    pairs = (views[View(index, None)] for index in range(len(views)))
    while group := tuple(itertools.islice(pairs, size)):
        luma, rgb = zip(*group, strict=True)
        yield torch.stack(luma), torch.stack(rgb).float() / 255


def as_stills(luma: Tensor) -> FrameBatch:
    """Photos as frames, each a shot of its own."""
    count = len(luma)
    return FrameBatch(luma, tuple(range(count)), (1,) * count, first_of_shot=(True,) * count)


def finish(batch: FrameBatch) -> Tensor:
    """Frames with ab -> 8-bit R'G'B' as a viewer sees it, through the film's own last stage."""
    (done,) = Upsampler(PLANES, PLANES).stream([batch])
    rgb = chroma_to_rgb(batch.luma.float() / 255, read_chroma(done.chroma, PLANES), "709")
    return (rgb.clamp(0, 1) * 255).round() / 255


def paint(colorizer: Colorizer, luma: Tensor) -> Tensor:
    """uint8 luma (N, 1, 256, 256) -> R'G'B' (N, 3, 256, 256)."""
    (colored,) = colorizer.stream([as_stills(luma)], PLANES)
    return finish(colored)


def measure(colored: Tensor, luma: Tensor, truth: Tensor, *, with_ciede: bool) -> Tensor:
    """(N, 5): PSNR, PSNR of grey, colourfulness, colourfulness of the truth, CIEDE2000."""
    grey = (luma.float() / 255).expand_as(truth)
    difference = ciede2000(colored, truth) if with_ciede else torch.full((len(truth),), float("nan"))
    columns = (psnr(colored, truth), psnr(grey, truth), colorfulness(colored), colorfulness(truth))
    return torch.stack((*columns, difference), dim=1)


def score(colorizer: Colorizer, paths: list[Path]) -> PhotoScores:
    rows = torch.cat(
        [measure(paint(colorizer, luma), luma, truth, with_ciede=True) for luma, truth in photo_batches(paths)]
    )
    return PhotoScores(len(rows), *rows.mean(0).tolist())


def read_pairs(paths: list[Path], size: int, every: int = 1) -> list[Pair]:
    """Every `every`-th photo at size x size."""
    views = PhotoViews(find_photos(paths), size)
    pairs = (views[View(index, None)] for index in range(0, len(views), every))
    return [(luma[None], rgb[None]) for luma, rgb in pairs]


def gain_to(level: float, colors: list[Tensor], photos: list[Pair]) -> float:
    """The gain on ab (1, 2, S, S), one a photo, with which their mean colourfulness is `level` of the truth's."""
    truth = torch.cat([colorfulness(rgb.float() / 255) for _, rgb in photos]).mean()

    def excess(gain: float) -> float:
        painted = [colorfulness(paint_ab(gain * ab, luma)) for ab, (luma, _) in zip(colors, photos, strict=True)]
        return (torch.cat(painted).mean() / truth).item() - level

    return float(brentq(excess, 0.1, 12.0, xtol=0.01))


def scores_at(gain: float, colors: list[Tensor], photos: list[Pair]) -> dict[str, float]:
    """Means over the photos with ab times `gain`, without a film's last stage."""
    pairs = zip(colors, photos, strict=True)
    rows = [measure(paint_ab(gain * ab, luma), luma, rgb.float() / 255, with_ciede=True) for ab, (luma, rgb) in pairs]
    psnr, of_grey, colorfulness, of_truth, ciede2000 = torch.cat(rows).mean(0).tolist()
    scores = {"psnr_over_grey": psnr - of_grey, "vividness": colorfulness / of_truth, "ciede2000": ciede2000}
    return {name: round(value, 4) for name, value in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--work-size", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    colorizer = load_colorizer(options.model, work_size=options.work_size)
    scores = score(colorizer, options.photos)
    print(f"{options.model}, {scores.photos} photos: {scores.summary}")
    if options.json:
        result = {"model": colorizer.meta.name, "created": colorizer.meta.created, "work_size": colorizer.work_size}
        options.json.write_text(json.dumps(result | asdict(scores), indent=2) + "\n")


if __name__ == "__main__":
    main()
