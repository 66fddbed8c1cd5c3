"""Which grey a network should be shown: what each does to the histogram, and what it does to the scores.

    python benchmarks/grey.py PHOTOS... [--train SHARDS...] [--json FILE]

The grey that is shown changes from row to row, the judgement never: the colours that the network gives to it are put on
the Rec. 709 luma of the truth and compared with the truth. The released model is judged at 256x256, through the film's
own last stage, as in photos.py.

With --train, short runs, alike but for the grey and the seed, are trained on the SHARDS; each is shown every grey, at
the size it was trained at. Runs already in --out are not trained again.
"""

import argparse
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from photos import PLANES, as_stills, finish, measure, photo_batches
from torch import Tensor

from vidcolor import checkpoint
from vidcolor.color import GREYS, read_luma
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.data import PhotoViews, to_grey
from vidcolor.metrics import ssim
from vidcolor.networks import new_network
from vidcolor.photos import find_photos
from vidcolor.training import TrainConfig, train, validation

CPU = torch.device("cpu")
Batches = Sequence[tuple[Tensor, Tensor]]
"""(uint8 luma (N, 1, 256, 256), R'G'B' (N, 3, 256, 256) in 0..1)"""

TRAINED = ("709", "601", "lstar", "mean")
RUNS = (*((grey, 0) for grey in TRAINED), *((grey, 1) for grey in ("709", "lstar", "mean")))
"""Grey and seed. Three are trained twice: a difference between greys that is no larger than theirs says nothing."""
CONFIG = TrainConfig(
    epochs=2, size=128, free_share=0.0, cache_features=True, held_out=128, check_every=1_000_000, workers=0
)
"""Short: what a run of an hour would make of a grey, it can only hint at."""


@dataclass(frozen=True)
class Scores:
    """Means over the photos."""

    psnr: float
    gain: float
    """dB of PSNR over no colour at all."""
    colorfulness: float
    """Share of the truth's."""
    ciede2000: float
    ssim: float


@dataclass(frozen=True)
class Histogram:
    """Of a grey's levels 0..255, over the pixels of all photos."""

    mean: float
    deviation: float
    entropy: float
    """Bits a pixel."""
    black: float
    """Share of pixels at 0."""
    white: float
    """Share of pixels at 255."""
    from_709: float
    """Mean distance from the Rec. 709 grey, in levels."""
    bins: list[float]
    """Shares of ten bins of alike width, dark to bright."""


def shown(truth: Tensor, grey: str) -> Tensor:
    """R'G'B' (N, 3, H, W) in 0..1 -> uint8 (N, 1, H, W), as PhotoViews would have it."""
    pictures = (truth * 255).round().byte().movedim(1, -1).numpy()
    greys = np.stack([to_grey(picture, grey) for picture in pictures])
    return torch.from_numpy(greys).round().clamp(0, 255).byte()[:, None]


def paint(colorizer: Colorizer, seen: Tensor, luma: Tensor) -> Tensor:
    """The colours given to the grey `seen`, on `luma`, both uint8 (N, 1, H, W) -> R'G'B' (N, 3, H, W)."""
    (batch,) = colorizer.stream([as_stills(seen)], PLANES)
    return finish(replace(batch, luma=luma, guide=read_luma(luma, PLANES)))


def score(colorizer: Colorizer, batches: Batches, grey: str) -> Scores:
    rows = []
    for luma, truth in batches:
        colored = paint(colorizer, shown(truth, grey), luma)
        rows.append(torch.column_stack((measure(colored, luma, truth, with_ciede=True), ssim(colored, truth))))
    psnr, of_grey, vivid, truly_vivid, ciede, similarity = torch.cat(rows).mean(0).tolist()
    return Scores(*(round(x, 4) for x in (psnr, psnr - of_grey, vivid / truly_vivid, ciede, similarity)))


def histogram(batches: Batches, grey: str) -> Histogram:
    counts, distance = torch.zeros(256, dtype=torch.float64), 0.0
    for _, truth in batches:
        seen = shown(truth, grey)
        counts += torch.bincount(seen.flatten().int(), minlength=256)
        distance += (seen.float() - shown(truth, "709").float()).abs().sum().item()
    share, level = counts / counts.sum(), torch.arange(256)
    mean = float((share * level).sum())
    bins = torch.zeros(10, dtype=torch.float64).index_add_(0, level * 10 // 256, share)
    return Histogram(
        mean=round(mean, 2),
        deviation=round(float((share * (level - mean) ** 2).sum().sqrt()), 2),
        entropy=round(float(torch.special.entr(share).sum()) / math.log(2), 3),
        black=round(float(share[0]), 5),
        white=round(float(share[255]), 5),
        from_709=round(distance / float(counts.sum()), 2),
        bins=[round(float(one), 4) for one in bins],
    )


def train_all(shards: list[Path], out: Path, weights: str, padding: str) -> Iterator[tuple[str, int, Path]]:
    """(grey, seed, model): the runs, one after the other."""
    for grey, seed in RUNS:
        folder = out / f"{grey}-{seed}"
        if not (folder / "model.safetensors").is_file():
            network = new_network("fusion", {"encoder_padding": padding}, weights, seed)
            config = replace(CONFIG, grey=grey, seed=seed)
            report = train(network, shards, folder, config, checkpoint.new_meta(grey, "fusion", network), device=CPU)
            print(f"trained on {grey}, seed {seed}: {report.samples} samples, {report.minutes:.1f} minutes", flush=True)
        yield grey, seed, folder / "model.safetensors"


def trained(models: Iterable[tuple[str, int, Path]], photos: list[Path]) -> list[dict[str, Any]]:
    """One row a run: what it scores when it is shown each grey. Its loss sees a* and b* alone, and no luma."""
    found, rows = find_photos(photos), []
    for grey, seed, path in models:
        network, _ = checkpoint.load(path)
        shown = {}
        for other in TRAINED:
            scores = validation.score(network, PhotoViews(found, CONFIG.size, grey=other), CPU)
            values = {"gain": scores.gain, "colorfulness": scores.vividness, "loss": scores.loss}
            shown[other] = {name: round(value, 4) for name, value in values.items()}
        rows.append({"grey": grey, "seed": seed, "shown": shown})
        print(f"trained on {grey}, seed {seed}, shown {shown}", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--every", type=int, default=1, help="use every N-th batch of photos")
    parser.add_argument("--train", nargs="+", type=Path, default=[], metavar="SHARD")
    parser.add_argument("--encoder-weights", default="torchvision")
    parser.add_argument("--encoder-padding", default="torch")
    parser.add_argument("--out", type=Path, default=Path("run/grey"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    batches = list(itertools.islice(photo_batches(options.photos), 0, None, options.every))
    colorizer = load_colorizer(options.model)
    result: dict[str, Any] = {
        "model": colorizer.meta.name,
        "created": colorizer.meta.created,
        "photos": sum(len(luma) for luma, _ in batches),
        "greys": {},
    }
    for grey in GREYS:
        scores = score(colorizer, batches, grey)
        result["greys"][grey] = {"histogram": asdict(histogram(batches, grey)), "released": asdict(scores)}
        print(f"{colorizer.meta.name} shown {grey}: {scores}", flush=True)
    if options.train:
        models = train_all(options.train, options.out, options.encoder_weights, options.encoder_padding)
        result["training"] = {
            "photos": len(find_photos(options.train)) - CONFIG.held_out,
            "epochs": CONFIG.epochs,
            "size": CONFIG.size,
            "film_look": CONFIG.film_look,
            "runs": trained(models, options.photos),
        }
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
