"""How steady a film's colour is, beside how colourful and how true: with the temporal filter and without.

    python benchmarks/steadiness.py FILMS... [--model M] [--seconds 2] [--json FILE]

Films must be in colour: their luma goes in, their chroma is the truth. Flicker is the mean |ab_t - ab_(t-1)| of the
coloured film at working size where the source's luma changes by less than 2 of 255; PSNR is over R'G'B' there.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from vidcolor.color import ChromaTable, chroma_to_rgb, luma_of
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.metrics import colorfulness, psnr
from vidcolor.shots import mark_shots
from vidcolor.smooth import Smoother

PLANES = PlaneFormat(8, True, "709", (0, 0))
STATIC = 2 / 255


@dataclass(frozen=True)
class Steadiness:
    film: str
    frames: int
    flicker: float
    flicker_unfiltered: float
    psnr: float
    psnr_unfiltered: float
    psnr_of_grey: float
    colorfulness: float
    colorfulness_unfiltered: float
    colorfulness_of_truth: float


def measure(film: Path, colorizer: Colorizer, smoother: Smoother, seconds: float) -> Steadiness:
    truth = read_colors(film, seconds, colorizer)
    luma = (luma_of(truth) * 255).round().byte()
    batches = [batch(luma[start : start + 4], start) for start in range(0, len(luma), 4)]
    colored = list(colorizer.stream(mark_shots(batches, PLANES), PLANES))
    steady = torch.cat([part.ab for part in smoother.stream(colored)])
    raw = torch.cat([part.ab for part in colored])
    brightness, table = luma.float() / 255, ChromaTable("709", torch.device("cpu"))

    def rgb(ab: torch.Tensor) -> torch.Tensor:
        return torch.cat(
            [chroma_to_rgb(y[None], table(y[None], one[None]), "709") for y, one in zip(brightness, ab, strict=True)]
        ).clamp(0, 1)

    shown, shown_raw = rgb(steady), rgb(raw)
    return Steadiness(
        film.name,
        len(luma),
        flicker(brightness, steady),
        flicker(brightness, raw),
        psnr(shown, truth).mean().item(),
        psnr(shown_raw, truth).mean().item(),
        psnr(brightness.expand_as(truth), truth).mean().item(),
        colorfulness(shown).mean().item(),
        colorfulness(shown_raw).mean().item(),
        colorfulness(truth).mean().item(),
    )


def read_colors(film: Path, seconds: float, colorizer: Colorizer) -> torch.Tensor:
    """R'G'B' (N, 3, h, w) at the colorizer's working size."""
    frames: list[torch.Tensor] = []
    start = None
    with av.open(str(film)) as container:
        for frame in container.decode(video=0):
            start = frame.time if start is None else start
            if frame.time - start > seconds:
                break
            height, width = colorizer.working_size(frame.height, frame.width)
            rgb = cv2.resize(frame.to_ndarray(format="rgb24"), (width, height), interpolation=cv2.INTER_AREA)
            frames.append(torch.from_numpy(rgb).permute(2, 0, 1))
    return torch.stack(frames).float() / 255


def batch(luma: torch.Tensor, start: int) -> FrameBatch:
    return FrameBatch(luma, tuple(range(start, start + len(luma))), (1,) * len(luma))


def flicker(luma: torch.Tensor, ab: torch.Tensor) -> float:
    steps = [
        (now - before).abs().mean(0)[(y - earlier).abs()[0] < STATIC].mean().item()
        for (earlier, y), (before, now) in zip(pairwise(luma), pairwise(ab), strict=True)
    ]
    return float(np.nanmean(steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    colorizer = load_colorizer(options.model, device="cpu")
    results = []
    for film in options.films:
        results.append(measure(film, colorizer, Smoother(), options.seconds))
        print(results[-1], flush=True)
    means = {
        name: float(np.mean([getattr(result, name) for result in results]))
        for name in Steadiness.__annotations__
        if name not in ("film", "frames")
    }
    print({name: round(value, 3) for name, value in means.items()})
    if options.json:
        report = {"model": colorizer.meta.name, "means": means, "films": [asdict(result) for result in results]}
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
