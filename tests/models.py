"""A network small enough for tests, as a model file."""

from dataclasses import replace
from pathlib import Path

import torch

from vidcolor import checkpoint
from vidcolor.networks import build_network

PLAIN = ("--device", "cpu", "--runtime", "torch")
"""Options of `vidcolor run` for a process of its own, which `conftest.plain_runtime` does not reach."""


def make_model(path: Path, half_ok: bool = True, **config: str) -> Path:
    """A `fusion` model with fixed random weights whose colours are far from grey."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network("fusion", {"palette_size": 8, "widths": [16, 16, 16]} | config)
        network.palette.copy_(torch.randn(8, 2) * 30 + torch.tensor([15.0, 25.0]))
    meta = replace(checkpoint.new_meta("tiny", "fusion", network), half_ok=half_ok)
    checkpoint.save(path, network, meta)
    return path
