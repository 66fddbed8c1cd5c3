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
from torch import Tensor

from vidcolor.color import chroma_to_rgb, read_chroma
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.data import PhotoViews, View
from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.metrics import ciede2000, colorfulness, psnr
from vidcolor.photos import find_photos
from vidcolor.upsample import Upsampler

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
