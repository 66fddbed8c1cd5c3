"""What a model is made of besides training runs: means of weights, grafts, and an archive of the palest photos."""

import runpy
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from benchmarks.average import average
from benchmarks.graft import graft
from benchmarks.pale import palest, write_archive
from tests.models import make_model
from vidcolor import checkpoint
from vidcolor.networks import build_network
from vidcolor.photos import find_photos


def test_a_model_that_is_named_twice_counts_twice(tmp_path):
    one, other = make_model(tmp_path / "one.safetensors"), tmp_path / "other.safetensors"
    network, meta = checkpoint.load(one)
    with torch.no_grad():
        network.head.bias += 3
    checkpoint.save(other, network, meta)
    average([one, other, other], tmp_path / "mean.safetensors")
    mean, _ = checkpoint.load(tmp_path / "mean.safetensors")
    first = checkpoint.load(one)[0].state_dict()
    for name, value in mean.state_dict().items():
        moved = 2.0 if name == "head.bias" else 0.0
        assert value.float() - first[name].float() == pytest.approx(moved, abs=2e-3), name


def test_the_palest_photos_are_in_the_archive_as_often_as_asked(tmp_path):
    for chroma in (40, 10, 0, 30, 20):
        lab = np.full((48, 64, 3), (60, chroma, 0), np.float32)
        bgr = cv2.cvtColor(lab, cv2.COLOR_LAB2BGR)
        cv2.imwrite(str(tmp_path / f"{chroma}.png"), np.rint(bgr * 255).astype(np.uint8))
    write_archive(palest(find_photos([tmp_path]), share=0.4), 3, tmp_path / "pale.tar")
    found = find_photos([tmp_path / "pale.tar"])
    assert sorted(photo.name for photo in found) == sorted(
        f"{number}-{time}-{name}" for number, name in enumerate(("0.png", "10.png")) for time in range(3)
    )
    assert found[0].decode() is not None


@torch.inference_mode()
def test_a_graft_comes_close_to_what_the_decoder_knew():
    torch.manual_seed(0)
    small = {"palette_size": 8, "widths": [32, 16, 16]}
    old, new, fresh = (
        build_network("fusion", small | {"encoder": encoder}).eval()
        for encoder in ("mobilenet_v2", "efficientnet_lite2", "efficientnet_lite2")
    )
    old.learn_colors(torch.rand(3000, 3))
    pictures = [torch.rand(4, 1, 96, 96) * 2 - 1 for _ in range(4)]
    graft(old, new, iter(pictures))
    assert torch.equal(new.palette, old.palette) and torch.equal(new.head.weight, old.head.weight)
    raw, grafted, unlearned = (network(pictures[0]) for network in (old, new, fresh))
    assert (grafted - raw).square().mean() < 0.1 * (unlearned - raw).square().mean()

    same = build_network("fusion", small).eval()
    same.encoder.load_state_dict(old.encoder.state_dict())
    graft(old, same, iter(pictures))
    assert (same(pictures[0]) - raw).square().mean() < 0.01 * raw.var()


def test_every_run_has_its_settings_and_starts_from_earlier_ones(monkeypatch):
    benchmarks = Path(__file__).parents[1] / "benchmarks"
    monkeypatch.syspath_prepend(str(benchmarks))
    replay = runpy.run_path(str(benchmarks / "replay.py"))
    known: set[str] = set()
    for run in replay["RUNS"]:
        assert known.issuperset(run.start)
        assert (benchmarks / "fusion" / f"{run.name}.toml").is_file()
        known.add(run.name)
    assert known.issuperset(replay["RELEASED"])
