"""What --reference is worth: films coloured after their own middle frame, and after another film's, beside without.

    python benchmarks/references.py FILM... [--frames 160] [--json FILE]

FILMs are in colour: their luma goes in, and their own colours are what all are compared with, at 256x256.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import cv2
import torch
from torch import Tensor

from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.environment import describe_environment
from vidcolor.frames import FrameBatch
from vidcolor.metrics import colorfulness, psnr
from vidcolor.originals import LAYOUT, read_film, to_pixels, to_rgb
from vidcolor.shots import mark_shots
from vidcolor.smooth import Smoother
from vidcolor.upsample import Upsampler

SIZE = 256


@dataclass(frozen=True)
class Worth:
    """Of one film, or in the mean."""

    own: float
    """dB that PSNR rises by with the film's own middle frame."""
    other: float
    """dB that it rises by with the middle frame of the film before."""
    colorfulness: float
    """With its own by the truth's."""
    colorfulness_without: float


def read(film: Path, frames: int) -> list[FrameBatch]:
    return [batch for batch, _ in islice(read_film(film, SIZE, 4), frames // 4)]


def save_middle(batches: Sequence[FrameBatch], folder: Path, name: str) -> Path:
    """Its middle frame as a picture."""
    file = folder / f"{name}.png"
    cv2.imwrite(str(file), to_pixels(to_rgb(batches[len(batches) // 2])[0])[..., ::-1])
    return file


def colored(batches: Sequence[FrameBatch], colorizer: Colorizer) -> Tensor:
    """R'G'B' as it would be written."""
    steady = Smoother().stream(colorizer.stream(mark_shots(batches, LAYOUT), LAYOUT))
    return torch.cat([to_rgb(batch) for batch in Upsampler(LAYOUT, LAYOUT).stream(steady)])


def measure(batches: Sequence[FrameBatch], colorizer: Colorizer, own: Path, other: Path) -> Worth:
    truth = torch.cat([to_rgb(batch) for batch in batches])
    plain, *after = (colored(batches, colorizer.with_references(files)) for files in ([], [own], [other]))
    gains = [float((psnr(one, truth) - psnr(plain, truth)).mean()) for one in after]
    shown, without, real = (float(colorfulness(one).mean()) for one in (after[0], plain, truth))
    return Worth(*gains, shown / real, without / real)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--frames", type=int, default=160)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    colorizer = load_colorizer(options.model, "cpu")
    found = {}
    with TemporaryDirectory() as folder:
        other = save_middle(read(options.films[-1], options.frames), Path(folder), "last")
        for film in options.films:
            batches = read(film, options.frames)
            own = save_middle(batches, Path(folder), film.stem)
            found[film.name] = worth = measure(batches, colorizer, own, other)
            print(f"{film.name:32} {worth.own:+.2f} dB, another's {worth.other:+.3f} dB", flush=True)
            other = own
    mean = {name: fmean(getattr(worth, name) for worth in found.values()) for name in Worth.__dataclass_fields__}
    print(f"{'mean':32} {mean['own']:+.2f} dB, another's {mean['other']:+.3f} dB")
    if options.json:
        result = {
            "model": colorizer.meta.name,
            "frames": options.frames,
            "mean": mean,
            "films": {name: asdict(worth) for name, worth in found.items()},
            "environment": asdict(describe_environment()),
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
