"""The tables of benchmarks/recipe.md are those of the committed results, and what it says of them is so."""

import json
import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
PAGE = (BENCHMARKS / "recipe.md").read_text("utf-8")
ROWS = json.loads((BENCHMARKS / "results" / "recipe.json").read_text("utf-8"))["rows"]


def gain(row, control):
    """dB over another row, at the same colourfulness."""
    return ROWS[row]["psnr_over_grey_at_level"] - ROWS[control]["psnr_over_grey_at_level"]


@pytest.mark.parametrize(("script", "result"), [("recipe", "recipe"), ("palette_reading", "reading")])
def test_the_tables_are_those_of_the_results(monkeypatch, script, result):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    tabulate = runpy.run_path(str(BENCHMARKS / f"{script}.py"))["tabulate"]
    assert tabulate(json.loads((BENCHMARKS / "results" / f"{result}.json").read_text("utf-8"))) in PAGE


def test_what_is_said_of_the_rows_is_so():
    noise = abs(gain("another seed", "control"))
    assert round(noise, 2) == 0.04
    assert round(gain("half the photos, twice as often", "control"), 2) == -0.1
    assert all(0.1 < -gain(row, "control") < 0.2 for row in ("palette alone, no residual", "Huber alone, no palette"))
    assert round(gain("no rebalancing", "control"), 2) == -0.06
    assert all(
        round(gain(row, "control"), 1) == -0.5 for row in ("all free throughout", "last blocks of the encoder free")
    )
    assert abs(gain("colour tokens", "control")) < noise
    assert round(gain("colourfulness matched, 0.1", "trained on"), 2) == 0.05
    assert all(gain(row, "trained on") < 0 for row in ("perceptual loss 0.5", "stability loss 0.5", "NoGAN"))
    assert round(gain("trained on", "not trained on"), 1) == 0.1


@pytest.mark.parametrize(
    ("model", "photos", "films"),
    [
        ("mean of the fifth's and the seventh's", "photos--eighth_start", "steadiness--eighth_start"),
        ("eighth run's", "photos--eighth", "steadiness--eighth"),
        ("mean of these two, then released", "photos--second", "steadiness--second"),
        ("MobileNetV2", "photos--second", "steadiness--second"),
        ("mean with the tenth's", "photos--tenth", "steadiness--tenth"),
        ("mean with the twelfth's, released", "photos--fusion", "steadiness--twelfth"),
        ("mean with the thirteenth's", "photos--thirteenth", "steadiness--thirteenth"),
    ],
)
def test_the_table_of_the_last_runs(model, photos, films):
    files = (BENCHMARKS / "results" / f"{name}.json" for name in (photos, films))
    photos, films = (json.loads(file.read_text("utf-8")) for file in files)
    share, means = photos["colorfulness"] / photos["colorfulness_of_truth"], films["means"]
    above = [film["PSNR over grey dB"] > 0 for film in films["films"].values()]
    cells = [
        f"{photos['psnr'] - photos['psnr_of_grey']:+.2f}",
        f"{share:.0%}",
        f"{photos['ciede2000']:.2f}",
        f"{means['PSNR over grey dB']:+.2f}",
        format(means["colourfulness of the original's"], ".0%"),
        f"{sum(above)} of {len(above)}",
    ]
    assert f"| {' | '.join([model, *cells])} |" in PAGE
