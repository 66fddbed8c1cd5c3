"""What a model is made of besides training runs: means of weights, and an archive of the palest photos."""

import cv2
import numpy as np
import pytest
import torch

from benchmarks.average import average
from benchmarks.pale import palest, write_archive
from tests.models import make_model
from vidcolor import checkpoint
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
