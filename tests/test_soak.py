"""A minute of what benchmarks/soak.py does for two hours, and what it found."""

import json
import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
SOAK = SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "soak.py")))


@pytest.mark.skipif(sys.platform != "linux", reason="the resident set is read from /proc")
@pytest.mark.parametrize("suffix, variable", [(".mkv", False), (".mp4", True)])
def test_times_sound_subtitles_and_memory_stay_as_they_are(tmp_path, suffix, variable):
    result = SOAK.soak(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}", minutes=1, variable=variable)
    assert (result.frames, result.shots_found) == (300, 6)
    assert result.sound_packets > 500 and result.subtitles >= 6
    assert len(set(SOAK.frame_times(60, variable))) == 300
    assert result.is_sound, result


def test_two_hours_were_sound():
    films = json.loads((BENCHMARKS / "results" / "soak.json").read_text("utf-8"))["films"]
    assert [(film["minutes"], film["frames"]) for film in films] == [(120, 36_000), (30, 9_000)]
    for film in films:
        assert SOAK.Soak(**film).is_sound
