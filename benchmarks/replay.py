"""A scaled-down replay of how `fusion` was made: the same runs, each for a share of its minutes.

    python benchmarks/replay.py PHOTOS... --encoder-weights FILE --encoder-padding tensorflow [--share 0.04] [--out DIR]

The runs are the first five of benchmarks/fusion; with --share 1 they are the ones models/README.md tells of. The model
is OUT/fifth/model.safetensors; benchmarks/photos.py scores it.
"""

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

RECIPES = Path(__file__).parent / "fusion"
RUNS = ("first", "second", "third", "fourth", "fifth")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--encoder-weights", default="torchvision")
    parser.add_argument("--encoder-padding", default="torch")
    parser.add_argument("--share", type=float, default=0.04, help="of the minutes each run took")
    parser.add_argument(
        "--precision", default="auto", help="bfloat16 where the processor computes it, for more samples"
    )
    parser.add_argument("--out", type=Path, default=Path("run/replay"))
    options = parser.parse_args()
    start = ["--encoder-weights", options.encoder_weights, "--encoder-padding", options.encoder_padding]
    for name in RUNS:
        recipe, out = RECIPES / f"{name}.toml", options.out / name
        minutes = options.share * tomllib.loads(recipe.read_text())["minutes"]
        words = ["train", *options.photos, *start, "--config", recipe, "--minutes", f"{minutes:g}"]
        words += ["--precision", options.precision, "--out", out]
        print("vidcolor", *words, flush=True)
        subprocess.run([sys.executable, "-m", "vidcolor", *map(str, words)], check=True)
        start = ["--start-from", str(out / "model.safetensors")]


if __name__ == "__main__":
    main()
