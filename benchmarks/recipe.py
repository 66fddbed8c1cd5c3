"""What each part of the recipe buys: `fusion` trained with one thing changed at a time, scored on the same photos.

    python benchmarks/recipe.py train PHOTOS... --encoder-weights FILE --perceptual-weights FILE --start-from MODEL
    python benchmarks/recipe.py measure PHOTOS... [--out DIR]
    python benchmarks/recipe.py tabulate

`train` makes one small model for each row that has none yet: those of FRESH start from the classifier, those of TUNED
from a trained model, each row beside a control of its group that differs in that one thing. `measure` scores them on
PHOTOS that none was trained on, as they are and with a gain that brings each to the same colourfulness, and writes
results/recipe.json and, into --out, a sheet of the same 24 pictures for every row; `tabulate` prints the tables of
recipe.md.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from photos import Pair, gain_to, read_pairs, scores_at
from safetensors.torch import load_file
from torch import Tensor, nn

from vidcolor import checkpoint
from vidcolor.data import to_network
from vidcolor.environment import describe_environment
from vidcolor.networks import build_network
from vidcolor.networks.base import Features
from vidcolor.networks.fusion import Fusion
from vidcolor.released import find_model
from vidcolor.training import set_up, train
from vidcolor.training.strip import write_png
from vidcolor.training.validation import paint_ab

RESULT = Path(__file__).parent / "results" / "recipe.json"
CPU = torch.device("cpu")
FRESH, TUNED = "from the classifier", "from the first released model"
SETTINGS: dict[str, Any] = {
    "size": 96, "batch_size": 16, "held_out": 128, "check_every": 100_000, "workers": 1, "precision": "bfloat16"
}  # fmt: skip
OF_GROUP: dict[str, dict[str, Any]] = {
    FRESH: {"epochs": 1, "free_share": 0.0},
    TUNED: {"epochs": 1, "free_share": 1.0, "free_rate": 2e-4, "encoder_rate": 7e-5},
}
READING = {"temperature": 1.0, "residual_share": 1.0, "chroma_knee": 0.0, "caution": 0.0, "saturation": 1.0}
MEASURED_SIZE = 128
"""Side at which all are scored: photos are a third larger than the crops that are shown of them."""
LEVEL = 0.7
"""Share of the truth's colourfulness to which a gain brings every row before it is compared."""
SHEET_PHOTOS, SHEET_COLUMNS = 24, 8


@dataclass(frozen=True)
class Row:
    """A model of the table: what it does otherwise than the control of its group."""

    group: str
    settings: dict[str, Any] = field(default_factory=dict)
    network_settings: dict[str, Any] = field(default_factory=dict)
    alter: Callable[[Fusion], Fusion] = lambda network: network
    archives: int = 2
    """How many of the archives of photos it sees."""


class TokenFusion(Fusion):
    """Every palette colour is a learned token that looks at the picture before it says what its pixels look like.

    After the colour decoder of DDColor (Kang et al. 2023), in one layer at stride 16; it starts as a plain `fusion`.
    """

    WIDTH, HEADS = 64, 4

    def __init__(self, plain: Fusion):
        super().__init__(plain.config)
        self.load_state_dict(plain.state_dict())
        deep, _, shallow = plain.config.widths
        self.tokens = nn.Parameter(torch.randn(plain.config.palette_size, self.WIDTH))
        self.look = nn.MultiheadAttention(self.WIDTH, self.HEADS, kdim=deep, vdim=deep, batch_first=True)
        self.say = nn.Sequential(nn.LayerNorm(self.WIDTH), nn.Linear(self.WIDTH, shallow))
        nn.init.zeros_(self.say[1].weight)
        nn.init.zeros_(self.say[1].bias)

    def decode(self, features: Features, context: Tensor | None = None) -> Tensor:
        seen: list[Tensor] = []
        hooks = [
            module.register_forward_hook(lambda module, inputs, output: seen.append(output))
            for module in (self.fused, self.decode4)
        ]
        raw = super().decode(features, context)
        for hook in hooks:
            hook.remove()
        scene, pixels = seen
        places = scene.flatten(2).transpose(1, 2)
        tokens = self.tokens.expand(len(raw), -1, -1)
        answers, _ = self.look(tokens, places, places, need_weights=False)
        logits = torch.einsum("nchw,nqc->nqhw", pixels, self.say(tokens + answers).to(pixels.dtype))
        return raw + F.pad(logits, (0, 0, 0, 0, 0, 2))


