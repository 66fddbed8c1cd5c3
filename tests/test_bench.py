"""What colouring costs is measured as promised: in turns, warmed up, stage by stage. How fast it is, is not tested."""

import json
import operator
import os
import sys
from dataclasses import asdict, replace
from fractions import Fraction
from functools import partial
from itertools import count
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from tests.clips import LOSSLESS, QUICK, Tone, make_film, make_picture, packets, pattern
from tests.models import make_model
from tests.scenes import read_planes
from tests.schema import complaints
from vidcolor import timing
from vidcolor.bench import STAGES, BenchReport, BenchSettings, bench, first_frames
from vidcolor.cli import main
from vidcolor.colorizer import load_colorizer
from vidcolor.errors import ConfigError, DeviceError, InputError, OutputError, UnknownModel
from vidcolor.peak import Peak, measure_peak
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.shots import mark_shots
from vidcolor.timing import Spread, measure_in_turns
from vidcolor.video import Encoding, make_specimen, open_reader, transcode

pytestmark = pytest.mark.openvino

CPU = torch.device("cpu")
SETTINGS = RunSettings(encoding=QUICK)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def measured(model):
    """A report, and what was heard of the steps that led to it."""
    heard = []
    load = partial(load_colorizer, str(model), "cpu", 64)
    extent = BenchSettings(frames=20, repeats=2, height=64)
    return bench(None, load, SETTINGS, extent, lambda *step: heard.append(step)), heard


def test_every_stage_and_the_whole_are_measured(measured):
    report, _ = measured
    assert tuple(report.stages) == STAGES
    for cost in (*report.stages.values(), report.transcode, report.vidcolor):
        for spread in (cost.ms, cost.processor_ms):
            assert len(spread.values) == 2 and min(spread.values) > 0
            assert spread.low <= spread.median <= spread.high
    assert (report.width, report.height, report.frames) == (114, 64, 20)
    assert (report.model, report.device.split()[0], report.work_size, report.batch_size) == ("tiny", "cpu", 64, 4)
    assert report.settings["settings.encoding.preset"] == QUICK.preset


def test_transcode_and_colouring_alternate_after_a_turn_to_warm_up(measured):
    _, heard = measured
    names = [name for name, _, _ in heard]
    assert names == ["film", *STAGES * 3, *("transcode", "vidcolor") * 3, "memory of transcode", "memory of vidcolor"]
    assert [done for _, done, _ in heard] == list(range(len(heard)))
    assert {steps for _, _, steps in heard} == {len(heard)}


def test_the_ratio_is_that_of_neighbours(measured):
    report, _ = measured
    pairs = zip(report.transcode.ms.values, report.vidcolor.ms.values, strict=True)
    assert report.ratio == Spread.of(plain / colored for plain, colored in pairs)


def test_the_stages_are_what_the_whole_consists_of(measured):
    report, _ = measured
    total = sum(cost.processor_ms.median for cost in report.stages.values())
    assert 1 / 3 < total / report.vidcolor.processor_ms.median < 3
    assert report.busy_ms == total / report.environment.cpu_count


def test_the_wall_is_the_slowest_stage(measured):
    report, _ = measured
    assert report.stages[report.wall].ms.median == max(cost.ms.median for cost in report.stages.values())


def test_memory_is_that_of_fresh_processes(measured):
    report, _ = measured
    assert report.vidcolor_peak.resident > report.transcode_peak.resident > 50
    assert report.vidcolor_peak.on_card is report.transcode_peak.on_card is None


def test_the_report_is_its_own_schema(measured):
    report, _ = measured
    plain = json.loads(json.dumps(asdict(report)))
    assert list(complaints(plain, BenchReport)) == []
    plain["frames"] = 2.5
    plain["stages"]["decode"]["ms"]["median"] = None
    plain["surprise"] = plain.pop("wall")
    assert sorted(complaints(plain, BenchReport)) == [
        "report.frames: 2.5 is no int",
        "report.stages.decode.ms.median: None is no float",
        "report: surprise is unknown",
        "report: wall is missing",
    ]


