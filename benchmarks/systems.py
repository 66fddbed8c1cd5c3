"""Every network of vidcolor, trained alike and compared: scores, sizes, speeds, and a sheet to look at.

    python benchmarks/systems.py train PHOTOS... --encoder-weights FILE [--only NAME...] [--out DIR]
    python benchmarks/systems.py measure PHOTOS... [--out DIR]
    python benchmarks/systems.py tabulate

`train` shows all of them the same photos, equally often, at the same size; optimizer, schedule and loss are those of
each report. `measure` scores them on PHOTOS that none was trained on, times them in turn, and writes
results/systems.json and systems.jpg (scikit-image's photos); `tabulate` prints the table of systems.md.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from photos import PLANES, as_stills, finish
from skimage import data
from torch.utils.flop_counter import FlopCounterMode

from vidcolor.color import rgb_to_lab
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.data import PhotoViews, View, crop, to_grey
from vidcolor.environment import describe_environment
from vidcolor.metrics import ciede2000, colorfulness, larger_channel, mse, psnr, ssim
from vidcolor.networks import build_network
from vidcolor.parallel import Group
from vidcolor.photos import find_photos
from vidcolor.training import TrainConfig, set_up, train
from vidcolor.training.feed import TrainBatch
from vidcolor.training.learner import Learner
from vidcolor.training.stages import plan_stages

ROOT = Path(__file__).parents[1]
RESULT, SHEET = ROOT / "benchmarks" / "results" / "systems.json", ROOT / "benchmarks" / "systems.jpg"
SIZE, EPOCHS, HELD_OUT = 96, 1, 128
SHOWN = ("astronaut", "chelsea", "coffee", "rocket")
BLOCKS = 5
CPU = torch.device("cpu")


@dataclass(frozen=True)
class System:
    network: str
    network_settings: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """Beside those that all share."""
    pretrained: bool = False


MOBILENET = {"classifier": "mobilenet_v2"}
SYSTEMS = {
    "fusion": System("fusion", pretrained=True),
    "fusion-koala": System("fusion-koala", MOBILENET, pretrained=True),
    "fusion-faces": System("fusion-faces", MOBILENET, pretrained=True),
    "kmeans": System("kmeans", settings={"size": 64}),
    "pix2pix": System("pix2pix", {"levels": 5}),
    "pix2pix, RGB": System("pix2pix", {"levels": 5, "target": "rgb"}),
    "cnn": System("cnn"),
    "resnet18": System("resnet18"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("train", "measure", "tabulate"))
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--only", nargs="+", default=list(SYSTEMS), choices=SYSTEMS)
    parser.add_argument("--encoder-weights", default="torchvision")
    parser.add_argument("--encoder-padding", default="torch")
    parser.add_argument("--out", type=Path, default=Path("run/systems"))
    options = parser.parse_args()
    if options.command == "train":
        for name in options.only:
            train_one(name, options.photos, options.out, options.encoder_weights, options.encoder_padding)
    elif options.command == "measure":
        result = measure(options.photos, options.out)
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
        print(tabulate(result))
    else:
        print(tabulate(json.loads(RESULT.read_text())))


def train_one(name: str, photos: list[Path], out: Path, weights: str, padding: str) -> None:
    system = SYSTEMS[name]
    shared = {"size": SIZE, "epochs": EPOCHS, "held_out": HELD_OUT, "held_out_share": 0.1, "film_look": 0.0}
    shared |= {"early_stop": 0, "keep_every": 0, "cache_features": False, "workers": 0, "free_share": 0.0}
    shared |= {"batch_size": 16, "grey": "709", "check_every": 1300}
    setup = set_up(
        out / name,
        shared | system.settings,
        network=system.network,
        network_settings=system.network_settings | ({"encoder_padding": padding} if system.pretrained else {}),
        encoder_weights=weights if system.pretrained else None,
        name=name,
    )
    report = train(setup.network, photos, out / name, setup.config, setup.meta, device=CPU)
    print(f"{name}: {report.samples} samples of {report.pictures} photos, {report.minutes:.1f} minutes", flush=True)


def measure(photos: list[Path], out: Path) -> dict[str, Any]:
    colorizers = {name: load_colorizer(str(out / name / "model.safetensors"), "cpu", SIZE) for name in SYSTEMS}
    views = PhotoViews(find_photos(photos, out / "frames"), SIZE)
    rows = {name: score(colorizer, views) for name, colorizer in colorizers.items()}
    for name, colorizer in colorizers.items():
        rows[name] |= cost(colorizer)
        state = torch.load(out / name / "state.pt", weights_only=True)
        rows[name] |= {"samples": state["counters"][0]}
    for key, rates in {"train_images_per_second": training_rates(), "fps": run_rates(colorizers)}.items():
        for name, rate in rates.items():
            rows[name][key] = round(rate, 2)
    draw(colorizers)
    grey = score(None, views)
    return {"environment": describe_environment().__dict__, "size": SIZE, "photos": len(views), "grey": grey} | {
        "systems": rows
    }


@torch.inference_mode()
def score(colorizer: Colorizer | None, views: PhotoViews) -> dict[str, float]:
    """Means over the photos; None is the grey picture itself."""
    rows = []
    for start in range(0, len(views), 20):
        pairs = [views[View(index, None)] for index in range(start, min(start + 20, len(views)))]
        luma, rgb = (torch.stack(column) for column in zip(*pairs, strict=True))
        truth = rgb.float() / 255
        colored = (luma.float() / 255).expand_as(truth) if colorizer is None else paint(colorizer, luma)
        same_side = larger_channel(rgb_to_lab(colored)[:, 1:], rgb_to_lab(truth)[:, 1:])
        metrics = (mse, psnr, ssim, ciede2000)
        columns = [metric(colored, truth) for metric in metrics] + [
            colorfulness(colored),
            colorfulness(truth),
            same_side,
        ]
        rows.append(torch.stack(columns, dim=1))
    names = ("mse", "psnr", "ssim", "ciede2000", "colorfulness", "colorfulness_of_truth", "keras_accuracy")
    return dict(zip(names, (round(value, 5) for value in torch.cat(rows).mean(0).tolist()), strict=True))


def paint(colorizer: Colorizer, luma: torch.Tensor) -> torch.Tensor:
    (colored,) = colorizer.stream([as_stills(luma)], PLANES)
    return finish(colored)


def cost(colorizer: Colorizer) -> dict[str, float]:
    """Parameters, and the multiplications of one 256x256 picture."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        colorizer.network(torch.zeros(1, 1, 256, 256))
    return {
        "parameters": sum(weight.numel() for weight in colorizer.network.parameters()),
        "gmac": round(counter.get_total_flops() / 2e9, 3),
    }


