"""The figures of benchmarks/systems.md are those of the committed results."""

import json
import runpy
from pathlib import Path

import cv2

from vidcolor.networks import NETWORKS

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
PAGE = (BENCHMARKS / "systems.md").read_text("utf-8")
RESULTS = json.loads((BENCHMARKS / "results" / "systems.json").read_text("utf-8"))


def test_the_table_is_that_of_the_results(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    script = runpy.run_path(str(BENCHMARKS / "systems.py"))
    assert script["tabulate"](RESULTS) in PAGE


def test_every_network_is_compared_on_the_same_number_of_samples():
    systems = RESULTS["systems"]
    assert {name.split(",")[0] for name in systems} == set(NETWORKS)
    (samples,) = {row["samples"] for row in systems.values()}
    assert f"the same {samples} photos once" in PAGE
    assert f"{RESULTS['photos']} other photos" in PAGE


def test_the_sheet_shows_them_all():
    sheet = cv2.imread(str(BENCHMARKS / "systems.jpg"))
    assert sheet.shape[1] == 192 * (len(RESULTS["systems"]) + 2)


def test_what_is_said_of_the_claims_is_so():
    rows, grey = RESULTS["systems"], RESULTS["grey"]
    vivid = {name: row["colorfulness"] for name, row in rows.items()}
    assert rows["cnn"]["keras_accuracy"] == rows["fusion-faces"]["keras_accuracy"]
    assert round(100 * rows["cnn"]["keras_accuracy"]) == 67
    assert max(rows["pix2pix"]["psnr"], rows["pix2pix, RGB"]["psnr"]) < grey["psnr"]
    assert rows["pix2pix, RGB"]["psnr"] < rows["pix2pix"]["psnr"]
    lower, higher = ("mse", "ciede2000"), ("psnr", "ssim", "colorfulness")
    assert all(rows["resnet18"][name] < rows["cnn"][name] for name in lower)
    assert all(rows["resnet18"][name] > rows["cnn"][name] for name in higher)
    assert rows["resnet18"]["parameters"] / rows["cnn"]["parameters"] < 0.25
    first, second = sorted((row["psnr"] for row in rows.values()), reverse=True)[:2]
    assert rows["fusion"]["psnr"] == first and round(first - second, 1) == 0.5
    assert vivid["fusion"] > 1.7 * vivid["fusion-koala"]
    assert vivid["kmeans"] < min(vivid["cnn"], vivid["fusion-faces"], vivid["resnet18"], vivid["fusion-koala"])


def test_the_loader_keeps_up_and_41_000_pictures_fit():
    training = json.loads((BENCHMARKS / "results" / "training.json").read_text("utf-8"))
    assert training["pictures"] == 41_000 and training["peak_mib"] < 4096
    assert all(stage["ratio"] >= 0.85 for stage in training["stages"].values())
