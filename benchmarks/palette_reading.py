"""How a `fusion` model's palette should be read (temperature, knee, caution), and at which working size.

    python benchmarks/palette_reading.py MODEL PHOTOS... [--level 0.75] [--every N] [--json FILE]
    python benchmarks/palette_reading.py --table results/reading.json

On photos the model was not trained on. Every reading is given the gain that brings it to the same share of the truth's
colourfulness, so that what is left to compare is how true the colours are. Working sizes are compared with the reading
that is in the model. release_model.py writes a reading into a model.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from photos import SIZE, Pair, gain_to, read_pairs, scores_at
from torch import Tensor

from vidcolor import checkpoint
from vidcolor.data import to_network
from vidcolor.networks.fusion import Fusion
from vidcolor.released import find_model

READINGS = [
    {"temperature": temperature, "residual_share": 1.0, "chroma_knee": knee, "caution": caution}
    for temperature in (1.0, 0.8, 0.65, 0.5)
    for knee, caution in ((0.0, 0.0), (8.0, 0.0), (0.0, 0.1), (0.0, 0.5))
]
WORK_SIZES = (160, 192, 224, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default="fusion")
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--level", type=float, default=0.75, help="share of the truth's colourfulness")
    parser.add_argument("--every", type=int, default=1, help="use every N-th photo")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--table", type=Path, metavar="JSON")
    options = parser.parse_args()
    if options.table:
        print(tabulate(json.loads(options.table.read_text())))
        return
    network, meta = checkpoint.load(find_model(options.model))
    assert isinstance(network, Fusion)
    photos = read_pairs(options.photos, SIZE, options.every)
    result = {"model": meta.name, "created": meta.created, "photos": len(photos), "level": options.level}
    result |= {"work_sizes": at_sizes(network, photos), "readings": read(network, photos, options.level)}
    print(tabulate(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


@torch.inference_mode()
def at_sizes(network: Fusion, photos: list[Pair]) -> list[dict[str, float]]:
    return [{"size": size} | scores_at(1.0, paint(network, photos, size), photos) for size in WORK_SIZES]


@torch.inference_mode()
def read(network: Fusion, photos: list[Pair], level: float) -> list[dict[str, float]]:
    rows = []
    for reading in READINGS:
        network.config = replace(network.config, **reading, saturation=1.0)
        colors = paint(network, photos, SIZE)
        gain = gain_to(level, colors, photos)
        rows.append(reading | {"gain": round(gain, 3)} | scores_at(gain, colors, photos))
    return rows


def paint(network: Fusion, photos: list[Pair], size: int) -> list[Tensor]:
    """ab (1, 2, SIZE, SIZE) of photos that the network sees at size x size."""
    lightness = (to_network(luma, rgb)[0] for luma, rgb in photos)
    seen = (F.interpolate(one, (size, size), mode="area") for one in lightness)
    return [F.interpolate(network.to_ab(network(one)), (SIZE, SIZE), mode="bilinear") for one in seen]


def tabulate(result: dict[str, Any]) -> str:
    """The two tables of recipe.md."""
    lines = ["| temperature | knee | caution | gain | PSNR over grey, dB | CIEDE2000 |", "|---:" * 6 + "|"]
    for row in result["readings"]:
        reading = f"{row['temperature']:g} | {row['chroma_knee']:g} | {row['caution']:g} | {row['gain']:.2f}"
        lines.append(f"| {reading} | {row['psnr_over_grey']:+.2f} | {row['ciede2000']:.2f} |")
    lines += ["", "| working size | PSNR over grey, dB | colourfulness | CIEDE2000 |", "|---:" * 4 + "|"]
    for row in result["work_sizes"]:
        scores = f"{row['psnr_over_grey']:+.2f} | {row['vividness']:.0%} | {row['ciede2000']:.2f}"
        lines.append(f"| {row['size']} | {scores} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