def run_rates(colorizers: dict[str, Colorizer]) -> dict[str, float]:
    """Pictures of 256x256 a second through the network alone, four at a time."""
    lightness = torch.rand(4, 1, 256, 256) * 2 - 1

    def ways(colorizer: Colorizer) -> Callable[[], object]:
        return torch.inference_mode()(lambda: colorizer.network.to_ab(colorizer.network(lightness)))

    return in_turn({name: (ways(colorizer), 4) for name, colorizer in colorizers.items()})


def training_rates() -> dict[str, float]:
    """Pictures a second through forward, backward and step, in the last stage of each recipe."""
    return in_turn({name: (_step(system), 8) for name, system in SYSTEMS.items()})


def _step(system: System) -> Callable[[], object]:
    network = build_network(system.network, system.network_settings)
    config = TrainConfig(**dict(network.recipe) | {"free_share": 0.0} | {"size": SIZE} | system.settings)
    learner = Learner(network, config, CPU, Group())
    learner.enter(plan_stages(config, bool(network.encoder_parts()))[-1])
    side = config.size
    lab = torch.rand(8, 3, side, side) * 50
    at_output = torch.nn.functional.avg_pool2d(lab, network.output_stride)
    batch = TrainBatch((), 8, at_output, lab, lab[:, :1] / 50 - 1)
    return lambda: learner.step(replace(batch, features=learner.encode(batch)), 0.5)


def in_turn(ways: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Calls a second times pictures a call: medians of blocks of at least a second, one system after the other."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for block in range(BLOCKS + 1):
        for name, (call, pictures) in ways.items():
            started, calls = time.perf_counter(), 0
            while calls == 0 or time.perf_counter() - started < 1:
                call()
                calls += 1
            if block:  # the first warms up
                rates[name].append(calls * pictures / (time.perf_counter() - started))
    return {name: statistics.median(found) for name, found in rates.items()}


def draw(colorizers: dict[str, Colorizer]) -> None:
    """A column a system between grey and truth, a row a photo."""
    columns: dict[str, list[np.ndarray]] = {name: [] for name in ("grey", *colorizers, "truth")}
    for photo in SHOWN:
        rgb = crop(getattr(data, photo)(), 192, None)
        luma = torch.from_numpy(np.rint(to_grey(rgb, "709")).astype(np.uint8))[None, None]
        columns["grey"].append(np.repeat(luma[0, 0].numpy()[..., None], 3, axis=2))
        columns["truth"].append(rgb)
        for name, colorizer in colorizers.items():
            columns[name].append((paint(colorizer, luma)[0] * 255).round().byte().movedim(0, -1).numpy())
    sheet = np.hstack([_column(name, pictures) for name, pictures in columns.items()])
    cv2.imwrite(str(SHEET), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


def _column(title: str, pictures: list[np.ndarray]) -> np.ndarray:
    header = np.full((28, pictures[0].shape[1], 3), 255, np.uint8)
    cv2.putText(header, title, (6, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([header, *pictures])


def tabulate(result: dict[str, Any]) -> str:
    head = (
        "| system | MSE | PSNR dB | SSIM | CIEDE2000 | colourfulness | parameters | GMAC | training, images/s | fps |"
    )
    lines = [head, "|---" + "|---:" * 9 + "|"]
    for name, row in {"grey": result["grey"], **result["systems"]}.items():
        scores = f"{row['mse']:.5f} | {row['psnr']:.2f} | {row['ssim']:.3f} | {row['ciede2000']:.2f}"
        vivid = f"{row['colorfulness'] / row['colorfulness_of_truth']:.0%}"
        costs = (
            f"{row['parameters']:,} | {row['gmac']:.2f} | {row['train_images_per_second']:.1f} | {row['fps']:.1f}"
            if "gmac" in row
            else "– | – | – | –"
        )
        lines.append(f"| {name} | {scores} | {vivid} | {costs} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
