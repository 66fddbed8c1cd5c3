"""Some hundred damaged files: each ends in success or in a VidcolorError. benchmarks/fuzz.py takes many thousand."""

import json
import os
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("the peak of the memory is read from /proc", allow_module_level=True)

from benchmarks import fuzz

RESULTS = Path(__file__).parents[1] / "benchmarks/results/fuzz.json"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return fuzz.make_sources(tmp_path_factory.mktemp("sources"))


def test_damaged_files_end_in_success_or_in_one_line(sources):
    outcomes = list(fuzz.run_cases(sources, range(250), seed=6))
    assert [outcome for outcome in outcomes if outcome.is_wrong] == []
    counted = Counter(outcome.result for outcome in outcomes)
    assert counted["success"] > 50 and counted["InputError"] > 50
    assert {outcome.command for outcome in outcomes} == {"run", "span", "preview", "probe"}


def test_a_case_is_known_by_its_number(sources):
    (once,), (again,) = (list(fuzz.run_cases(sources, [17], seed=6)) for _ in range(2))
    assert (once.source, once.damage, once.result, once.message) == (
        again.source,
        again.damage,
        again.result,
        again.message,
    )


def crash(bench, command, path, dice):
    os.abort()


def hang(bench, command, path, dice):
    time.sleep(60)


def fail(bench, command, path, dice):
    raise KeyError("a bug")


def hoard(bench, command, path, dice):
    return fuzz.SOUND, str(len(bytearray(b"1") * 300_000_000))


def litter(bench, command, path, dice):
    (path.parent / ".out.partial-0.mp4").touch()
    return fuzz.SOUND, ""


@pytest.mark.parametrize(
    ("bug", "result"),
    [
        (crash, "crash"),
        (hang, "hang"),
        (fail, "crash"),
        (hoard, "too much memory"),
        (litter, "something left behind"),
    ],
)
def test_what_must_not_be_is_seen_and_the_next_case_goes_on(sources, monkeypatch, bug, result):
    monkeypatch.setattr(fuzz, "SECONDS", 3)
    monkeypatch.setattr(fuzz, "MEGABYTES", 50)
    sound = fuzz.Bench._try
    monkeypatch.setattr(fuzz.Bench, "_try", lambda bench, *rest: (bug if bench.first else sound)(bench, *rest))
    monkeypatch.setattr(fuzz.Bench, "first", True, raising=False)
    workshop = fuzz.Workshop(sources, seed=6)
    assert workshop.do(0).result == result
    workshop.close()
    monkeypatch.setattr(fuzz.Bench, "first", False)
    assert not workshop.do(1).is_wrong
    workshop.close()


def test_the_summary_counts_and_keeps_what_went_wrong():
    good = fuzz.Outcome(0, "a.mp4", "cut", "run", fuzz.SOUND, "", 0.1, 3)
    bad = fuzz.Outcome(1, "a.mp4", "bits", "run", "crash", "signal 11", 0.2, 9)
    summary = fuzz.summarize([good, bad], seed=1, seconds=6)
    assert (summary["cases"], summary["wrong"], len(summary["failures"])) == (2, 1, 1)
    assert summary["outcomes"] == {"success": 1, "crash": 1}


def test_the_long_run_went_well():
    found = json.loads(RESULTS.read_text("utf-8"))
    assert found["cases"] >= 20_000
    assert found["wrong"] == 0
    assert sum(found["outcomes"].values()) == sum(found["cases_of_source"].values()) == found["cases"]
    assert len(found["cases_of_source"]) > 60
