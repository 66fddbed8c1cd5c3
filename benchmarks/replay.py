"""A scaled-down replay of how `fusion` was made: the same runs and means, each run for a share of its minutes.

    python benchmarks/replay.py PHOTOS... --encoder-weights FILE --encoder-padding tensorflow --graft-weights FILE \\
        [--share 0.04] [--out DIR]

The runs are those of benchmarks/fusion; with --share 1 they are the ones models/README.md tells of, but for running
averages from the middle of a run, whose model stands in for them. The model is OUT/model.safetensors, which
benchmarks/photos.py scores.
"""

import argparse
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from average import average

HERE = Path(__file__).parent
RECIPES = HERE / "fusion"


@dataclass(frozen=True)
class Run:
    name: str
    start: tuple[str, ...] = ()
    """The earlier runs whose mean it starts from; none: the classifier."""
    pale: bool = False
    """Whether it sees the archive of pale.py too."""
    grafted: bool = False
    """Whether what it starts from is set on GRAFTED first."""


GRAFTED = "efficientnet_lite2"
RUNS = (
    Run("first"),
    Run("second", ("first",)),
    Run("third", ("second",)),
    Run("fourth", ("third",)),
    Run("fifth", ("fourth",)),
    Run("sixth", ("fifth",)),
    Run("seventh", ("sixth",)),
    Run("eighth", ("fifth", "seventh"), pale=True),
    Run("ninth", ("eighth", "eighth", "fifth", "seventh"), pale=True, grafted=True),
    Run("tenth", ("ninth",), pale=True),
    Run("eleventh", ("tenth",), pale=True),
    Run("twelfth", ("ninth", *3 * ("tenth",), *4 * ("eleventh",)), pale=True),
)
RELEASED = ("twelfth",)
"""The runs whose mean is the model."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--encoder-weights", default="torchvision")
    parser.add_argument("--encoder-padding", default="torch")
    parser.add_argument("--graft-weights", required=True, help="the classifier of the ninth run")
    parser.add_argument("--share", type=float, default=0.04, help="of the minutes each run took")
    parser.add_argument(
        "--precision", default="auto", help="bfloat16 where the processor computes it, for more samples"
    )
    parser.add_argument("--out", type=Path, default=Path("run/replay"))
    options = parser.parse_args()
    encoder = ["--encoder-weights", options.encoder_weights, "--encoder-padding", options.encoder_padding]
    pale = options.out / "pale.tar"
    options.out.mkdir(parents=True, exist_ok=True)
    call(HERE / "pale.py", *options.photos, "--out", pale)
    for run in RUNS:
        recipe = RECIPES / f"{run.name}.toml"
        minutes = options.share * tomllib.loads(recipe.read_text())["minutes"]
        words = ["--config", recipe, "--minutes", f"{minutes:g}", "--precision", options.precision]
        photos = [*options.photos, *([pale] if run.pale else [])]
        start = ["--start-from", start_of(run, options)] if run.start else encoder
        call("-m", "vidcolor", "train", *photos, *start, *words, "--out", options.out / run.name)
    mean_of(RELEASED, options.out).rename(options.out / "model.safetensors")


def start_of(run: Run, options: argparse.Namespace) -> Path:
    mean = mean_of(run.start, options.out)
    if not run.grafted:
        return mean
    target: Path = options.out / "grafted.safetensors"
    classifier = ["--encoder", GRAFTED, "--encoder-weights", options.graft_weights]
    call(HERE / "graft.py", mean, *options.photos, *classifier, "--out", target)
    return target


def mean_of(runs: tuple[str, ...], out: Path) -> Path:
    target = out / "mean.safetensors"
    average([out / run / "model.safetensors" for run in runs], target)
    return target


def call(*words: object) -> None:
    print("python", *words, flush=True)
    subprocess.run([sys.executable, *map(str, words)], check=True)


if __name__ == "__main__":
    main()
