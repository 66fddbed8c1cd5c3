"""The arithmetic of docs/archive.md is that of benchmarks/archive.py, on committed figures."""

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "archive.md").read_text("utf-8")
SCRIPT = runpy.run_path(str(ROOT / "benchmarks" / "archive.py"))
Archive, tabulate_films, tabulate_paces, tabulate_speed = (
    SCRIPT[name] for name in ("Archive", "tabulate_films", "tabulate_paces", "tabulate_speed")
)
MEASURED = json.loads((ROOT / "benchmarks" / "results" / "archive.json").read_text("utf-8"))


def cells(table):
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def test_the_tables_are_those_of_the_results():
    assert tabulate_films(MEASURED, Archive()) in PAGE
    assert tabulate_paces(Archive()) in PAGE
    speed = json.loads((ROOT / "benchmarks" / "results" / "speed--ratio--cpu.json").read_text("utf-8"))
    assert tabulate_speed(speed, Archive()) in PAGE
    assert f"{Archive().frames / 1e9:.2f} thousand million frames" in PAGE.replace("\n", " ")


def test_what_a_frame_takes_times_the_frames_is_what_the_archive_takes():
    film = {"film": "a", "size": [4, 3], "frames": 10, "core_seconds": [4, 5, 9], "bytes_read": 50, "bytes_written": 80}
    (row,) = cells(tabulate_films({"films": [film]}, Archive(hours=1000, rate=20)))
    frames = 1000 * 3600 * 20
    years = frames * 0.5 / (365 * 24 * 3600)
    assert row[1:] == [
        "4x3",
        "0.500",
        "2.0",
        "0.01",
        f"{years:.0f}",
        f"{frames * 5 / 1e12:.1f}",
        f"{frames * 8 / 1e12:.1f}",
    ]


def test_a_hundred_frames_a_second_take_24_000_hours():
    (row,) = cells(tabulate_paces(Archive(), (100,)))
    assert row == ["100", "24 000", "2.7", "33", "3"]


def test_what_the_speed_benchmark_measured_is_reckoned_on():
    report = {"device": "cpu", "vidcolor": {"ms": {"median": 20}}, "ratio": {"median": 0.5}}
    (row,) = cells(tabulate_speed({"reports": {"480p, every frame": report}}, Archive()))
    assert row == ["480p, every frame", "cpu", "50.0", "0.50", "5.5"]
