"""The released models load, do what they are for, and are what their table says."""

import json
from pathlib import Path

import pytest
import torch
from skimage import data as photos

from vidcolor.checkpoint import read_meta
from vidcolor.color import luma_of, rgb_to_lab
from vidcolor.colorizer import load_colorizer
from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.released import find_model, models_folder, released_models

pytestmark = pytest.mark.openvino

ROOT = Path(__file__).parents[1]
PLANES = PlaneFormat(8, True, "709", (0, 0))


@pytest.fixture(params=released_models())
def name(request):
    return request.param


def test_there_is_a_default_model():
    assert "fusion" in released_models()


def test_a_model_is_small_and_says_what_it_is(name):
    path = find_model(name)
    meta = read_meta(path)
    assert path.stat().st_size <= 12e6
    assert meta.name == name
    assert all((meta.arch, meta.trained_on, meta.license, meta.commit, meta.created, meta.metrics))


def test_the_table_shows_the_measured_scores(name):
    scores = json.loads((ROOT / "benchmarks" / "results" / f"photos--{name}.json").read_text())
    (row,) = (
        line for line in (models_folder() / "README.md").read_text().splitlines() if line.startswith(f"| `{name}`")
    )
    assert f"{scores['psnr'] - scores['psnr_of_grey']:+.2f} dB" in row
    assert f"{scores['colorfulness'] / scores['colorfulness_of_truth']:.0%}".replace("%", " %") in row
    assert f"{scores['ciede2000']:.2f}" in row
    assert read_meta(find_model(name)).metrics["psnr"] == scores["psnr"]


def mean_ab(name, picture, rows, columns):
    """Mean predicted a*, b* of a part of an R'G'B' photo that the model sees in grey."""
    rgb = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    batch = FrameBatch((luma_of(rgb) * 255).round().byte(), (0,), (1,), first_of_shot=(True,))
    (done,) = load_colorizer(name, "cpu").stream([batch], PLANES)
    height, width = done.ab.shape[2:]
    part = (
        slice(int(rows[0] * height), int(rows[1] * height)),
        slice(int(columns[0] * width), int(columns[1] * width)),
    )
    return done.ab[0, :, part[0], part[1]].mean((1, 2)).tolist()


def test_the_sky_is_blue(name):
    _, b = mean_ab(name, photos.rocket(), (0.0, 0.4), (0.2, 0.45))
    assert b < -15


def test_skin_is_skin(name):
    astronaut = photos.astronaut()
    a, b = mean_ab(name, astronaut, (0.2, 0.3), (0.39, 0.48))
    true_a, true_b = rgb_to_lab(torch.from_numpy(astronaut[102:154, 200:246].copy()).permute(2, 0, 1)[None] / 255)[
        0, 1:
    ].mean((1, 2))
    assert 5 < a < 1.5 * true_a + 5
    assert 5 < b < 1.5 * true_b + 5
