"""The awkward table: every container and picture that breaks tools comes out right, or is refused in one clear line."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import awkward as table
from benchmarks.stub import stub_colorizer
from tests.awkward import MAKERS, make
from tests.clips import make_film, make_picture, pattern
from tests.conftest import SHARED
from vidcolor.pipeline import RunReport

RESULTS = json.loads((Path(__file__).parents[1] / "benchmarks/results/awkward.json").read_text("utf-8"))
EXPECTED = {verdict["file"]: verdict for verdict in RESULTS["files"]}
"""What the committed table says; of names that are both made and wild, both say the same."""


@pytest.fixture(scope="module")
def colorizer():
    return stub_colorizer()


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_made_is_coloured_or_refused_as_the_table_says(tmp_path, colorizer, name):
    (tmp_path / "in").mkdir()
    verdict = table.judge(make(name, tmp_path / "in"), tmp_path, colorizer)
    assert verdict.wrong == () and verdict.outcome == EXPECTED[name]["outcome"], verdict
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.skipif(not (SHARED / "awkward").is_dir(), reason="needs the shared clips")
@pytest.mark.parametrize("name", sorted(set(EXPECTED) - set(MAKERS)))
def test_what_was_found_in_the_wild_too(tmp_path, colorizer, name):
    verdict = table.judge(SHARED / "awkward" / name, tmp_path, colorizer)
    assert verdict.wrong == () and verdict.outcome == EXPECTED[name]["outcome"], verdict


def test_the_table_is_whole_and_nothing_in_it_is_wrong():
    assert set(MAKERS) < set(EXPECTED)
    assert RESULTS["wrong"] == 0
    assert RESULTS["correct"] + RESULTS["refused"] == RESULTS["tried"] == len(RESULTS["files"])
    assert RESULTS["tried"] - RESULTS["wild"] == len(MAKERS)
    assert RESULTS["wild"] == 37
    assert all(verdict["worst_time_error_ticks"] <= 0.5 for verdict in RESULTS["files"])


def report(*warnings, losses=()):
    return RunReport("in", "out", 1, 1, 1, "stub", "cpu", warnings, losses)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"count": 7}, "frames"),
        ({"pts": [0, 1, 2, 3, 4, 5, 6, 9]}, "times"),
        ({"width": 50}, "size"),
        ({"matrix": (-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30)}, "rotation"),
        ({"tags": {"sample_aspect_ratio": 2}}, "pixel aspect"),
        ({"tags": {"color_trc": 16}}, "transfer"),
        ({"chapters": [(0, 100, "One")]}, "chapter"),
        ({"options": {"qp": "40"}}, "luma"),
    ],
)
def test_the_comparison_sees_what_differs(tmp_path, change, what):
    usual = {"count": 8, "options": {"qp": "0"}}
    source = make_film(tmp_path / "in.mp4", **usual)
    assert table.compare_films(source, source, report())[0] == []
    other = make_film(tmp_path / "out.mp4", **(usual | change))
    assert what in [line.split(":")[0] for line in table.compare_films(source, other, report())[0]]


def test_a_warning_excuses_only_what_it_names(tmp_path):
    source = make_film(tmp_path / "in.mp4", count=4, chapters=[(0, 100, "One")])
    other = make_film(tmp_path / "out.mp4", count=4)
    assert table.compare_films(source, other, report("mpegts has no chapters: 1 left out"))[0] == []
    assert table.compare_films(source, other, report("the cover is left out"))[0] == ["chapter: 1 -> 0"]


def test_the_comparison_of_stills_sees_what_differs(tmp_path):
    grey = pattern(1, 40, 50)[0]
    clear = np.dstack([grey, grey, grey, grey])
    source = make_picture(tmp_path / "in.png", clear, dpi=(300, 300), icc_profile=b"profile")
    assert table.compare_stills(source, source, report()) == []
    other = make_picture(tmp_path / "out.png", np.dstack([grey // 2] * 3))
    found = [line.split(":")[0] for line in table.compare_stills(source, other, report())]
    assert found == ["profile", "resolution", "alpha", "luma"]


def test_a_refusal_of_what_a_plain_decoder_reads_is_wrong(tmp_path, colorizer, monkeypatch):
    from vidcolor.errors import InputError

    def refuse(source, *rest):
        raise InputError(f"{source}: I will not")

    monkeypatch.setattr(table, "colorize_video", refuse)
    source = make_film(tmp_path / "in.mp4", count=2)
    assert table.judge(source, tmp_path / "out", colorizer).outcome == "wrong"
