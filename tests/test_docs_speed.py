"""The tables of docs/speed.md are those of the committed results, these are what they claim to be, and hold."""

import json
import re
from dataclasses import asdict, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import speed, speed_page
from tests.clips import make_film
from tests.models import make_model
from tests.schema import complaints
from vidcolor.colorizer import load_colorizer
from vidcolor.peak import Peak

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "speed.md").read_text("utf-8")
FILES = sorted((ROOT / "benchmarks" / "results").glob("speed--*--*.json"))


def part_of(file):
    return file.stem.split("--")[1]


def measured(part):
    return [json.loads(file.read_text("utf-8")) for file in FILES if part_of(file) == part]


def medians(growth):
    return [point["cost"]["ms"]["median"] for point in growth["points"]]


def test_the_tables_are_those_of_the_results():
    assert speed_page.fill(PAGE) == PAGE
    assert re.findall(r"<!-- (\w+) -->", PAGE.replace("<!-- end -->", "")) == list(speed.PARTS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_results_are_what_the_script_writes(file):
    result = json.loads(file.read_text("utf-8"))
    assert list(complaints(result, speed.PARTS[part_of(file)][1])) == []
    assert all(len(values) >= 5 for values in values_in(result))


def values_in(result):
    """All series of measurements, wherever in a result."""
    if isinstance(result, dict):
        yield from [result["values"]] if "values" in result else []
        result = list(result.values())
    if isinstance(result, list):
        for entry in result:
            yield from values_in(entry)


@pytest.mark.parametrize("growth", measured("length"))
def test_neither_cost_nor_memory_grows_with_the_length(growth):
    shortest, *others = medians(growth)
    assert max(others) < 1.1 * shortest
    first, *peaks = (point["peak"]["resident"] for point in growth["points"])
    assert max(peaks) < 1.1 * first


@pytest.mark.parametrize("growth", measured("height"))
def test_twice_the_height_costs_at_most_four_times_and_a_bit(growth):
    costs = medians(growth)
    assert max(more / less for less, more in pairwise(costs)) <= 4.2


@pytest.mark.parametrize("plain", measured("plain"))
def test_the_transcode_is_as_fast_as_a_bare_loop(plain):
    assert plain["ratio"]["median"] > 0.97


@pytest.fixture
def setting(tmp_path, monkeypatch):
    """Everything so small that a part takes seconds."""
    monkeypatch.setattr(speed, "FRAMES_AT", {32: 6, 48: 6})
    monkeypatch.setattr(speed, "LENGTHS", (4, 8))
    monkeypatch.setattr(speed, "HEIGHTS", (32, 64))
    monkeypatch.setattr(speed, "BATCHES", (1, 4))
    monkeypatch.setattr(speed, "LINES", 32)
    monkeypatch.setattr(speed, "FRAMES", 5)
    monkeypatch.setattr(speed, "measure_peak", lambda work: Peak(100.0, None))
    monkeypatch.setattr("vidcolor.bench.measure_peak", lambda work: Peak(100.0, 20.0))
    model = make_model(tmp_path / "tiny.safetensors")
    return speed.Setting(partial(load_colorizer, str(model), "cpu", 64), 1, tmp_path)


EXPECTED = {
    "ratio": [r"32p, every frame \| [\d.]+ \| [\d.]+ \| [\d.]+ \([\d.]+ to [\d.]+\) \| 100, 20 on the card", "48p, "],
    "length": [r"frames \| ms a frame", r"\| 4 \| .* \| 1\.00 \| 100 \|", r"\| 8 \|"],
    "height": [r"lines \| ms a frame", r"\| 32 \| .* \| 1\.00 \| 100 \|", r"\| 64 \|"],
    "batch": [r"batch \| ms a frame", r"\| 1 \| .* \| 1\.00 \| 100 \|", r"\| 4 \|"],
    "plain": [r"\| bare \| \d", r"\| transcode \| \d", r"has [\d.]+ \([\d.]+ to [\d.]+\) of the bare loop's speed"],
}


@pytest.mark.parametrize("part", speed.PARTS)
def test_a_part_can_be_measured_written_and_shown(part, setting, tmp_path):
    measure, kind = speed.PARTS[part]
    result = json.loads(json.dumps(asdict(measure(setting))))
    assert list(complaints(result, kind)) == []
    results = tmp_path / "results"
    results.mkdir()
    (results / f"speed--{part}--cpu.json").write_text(json.dumps(result))
    page = f"Before.\n\n<!-- {part} -->\n\nold\n\n<!-- end -->\n\nBehind.\n\n<!-- other -->\n<!-- end -->\n"
    filled = speed_page.fill(page, results)
    assert filled.startswith("Before.") and "Behind." in filled and "old" not in filled
    assert filled.count(speed_page.NOT_YET) == 1
    for line in EXPECTED[part]:
        assert re.search(line, filled), filled
    assert speed_page.fill(filled, results) == filled


def test_the_ratio_can_be_taken_of_other_films(setting, tmp_path):
    film = make_film(tmp_path / "street.mp4", count=5)
    reports = speed.measure_ratio(replace(setting, films=(film,))).reports
    assert list(reports) == [f"street.mp4, {variant}" for variant in speed.VARIANTS]
    assert {(report.film, report.frames, report.height) for report in reports.values()} == {("street.mp4", 5, 48)}
    assert [report.fast for report in reports.values()] == [False, True, False]


def test_the_growing_films_differ_in_what_grows(setting):
    points = {part: speed.PARTS[part][0](setting).points for part in ("length", "height", "batch")}
    assert [(point.value, point.frames) for point in points["length"]] == [(4, 4), (8, 8)]
    assert [(point.value, point.frames) for point in points["height"]] == [(32, 5), (64, 5)]
    assert [(point.value, point.frames) for point in points["batch"]] == [(1, 5), (4, 5)]