@pytest.mark.parametrize("pix_fmt, neutral", [("yuv420p", 128), ("gray", 128), ("yuv420p10le", 512)])
def test_the_transcode_keeps_luma_and_times_and_nothing_else(tmp_path, pix_fmt, neutral):
    film = make_film(tmp_path / "in.mkv", count=7, pix_fmt=pix_fmt, codec="ffv1", tones=[Tone()])
    for _ in range(2):
        assert transcode(film, tmp_path / "out.mkv", LOSSLESS) == 7
    with open_reader(film) as before, open_reader(tmp_path / "out.mkv") as after:
        (one,), (other,) = before.batches(9), after.batches(9, own_chroma=True)
    assert torch.equal(one.luma.int(), other.luma.int()) and one.pts == other.pts
    assert (other.own_chroma.int() == neutral).all()
    assert packets(tmp_path / "out.mkv", "audio") == []


def test_the_transcode_costs_the_encoder_what_colouring_does(tmp_path, model):
    """With nothing to colour the packets are the same, bit for bit."""
    film = make_film(tmp_path / "in.mkv", count=12)
    settings, _ = first_frames(film, RunSettings(encoding=replace(QUICK, repeatable=True), saturation=0), 10)
    colorize_video(film, tmp_path / "coloured.mkv", load_colorizer(str(model), "cpu", 64), settings)
    transcode(film, tmp_path / "plain.mkv", settings.encoding, settings.span)
    coloured, plain = (packets(tmp_path / f"{name}.mkv", "video") for name in ("coloured", "plain"))
    assert coloured == plain and len(plain[0]) == 10


@pytest.mark.parametrize("most, expected", [(1, 1), (3, 3), (7, 7), (8, 8), (100, 8)])
def test_the_first_frames_are_counted_not_timed(tmp_path, most, expected):
    pts = [40, 80, 200, 240, 1000, 1040, 1500, 1501]
    film = make_film(tmp_path / "in.mkv", time_base=Fraction(1, 1000), pts=pts, tones=[Tone(seconds=2)])
    settings, frames = first_frames(film, SETTINGS, most)
    assert frames == expected
    assert transcode(film, tmp_path / "out.mkv", settings.encoding, settings.span) == expected


def test_both_sides_see_the_same_part_of_a_film(tmp_path, model, monkeypatch):
    monkeypatch.setattr("vidcolor.bench.measure_peak", lambda work: Peak(None, None))
    seen = []
    monkeypatch.setattr("vidcolor.bench.transcode", lambda *args: seen.append(transcode(*args)) or seen[-1])

    def colour(*args):
        report = colorize_video(*args)
        seen.append(report.frames)
        return report

    monkeypatch.setattr("vidcolor.bench.colorize_video", colour)
    film = make_film(tmp_path / "in.mp4", count=30)
    report = bench(film, partial(load_colorizer, str(model), "cpu", 64), SETTINGS, BenchSettings(frames=6, repeats=1))
    assert seen == [6] * 4
    assert (report.film, report.frames, report.height) == ("in.mp4", 6, 48)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_picture_is_no_film(tmp_path):
    picture = make_picture(tmp_path / "in.png", pattern(1, 48, 64)[0])
    with pytest.raises(InputError, match=r"in\.png: is a picture, give a film"):
        bench(picture, partial(load_colorizer, "fusion"))


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"repeats": 0}, {"height": 30}, {"height": 63}])
def test_settings_check_themselves(wrong):
    with pytest.raises(ConfigError, match=f"got [^\n]*{next(iter(wrong.values()))}"):
        BenchSettings(**wrong)


