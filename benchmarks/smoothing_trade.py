"""What the temporal filter's strength buys and costs: flicker against colourfulness and lag, and a plot of it.

    python benchmarks/smoothing_trade.py FILMS... [--frames 48] [--json FILE] [--plot FILE.svg]

Flicker and colourfulness are means over the films of what `vidcolor eval` measures. The lag is the worst there is: the
frames in which the filter goes from a tenth to nine tenths of a change of colour by which nothing changes in the luma.
With `occlusion`, the same films with a test besides that the motion there and back must meet: what it does to flicker,
and to the error in a*b* where something is covered or uncovered.
"""

import argparse
import json
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path
from statistics import fmean
from unittest.mock import patch

import torch
from torch import Tensor

from vidcolor import metrics, motion
from vidcolor.color import read_luma
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.flow import find_flow
from vidcolor.frames import FrameBatch, Motion
from vidcolor.motion import find_motion
from vidcolor.originals import LAYOUT, read_film, to_rgb
from vidcolor.shots import mark_shots
from vidcolor.smooth import Smoother
from vidcolor.tally import Colors
from vidcolor.upsample import Upsampler

STRENGTHS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0)
STEP, STEP_FRAMES = 8.0, 96


class Film:
    """The first frames of a film: what the network made of them, and the truth."""

    def __init__(self, path: Path, frames: int, colorizer: Colorizer):
        batches = [batch for batch, _ in islice(read_film(path, 256, 4), frames // 4)]
        self.colored = list(colorizer.stream(mark_shots(batches, LAYOUT), LAYOUT))
        self.luma = torch.cat([read_luma(batch.luma, LAYOUT) for batch in batches])
        self.truth = Colors(torch.cat([to_rgb(batch) for batch in batches]))
        self.cuts = [flag for batch in self.colored for flag in batch.first_of_shot or ()]

    def smoothed(self, strength: float) -> Colors:
        batches = Upsampler(LAYOUT, LAYOUT).stream(Smoother(strength).stream(self.colored))
        return Colors(torch.cat([to_rgb(batch) for batch in batches]))

    def pairs(self) -> Iterator[tuple[int, int]]:
        return ((before, now) for before, now in pairwise(range(len(self.luma))) if not self.cuts[now])

    def flicker(self, colors: Colors) -> float:
        found = (
            metrics.flicker(colors.ab[now], colors.ab[before], self.luma[now], self.luma[before])
            for before, now in self.pairs()
        )
        return fmean(value for value in found if value is not None)

    def covered(self) -> Tensor:
        """(N, H, W): what was not in the frame before, or cannot be found there."""
        covered = torch.zeros(len(self.luma), *self.luma.shape[2:], dtype=torch.bool)
        for before, now in self.pairs():
            covered[now] = torch.from_numpy(~metrics.consistent_motion(self.luma[now], self.luma[before]).consistent)
        return covered

    def error(self, colors: Colors, where: Tensor) -> float:
        return (colors.ab - self.truth.ab).norm(dim=1)[where].mean().item()


def measure(films: list[Film], strength: float) -> dict[str, float]:
    colorings = [film.smoothed(strength) for film in films]
    return {
        "strength": strength,
        "flicker": fmean(film.flicker(colors) for film, colors in zip(films, colorings, strict=True)),
        "colorfulness": fmean(metrics.colorfulness(colors.rgb).mean().item() for colors in colorings),
        "psnr": fmean(
            metrics.psnr(colors.rgb, film.truth.rgb).mean().item()
            for film, colors in zip(films, colorings, strict=True)
        ),
        "lag": lag(strength),
    }


def lag(strength: float) -> float:
    """Frames from a tenth to nine tenths of a step of STEP ab units in the middle of a still shot."""
    luma = torch.rand(1, 1, 64, 96, generator=torch.Generator().manual_seed(0)).expand(STEP_FRAMES, -1, -1, -1)
    ab = torch.zeros(STEP_FRAMES, 2, 64, 96)
    ab[STEP_FRAMES // 2 :] = STEP / 2**0.5
    numbers = tuple(range(STEP_FRAMES))
    flags = (True, *(False,) * (STEP_FRAMES - 1))
    batch = FrameBatch((luma * 255).byte(), numbers, numbers, flags, guide=luma, ab=ab)
    course = next(iter(Smoother(strength).stream([batch]))).ab[:, 0].mean((1, 2)) * 2**0.5 / STEP
    return float(((course > 0.1) & (course < 0.9)).sum())


def study_occlusion(films: list[Film]) -> dict[str, dict[str, float]]:
    """With the filter's own confidence, and with the test of Ruder et al. 2016 (arXiv:1604.08610) besides."""
    covered = [film.covered() for film in films]
    strength = Smoother().strength

    def scores(strength: float) -> dict[str, float]:
        pairs = list(zip(films, [film.smoothed(strength) for film in films], covered, strict=True))
        return {
            "flicker": fmean(film.flicker(colors) for film, colors, _ in pairs),
            "error where covered": fmean(film.error(colors, where) for film, colors, where in pairs),
            "error elsewhere": fmean(film.error(colors, ~where) for film, colors, where in pairs),
        }

    found = {"unsmoothed": scores(0.0), "luma agrees": scores(strength)}
    with patch.object(motion, "find_motion", meeting_motion):
        found["luma agrees, there and back meet"] = scores(strength)
    return found


def meeting_motion(luma: Tensor, other: Tensor) -> Motion:
    """`find_motion`, not believed where the flows there and back do not meet."""
    found = find_motion(luma, other)
    there, back = find_flow(luma, other), find_flow(other, luma)
    back = found.fetch(back)
    size = there.square().sum(1, keepdim=True) + back.square().sum(1, keepdim=True)
    meets = (there + back).square().sum(1, keepdim=True) <= 0.01 * size + 0.5
    return Motion(found.places, found.confidence * meets)


def draw(rows: list[dict[str, float]]) -> str:
    """An SVG: flicker, colourfulness and lag over the strength, each a share of its largest."""
    width, height, left, top = 560, 300, 60, 20
    styles = {"flicker": "#b3541e", "colorfulness": "#2b6a4b", "lag": "#34568b"}

    def place(strength: float, share: float) -> str:
        return f"{left + strength * width:.1f},{top + (1 - share) * height:.1f}"

    parts = [
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#999"/>',
        f'<text x="{left + width / 2}" y="{top + height + 40}" text-anchor="middle">--smooth</text>',
    ]
    for tick in range(6):
        x, y = left + tick / 5 * width, top + (1 - tick / 5) * height
        parts += [
            f'<text x="{x}" y="{top + height + 18}" text-anchor="middle">{tick / 5:g}</text>',
            f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{tick * 20} %</text>',
            f'<line x1="{left}" x2="{left + width}" y1="{y}" y2="{y}" stroke="#ddd"/>',
        ]
    default = left + Smoother().strength * width
    parts.append(
        f'<line x1="{default}" x2="{default}" y1="{top}" y2="{top + height}" stroke="#666" stroke-dasharray="4"/>'
    )
    parts.append(f'<text x="{default - 6}" y="{top + height - 8}" text-anchor="end">default</text>')
    labels = {
        "flicker": f"flicker (100 % is {rows[0]['flicker']:.2f} ab)",
        "colorfulness": f"colourfulness (100 % is {rows[0]['colorfulness']:.1f})",
        "lag": f"lag (100 % is {max(row['lag'] for row in rows):.0f} frames)",
    }
    for number, (name, color) in enumerate(styles.items()):
        most = max(row[name] for row in rows)
        points = " ".join(place(row["strength"], row[name] / most) for row in rows)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts.append(f'<text x="{left + 12}" y="{top + 140 + 18 * number}" fill="{color}">{labels[name]}</text>')
    size = f'viewBox="0 0 {left + width + 20} {top + height + 52}"'
    page = f'<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="13">{page}</svg>\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    colorizer = load_colorizer(options.model, device="cpu")
    films = [Film(path, options.frames, colorizer) for path in options.films]
    rows = []
    for strength in STRENGTHS:
        rows.append(measure(films, strength))
        print(rows[-1], flush=True)
    occlusion = study_occlusion(films)
    print(json.dumps(occlusion, indent=2))
    if options.json:
        found = {"model": colorizer.meta.name, "films": len(films), "frames": options.frames}
        options.json.write_text(json.dumps(found | {"trade": rows, "occlusion": occlusion}, indent=2) + "\n")
    if options.plot:
        options.plot.write_text(draw(rows), "utf-8")


if __name__ == "__main__":
    main()
