"""How a `fusion` model's palette should be read: temperature, share of the residual, knee, saturation.

    python benchmarks/palette_reading.py MODEL PHOTOS...

Prints PSNR over grey, colourfulness and CIEDE2000 for a grid of readings, on photos the model was not trained on.
release_model.py writes one of them into the model.
"""

import argparse
import itertools
from dataclasses import replace
from pathlib import Path

import torch
from photos import PLANES, PhotoScores, as_stills, finish, measure, photo_batches

from vidcolor.colorizer import load_colorizer
from vidcolor.networks.fusion import Fusion

TEMPERATURES, SHARES = (1.0, 0.8, 0.65, 0.5), (1.0, 0.8)
SATURATIONS = {0.0: (1.0, 1.2, 1.4), 8.0: (1.3, 1.45, 1.6), 12.0: (1.5, 1.65, 1.8)}
"""Gains that suit each knee of the chroma."""
GRID = [
    {"temperature": temperature, "residual_share": share, "chroma_knee": knee, "saturation": saturation}
    for temperature, share, knee in itertools.product(TEMPERATURES, SHARES, SATURATIONS)
    for saturation in SATURATIONS[knee]
]


def sweep(model: str, paths: list[Path], every: int) -> list[tuple[dict[str, float], PhotoScores]]:
    """Scores of every reading in GRID, on every `every`-th batch of photos."""
    colorizer = load_colorizer(model, device="cpu")
    network = colorizer.network
    assert isinstance(network, Fusion)
    rows: list[list[torch.Tensor]] = [[] for _ in GRID]
    for luma, truth in itertools.islice(photo_batches(paths), 0, None, every):
        (batch,) = colorizer.stream([as_stills(luma)], PLANES)
        with torch.inference_mode():
            raw = network(colorizer.as_input(batch.guide))
            for reading, collected in zip(GRID, rows, strict=True):
                network.config = replace(network.config, **reading)
                colored = finish(replace(batch, ab=network.to_ab(raw)))
                collected.append(measure(colored, luma, truth, with_ciede=True))
    tables = [torch.cat(collected) for collected in rows]
    return [(r, PhotoScores(len(t), *t.mean(0).tolist())) for r, t in zip(GRID, tables, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--every", type=int, default=1, help="use every N-th batch of photos")
    options = parser.parse_args()
    for reading, scores in sweep(options.model, options.photos, options.every):
        print(*(f"{name} {value:.2f}" for name, value in reading.items()), scores.summary, sep="  ", flush=True)


if __name__ == "__main__":
    main()