class LastBlocksFree(Fusion):
    """Of the encoder, what follows stride 16 learns with the rest."""

    def __init__(self, plain: Fusion):
        super().__init__(plain.config)
        self.load_state_dict(plain.state_dict())

    def encode(self, lightness: Tensor) -> Features:
        with torch.no_grad():
            at4, at8, at16, *_ = super().encode(lightness)
        at32 = self.encoder[14:18](at16)
        return at4, at8, at16, at32, self.encoder[18](at32).mean(dim=(2, 3), keepdim=True)


def _not_rebalanced(network: Fusion) -> Fusion:
    """Every colour weighs the same."""
    learn = network.learn_colors

    def learn_colors(rgb: Tensor) -> None:
        learn(rgb)
        network.color_weights.fill_(1)

    network.learn_colors = learn_colors  # type: ignore[method-assign]
    return network


def _with_term(name: str) -> Callable[[Fusion], Fusion]:
    """Only one of the network's own losses, and of its answers what that teaches."""

    def alter(network: Fusion) -> Fusion:
        loss = network.loss
        network.loss = lambda raw, lab: {name: loss(raw, lab)[name]}  # type: ignore[method-assign]
        network.config = replace(network.config, residual_share=float(name == "huber"))
        return network

    return alter


ROWS: dict[str, Row] = {
    "control": Row(FRESH),
    "another seed": Row(FRESH, {"seed": 1}),
    "last blocks of the encoder free": Row(
        FRESH, {"free_share": 1.0, "free_rate": 1.5e-3, "encoder_rate": 3e-4}, alter=LastBlocksFree
    ),
    "all free throughout": Row(FRESH, {"free_share": 1.0, "free_rate": 1.5e-3, "encoder_rate": 3e-4}),
    "palette of 32": Row(FRESH, network_settings={"palette_size": 32}),
    "palette of 256": Row(FRESH, network_settings={"palette_size": 256}),
    "no rebalancing": Row(FRESH, alter=_not_rebalanced),
    "palette alone, no residual": Row(FRESH, alter=_with_term("palette")),
    "Huber alone, no palette": Row(FRESH, alter=_with_term("huber")),
    "no look of old film": Row(FRESH, {"film_look": 0.0}),
    "half the photos, twice as often": Row(FRESH, {"epochs": 2}, archives=1),
    "no averaging of weights": Row(FRESH, {"ema": 0.0}),
    "colour tokens": Row(FRESH, alter=TokenFusion),
    "trained on": Row(TUNED),
    "perceptual loss 0.5": Row(TUNED, {"perceptual": 0.5}),
    "colourfulness matched, 0.1": Row(TUNED, {"colorfulness": 0.1}),
    "stability loss 0.5": Row(TUNED, {"stability": 0.5}),
    "NoGAN": Row(TUNED, {"critic_share": 0.25, "joint_share": 0.1}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("train", "measure", "tabulate"))
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--only", nargs="+", default=list(ROWS), choices=ROWS)
    parser.add_argument("--start-from", default="fusion")
    parser.add_argument("--encoder-weights", default="torchvision")
    parser.add_argument("--encoder-padding", default="torch")
    parser.add_argument("--perceptual-weights", default="torchvision")
    parser.add_argument("--out", type=Path, default=Path("run/recipe"))
    options = parser.parse_args()
    if options.command == "train":
        for name in options.only:
            if not (options.out / name / "done").exists():
                train_one(name, options)
    elif options.command == "measure":
        result = measure_all(options.photos, options.out, options.start_from)
        RESULT.write_text(json.dumps(result, indent=2) + "\n")
        print(tabulate(result))
    else:
        print(tabulate(json.loads(RESULT.read_text())))


def train_one(name: str, options: argparse.Namespace) -> None:
    row, out = ROWS[name], options.out / name
    shutil.rmtree(out, ignore_errors=True)
    settings = SETTINGS | OF_GROUP[row.group] | {"perceptual_weights": options.perceptual_weights} | row.settings
    if row.group == TUNED:
        setup = set_up(out, settings, start_from=options.start_from, name=name)
    else:
        of_network = {"encoder_padding": options.encoder_padding} | row.network_settings
        setup = set_up(out, settings, network_settings=of_network, encoder_weights=options.encoder_weights, name=name)
    assert isinstance(setup.network, Fusion)
    setup.network.config = replace(setup.network.config, **READING)
    network = row.alter(setup.network)
    meta = replace(setup.meta, config=network.config.to_dict())
    photos = options.photos[: row.archives]
    report = train(network, photos, out, setup.config, meta, device=CPU, knows_colors=setup.knows_colors)
    (out / "done").touch()
    print(f"{name}: {report.samples} samples of {report.pictures} photos, {report.minutes:.1f} minutes", flush=True)


def load_row(name: str, out: Path) -> Fusion:
    path = out / name / "model.safetensors"
    network = build_network("fusion", checkpoint.read_meta(path).config)
    assert isinstance(network, Fusion)
    altered = ROWS[name].alter(network)
    altered.load_state_dict(load_file(path))
    return altered.float().eval()


def measure_all(paths: list[Path], out: Path, start_from: str) -> dict[str, Any]:
    photos = read_pairs(paths, MEASURED_SIZE)
    rows = {}
    for name in (name for name in ROWS if (out / name / "done").exists()):
        rows[name] = {"group": ROWS[name].group} | score(load_row(name, out), photos, out / f"{name}.png")
        rows[name]["samples"] = torch.load(out / name / "state.pt", weights_only=True)["counters"][0]
        print(name, rows[name], flush=True)
    start, _ = checkpoint.load(find_model(start_from))
    assert isinstance(start, Fusion)
    start.config = replace(start.config, **READING)
    rows["not trained on"] = {"group": TUNED} | score(start, photos, out / "not trained on.png") | {"samples": 0}
    environment = describe_environment().__dict__
    return {"environment": environment, "size": MEASURED_SIZE, "level": LEVEL, "photos": len(photos), "rows": rows}


@torch.inference_mode()
def score(network: Fusion, photos: list[Pair], sheet: Path) -> dict[str, float]:
    """Means over the photos, as the network paints them and at LEVEL; and a sheet of the first at LEVEL."""
    colors = [network.to_ab(network(to_network(luma, rgb)[0])) for luma, rgb in photos]
    gain = gain_to(LEVEL, colors, photos)
    painted = [paint_ab(gain * ab, luma) for ab, (luma, _) in zip(colors, photos[:SHEET_PHOTOS], strict=False)]
    draw_sheet(torch.cat(painted), sheet)
    at_level = {f"{name}_at_level": value for name, value in scores_at(gain, colors, photos).items()}
    return scores_at(1.0, colors, photos) | {"gain_to_level": round(gain, 3)} | at_level


def draw_sheet(pictures: Tensor, path: Path) -> None:
    """R'G'B' (N, 3, S, S) in 0..1, SHEET_COLUMNS in a row."""
    sheet = torchvision.utils.make_grid(pictures, SHEET_COLUMNS, padding=2)
    write_png(path, (sheet * 255).round().byte().movedim(0, -1).numpy()[..., ::-1].copy())


def tabulate(result: dict[str, Any]) -> str:
    return "\n\n".join(_table(group, result) for group in (FRESH, TUNED))


def _table(group: str, result: dict[str, Any]) -> str:
    level = f"at {result['level']:.0%}"
    columns = ("PSNR over grey, dB", "colourfulness", "CIEDE2000", f"PSNR {level}", f"CIEDE2000 {level}")
    lines = [f"| {group} | {' | '.join(columns)} |", "|---" + "|---:" * len(columns) + "|"]
    for name, row in result["rows"].items():
        if row["group"] == group:
            lines.append(
                f"| {name} | {row['psnr_over_grey']:+.2f} | {row['vividness']:.0%} | {row['ciede2000']:.2f} "
                f"| {row['psnr_over_grey_at_level']:+.2f} | {row['ciede2000_at_level']:.2f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
