"""The figures of docs/steadiness.md are those of the committed results."""

import json
import re
import runpy
from pathlib import Path

import pytest

from vidcolor.smooth import Smoother

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = (ROOT / "docs" / "steadiness.md").read_text("utf-8")


def results(name):
    return json.loads((RESULTS / f"{name}.json").read_text("utf-8"))


def rows(heading):
    """The cells of the table below a heading, without its head."""
    part = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return lines[2:]


def test_the_table_of_films():
    tabulate = runpy.run_path(str(ROOT / "benchmarks" / "steadiness.py"))["tabulate"]
    assert tabulate(results("steadiness")) in PAGE


def test_the_trade():
    formats = {"strength": "g", "flicker": ".3f", "colorfulness": ".2f", "psnr": ".2f", "lag": ".0f"}
    trade = results("smoothing_trade")["trade"]
    measured = [[format(row[name], digits) for name, digits in formats.items()] for row in trade]
    assert rows("What the strength buys and costs") == measured


def test_the_plot_is_drawn_from_the_results():
    draw = runpy.run_path(str(ROOT / "benchmarks" / "smoothing_trade.py"))["draw"]
    assert draw(results("smoothing_trade")["trade"]) == (ROOT / "docs" / "smoothing.svg").read_text("utf-8")


def test_occlusion():
    columns = ("flicker", "error where covered", "error elsewhere")
    found = results("smoothing_trade")["occlusion"]
    measured = {name: [row[column] for column in columns] for name, row in found.items()}
    said = {name: [float(cell) for cell in cells] for name, *cells in rows("Occlusion")}
    assert said.keys() == measured.keys()
    for name, values in said.items():
        assert values == pytest.approx(measured[name], abs=0.006)


def test_what_is_said_of_the_default_holds():
    means = results("steadiness")["means"]
    assert results("steadiness")["smooth"] == Smoother().strength
    assert means["of unsmoothed"] < 0.25
    assert means["warp error of unsmoothed"] < 0.5
    assert means["CDC of the original's"] < 1.3
    assert means["colourfulness lost"] < 0.03
    assert means["PSNR gained dB"] >= 0


def test_what_is_said_of_the_model_of_today_is_what_was_measured():
    first, today = results("steadiness")["means"], results("steadiness--twelfth")["means"]
    for name in ("flicker", "unsmoothed CDC of the original's"):
        assert today[name] < first[name]
        assert all(f"{means[name]:.3f}" in PAGE for means in (first, today))
    assert f"{today['of unsmoothed']:.3f}" in PAGE


def test_the_cost():
    said = float(re.search(r"the filter takes ([\d.]+) of the network's time", PAGE)[1])
    assert said == pytest.approx(results("smoothing_cost")["ratio"], abs=0.005)
