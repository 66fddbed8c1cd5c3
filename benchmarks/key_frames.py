"""What --fast costs: films coloured with key frames only, beside the same with the network on every frame.

    python benchmarks/key_frames.py FILM... [--frames 96] [--json FILE]

FILMs are in colour: their luma goes in, and their own colours are what both are compared with, at 256x256.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from statistics import fmean

import torch
from torch import Tensor

from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.environment import describe_environment
from vidcolor.frames import FrameBatch
from vidcolor.keys import LONGEST, TRACED
from vidcolor.metrics import colorfulness, psnr
from vidcolor.originals import LAYOUT, read_film, to_rgb
from vidcolor.shots import mark_shots
from vidcolor.smooth import Smoother
from vidcolor.upsample import Upsampler

SIZE = 256


@dataclass(frozen=True)
class Cost:
    """Of one film, or in the mean."""

    keys: float
    """Share of the frames that the network saw."""
    psnr: float
    """dB, with key frames less with every frame."""
    colorfulness: float
    """With key frames by with every frame."""


def colored(batches: Iterable[FrameBatch], colorizer: Colorizer) -> Iterator[tuple[FrameBatch, Tensor]]:
    """Batches as they would be written, and as R'G'B'."""
    marked = mark_shots(batches, LAYOUT)
    steady = Smoother().stream(colorizer.stream(marked, LAYOUT))
    for batch in Upsampler(LAYOUT, LAYOUT).stream(steady):
        yield batch, to_rgb(batch)


def measure(film: Path, every: Colorizer, fast: Colorizer, frames: int) -> Cost:
    batches = [batch for batch, _ in islice(read_film(film, SIZE, every.batch_size), frames // every.batch_size)]
    truths = [to_rgb(batch) for batch in batches]
    keys, gained, colors = [], [], []
    for truth, (_, one), (batch, other) in zip(truths, colored(batches, every), colored(batches, fast), strict=True):
        keys += batch.is_key or ()
        gained += (psnr(other, truth) - psnr(one, truth)).tolist()
        colors.append(torch.stack((colorfulness(other), colorfulness(one))))
    shown, plain = torch.cat(colors, dim=1).mean(1).tolist()
    return Cost(fmean(keys), fmean(gained), shown / plain)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--frames", type=int, default=96)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    every, fast = (load_colorizer(options.model, "cpu", fast=fast) for fast in (False, True))
    costs = {}
    for film in options.films:
        costs[film.name] = cost = measure(film, every, fast, options.frames)
        print(f"{film.name:32} {cost.keys:4.0%} {cost.psnr:+.3f} dB {cost.colorfulness - 1:+.1%}", flush=True)
    mean = Cost(*(fmean(getattr(cost, name) for cost in costs.values()) for name in ("keys", "psnr", "colorfulness")))
    print(f"{'mean':32} {mean.keys:4.0%} {mean.psnr:+.3f} dB {mean.colorfulness - 1:+.1%}")
    if options.json:
        result = {
            "model": every.meta.name,
            "traced": TRACED,
            "longest": LONGEST,
            "frames": options.frames,
            "mean": asdict(mean),
            "films": {name: asdict(cost) for name, cost in costs.items()},
            "environment": asdict(describe_environment()),
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
