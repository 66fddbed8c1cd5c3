"""A model whose weights are the mean of those of several models of one network.

    python benchmarks/average.py MODEL... --out FILE

Models that were trained on from the same weights can be averaged and are often better than any of them (Wortsman et
al. 2022, "Model soups"). A model that is named twice counts twice. All but the weights is taken from the first.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from vidcolor import checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    average(options.models, options.out)


def average(models: Sequence[Path], target: Path) -> None:
    network, meta = checkpoint.load(models[0])
    states = [checkpoint.load(model)[0].state_dict() for model in models]
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.copy_(torch.stack([state[name] for state in states]).mean(0))
    checkpoint.save(target, network, meta)


if __name__ == "__main__":
    main()