def test_the_command_prints_what_it_writes_as_json(model, tmp_path, monkeypatch):
    monkeypatch.setattr("vidcolor.bench.measure_peak", lambda work: Peak(512, None))
    film = make_film(tmp_path / "in.mp4", count=12)
    words = ["bench", film, "--model", model, "--device", "cpu", "--work-size", 64, "--frames", 8, "--repeats", 1]
    shown = CliRunner().invoke(main, [*map(str, words), "--preset", "ultrafast"])
    assert shown.exit_code == 0, shown.output
    for word in (*STAGES, "transcode", "vidcolor", "in.mp4, 64x48, 8 frames", "peak memory: 512 MiB", "the wall is"):
        assert word in shown.stdout
    written = CliRunner().invoke(main, [*map(str, words), "--preset", "ultrafast", "--json"])
    assert list(complaints(json.loads(written.stdout), BenchReport)) == []
    missing = CliRunner().invoke(main, ["bench", str(tmp_path / "no.mp4")])
    assert missing.exit_code == 1 and missing.output.count("\n") == 1 and "no.mp4" in missing.output


def test_work_is_done_in_turns_and_the_first_does_not_count(monkeypatch):
    clock, done, heard = count(), [], []
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: 4 * next(clock), process_time=lambda: 7.0))

    def work(name, frames):
        done.append(name)
        return frames

    costs = measure_in_turns({"a": partial(work, "a", 2), "b": partial(work, "b", 8)}, 3, CPU, heard.append)
    assert done == heard == ["a", "b"] * 4
    assert costs["a"].ms.values == (2000,) * 3 and costs["b"].ms.values == (500,) * 3
    assert costs["a"].processor_ms.values == (0,) * 3


def test_spread():
    assert Spread.of([5, 1, 2, 4, 3]) == Spread(3, 2, 4, (5, 1, 2, 4, 3))
    assert Spread.of([7]) == Spread(7, 7, 7, (7,))
    assert str(Spread.of([1, 2])) == "1.50 (1.25 to 1.75)"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak is the system's own")
def test_peak_memory_is_that_of_the_work_alone():
    mine = b"1" * 200_000_000  # the parent's memory does not count
    idle, busy = (measure_peak(partial(operator.mul, b"1", size)).resident for size in (len(mine) // 200, 400_000_000))
    assert 350 < busy - idle < 450


def test_what_goes_wrong_in_the_other_process_is_raised_here():
    with pytest.raises(UnknownModel, match="none there"):
        measure_peak(partial(load_colorizer, "none there"))
    with pytest.raises(DeviceError, match="killed: use a smaller or shorter film"):
        measure_peak(os.abort)


def test_no_room_for_the_film_made_up_is_one_line(tmp_path):
    with pytest.raises(OutputError, match=r"none/one\.mp4: cannot be written \([^\n]*\)$"):
        make_specimen(tmp_path / "none" / "one.mp4", 64, 2)


def test_the_film_made_up_is_always_the_same_and_like_a_film(tmp_path):
    film = make_specimen(tmp_path / "one.mp4", 64, 100)
    luma, chroma = read_planes(film)
    assert luma.shape == (100, 1, 64, 114)
    assert torch.equal(luma, read_planes(make_specimen(tmp_path / "other.mp4", 64, 100))[0])
    assert (chroma == 128).all()
    assert (luma[1:] - luma[:-1]).abs().flatten(1).float().mean(dim=1).min() > 0.5
    assert luma.float().std() > 20
    with open_reader(film) as reader:
        flags = [flag for batch in mark_shots(reader.batches(8), reader.info.planes) for flag in batch.first_of_shot]
    assert [number for number, flag in enumerate(flags) if flag] == [0, 96]


def test_an_encoder_that_was_replaced_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("vidcolor.video.encoding._refusal_of", lambda codec: "no card")
    film = make_film(tmp_path / "film.mp4", count=4)
    settings, _ = first_frames(film, RunSettings(encoding=Encoding("h264_nvenc")), 3)
    assert settings.encoding.codec == "libx264" and "finds none (no card)" in settings.encoding.warning
