"""torchrun: films shared among processes come out as from one, whoever does what and whoever dies.

The module is also the program that torchrun starts: `vidcolor` with short windows, which keeps a log of those it
finishes and, if told to, is killed once.
"""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from fractions import Fraction
from pathlib import Path

import pytest
from skimage import data as photos
from torch.distributed import HashStore

from tests.clips import LOSSLESS, make_film, make_picture, rewrite
from tests.models import make_model
from tests.reels import make_reel, pictures, sounds
from tests.scenes import glide, read_planes, write_film
from vidcolor import ranks, windows
from vidcolor.board import Board
from vidcolor.cli import main
from vidcolor.colorizer import load_colorizer
from vidcolor.errors import ConfigError, OutputError
from vidcolor.jobs import Job
from vidcolor.parallel import Group
from vidcolor.pipeline import RunReport, RunSettings, colorize_video
from vidcolor.ranks import join_reports
from vidcolor.resume import Record, WindowFiles, is_whole
from vidcolor.video import CHANGE, Encoding, join_packets

pytestmark = pytest.mark.openvino

ROOT = Path(__file__).parents[1]
SHOTS = (("astronaut", 60), ("coffee", 9), ("rocket", 71), ("chelsea", 30), ("astronaut", 25), ("cat", 40))
FRAMES = 235
STRETCH = 2
SETTINGS = RunSettings(encoding=LOSSLESS)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def colorizer(model):
    return load_colorizer(str(model), "cpu", 64)


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    return make_reel(tmp_path_factory.mktemp("reel") / "reel.mkv", SHOTS)


def launch(processes, log, source, target, model, *more, restarts=0, dies=False):
    torchrun = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        processes,
        "--max-restarts",
        restarts,
    ]
    words = ["run", source, target, "--model", model, "--device", "cpu", "--work-size", 64, "--codec", "ffv1", "--json"]
    command = [sys.executable, *torchrun, __file__, log, "dies" if dies else "lives", *words, *more]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=150, env=environment)


def program(log, fate, *words):
    """One process of `launch`."""
    windows.STRETCH = Fraction(STRETCH)
    count = WindowFiles.count

    def count_and_tell(files, number, *rest):
        count(files, number, *rest)
        with open(log, "a") as lines:
            lines.write(f"{number}\n")
        is_third = len(Path(log).read_text().splitlines()) >= 3
        if fate == "dies" and is_third and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            os.kill(os.getpid(), signal.SIGKILL)

    WindowFiles.count = count_and_tell
    main(words)


@pytest.fixture(scope="module")
def one(reel, model, tmp_path_factory):
    """What one process under torchrun makes of the reel, and its report."""
    folder = tmp_path_factory.mktemp("one")
    done = launch(1, folder / "log", reel, folder / "out.mkv", model)
    assert done.returncode == 0, done.stderr
    assert names(folder) == ["log", "out.mkv"]
    return folder / "out.mkv", json.loads(done.stdout)[0]


def errors(done):
    return [line for line in done.stderr.splitlines() if line.startswith("Error: ")]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def assert_same(target, other):
    assert pictures(target) == pictures(other)
    assert sounds(target) == sounds(other)


def test_one_process_gives_the_film_of_a_plain_run(one, reel, colorizer, tmp_path):
    target, report = one
    plain = colorize_video(reel, tmp_path / "plain.mkv", colorizer, SETTINGS)
    assert (report["frames"], report["shots"]) == (plain.frames, plain.shots) == (FRAMES, len(SHOTS))
    assert (report["losses"], report["warnings"]) == ([], [])
    assert sounds(target) == sounds(tmp_path / "plain.mkv")
    times = [[time for time, _ in pictures(film)] for film in (target, tmp_path / "plain.mkv")]
    assert times[0] == times[1]
    (luma, chroma), (plain_luma, plain_chroma) = read_planes(target), read_planes(tmp_path / "plain.mkv")
    assert luma.equal(plain_luma)
    difference = (chroma - plain_chroma).abs()  # other batches round otherwise
    assert difference.max() <= 1 and difference.float().mean() < 1e-3


def test_two_processes_share_a_folder_and_one_bad_file_stops_nothing(one, reel, model, tmp_path):
    archive, colored = tmp_path / "archive", tmp_path / "colored"
    archive.mkdir()
    (archive / "a.mkv").write_bytes(reel.read_bytes())
    (archive / "b.mp4").write_text("not a film at all\n" * 50)
    make_picture(archive / "c.png", photos.cat()[::8, ::8])
    done = launch(2, tmp_path / "log", archive, colored, model)
    assert done.returncode == 1
    outcomes = json.loads(done.stdout)
    assert [outcome["state"] for outcome in outcomes] == ["done", "failed", "done"]
    (error,) = errors(done)
    assert error.startswith(f"Error: {archive / 'b.mp4'}: not a film")
    assert names(colored) == ["a.mkv", "c.png"]
    assert_same(colored / "a.mkv", one[0])
    told = ("frames", "shots", "warnings", "losses", "kept_spans")
    assert [outcomes[0][name] for name in told] == [one[1][name] for name in told]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_rank_that_dies_is_started_again_and_no_finished_window_is_done_twice(one, reel, model, tmp_path):
    done = launch(2, tmp_path / "log", reel, tmp_path / "out.mkv", model, restarts=1, dies=True)
    assert done.returncode == 0, done.stderr
    assert "SIGKILL" in done.stderr or "exitcode: -9" in done.stderr
    finished = [int(number) for number in (tmp_path / "log").read_text().split()]
    assert sorted(finished) == list(range(len(finished))) and len(finished) > 4
    (report,) = json.loads(done.stdout)
    assert report["kept_spans"] > 0 and 0 < report["kept_frames"] < report["frames"] == FRAMES
    assert_same(tmp_path / "out.mkv", one[0])
    assert names(tmp_path) == ["log", "out.mkv"]


def test_misuse_is_one_line(tmp_path, model):
    done = launch(2, tmp_path / "log", tmp_path / "nothing.mkv", tmp_path / "out.mkv", tmp_path / "no.safetensors")
    assert done.returncode == 1
    (error,) = errors(done)
    assert error.startswith("Error: unknown model") and "no.safetensors" in error
    assert "Interrupted" not in done.stderr and names(tmp_path) == []


# What follows is a group of one, with a board of its own.


@pytest.fixture
def share(monkeypatch, colorizer):
    monkeypatch.setattr(windows, "STRETCH", Fraction(STRETCH))

    def run(source, target, settings=SETTINGS, **options):
        monkeypatch.setattr(ranks, "open_board", lambda group: Board(HashStore()))
        load = lambda: colorizer  # noqa: E731
        follow = lambda name: lambda done, expected: None  # noqa: E731
        (outcome,) = ranks.share_jobs([Job(source, target)], Group(), load, settings, follow, **options)
        return outcome

    return run


@pytest.fixture
def started(share, reel, tmp_path, monkeypatch):
    """A target of which three windows are finished."""
    count = WindowFiles.count

    def stop(files, number, *rest):
        count(files, number, *rest)
        if number == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(WindowFiles, "count", stop)
        with pytest.raises(KeyboardInterrupt):
            share(reel, tmp_path / "out.mkv")
    assert not is_whole(tmp_path / "out.mkv")
    return tmp_path / "out.mkv"


def folder_of(target):
    return target.with_name(f".{target.name}.vidcolor")


def test_no_other_is_let_at_a_film_that_is_under_way(share, reel, colorizer, tmp_path, monkeypatch):
    target, refused, count = tmp_path / "out.mkv", [], WindowFiles.count

    def meddle(files, number, *rest):
        count(files, number, *rest)
        refused.append(share(reel, target).error)
        with pytest.raises(OutputError) as plain:
            colorize_video(reel, target, colorizer, replace(SETTINGS, resume=True))
        refused.append(str(plain.value))

    with monkeypatch.context() as patch:
        patch.setattr(WindowFiles, "count", meddle)
        assert share(reel, target).report.frames == FRAMES
    assert len(refused) > 4 and set(refused) == {
        f"{target}: another process is at work on it; wait for it, or choose another name"
    }
    assert names(tmp_path) == ["out.mkv"]


def test_what_was_stopped_goes_on(share, reel, started, one):
    report = share(reel, started).report
    assert report.kept_spans > 0 and report.kept_frames < report.frames == FRAMES
    assert_same(started, one[0])
    assert names(started.parent) == ["out.mkv"]


def test_a_film_made_since_is_named_with_the_ways_out(share, reel, started):
    started.write_bytes(b"precious")
    assert share(reel, started).error.endswith(
        "go on with --overwrite, or delete that folder to leave the file as it is"
    )
    assert share(reel, started, replace(SETTINGS, overwrite=True)).report.kept_spans > 0
    assert names(started.parent) == ["out.mkv"]


def test_a_damaged_window_is_done_again(share, reel, started, one):
    packets = folder_of(started) / "000000.packets"
    content = bytearray(packets.read_bytes())
    content[len(content) // 2] ^= 1
    packets.write_bytes(content)
    (folder_of(started) / "000002.json").write_text("{")
    share(reel, started)
    assert_same(started, one[0])


def test_a_power_cut_after_the_last_step_costs_nothing(share, reel, tmp_path, monkeypatch):
    target = tmp_path / "out.mkv"
    with monkeypatch.context() as patch:
        patch.setattr("vidcolor.resume.windows.discard", lambda target: None)
        share(reel, target)
    assert target.exists() and not is_whole(target)
    assert share(reel, target).report.kept_frames == FRAMES
    assert names(tmp_path) == ["out.mkv"] and is_whole(target)


def test_a_kill_amid_tidying_up_costs_nothing(share, reel, tmp_path, monkeypatch):
    target = tmp_path / "out.mkv"

    def delete_one(folder, **_):
        if folder.exists():
            min(folder.iterdir()).unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("shutil.rmtree", delete_one)
        share(reel, target)
    assert is_whole(target)
    outcome = share(reel, target)
    assert (outcome.report, outcome.error) == (None, None)


def test_where_seeking_misleads_one_process_reads_the_whole(share, reel, colorizer, tmp_path, monkeypatch):
    """As where a file's index is wrong: a frame at a joint looks otherwise from one side than from the other."""
    looks = iter(range(100))
    monkeypatch.setattr(windows, "_known_by", lambda batch, index: str(next(looks)))
    outcome = share(reel, tmp_path / "out.mkv")
    colorize_video(reel, tmp_path / "whole.mkv", colorizer, replace(SETTINGS, resume=True))
    assert outcome.report.frames == FRAMES
    assert_same(tmp_path / "out.mkv", tmp_path / "whole.mkv")
    assert names(tmp_path) == ["out.mkv", "whole.mkv"]


def test_other_settings_and_a_run_of_one_process_are_refused_in_one_line(share, reel, started, colorizer):
    refused = share(reel, started, replace(SETTINGS, saturation=1.5))
    assert "settings.saturation was 1.0 and is 1.5" in refused.error and "\n" not in refused.error
    with pytest.raises(ConfigError, match=r"go on with torchrun, or delete that folder to start anew$"):
        colorize_video(reel, started, colorizer, replace(SETTINGS, resume=True))
    assert share(reel, started).report.kept_spans > 0


def test_processes_that_differ_are_refused(share, reel, tmp_path, monkeypatch):
    describe = iter(range(100))
    monkeypatch.setattr(ranks, "describe_run", lambda source, *_: {"source": source, "torch": str(next(describe))})
    error = share(reel, tmp_path / "out.mkv").error
    assert "the processes at work on it differ (torch was 0 and is 1)" in error


def test_outputs_that_are_there_are_left_or_replaced(share, reel, tmp_path):
    target = tmp_path / "out.mkv"
    target.write_bytes(b"precious")
    assert share(reel, target).report is None and share(reel, target, skip_existing=True).report is None
    assert target.read_bytes() == b"precious"
    assert share(reel, target, replace(SETTINGS, overwrite=True)).report.frames == FRAMES


def test_a_file_that_came_to_be_meanwhile_is_left_alone_and_the_film_put_beside_it(
    share, reel, one, tmp_path, monkeypatch
):
    target = tmp_path / "out.mkv"

    def join(files):
        target.write_bytes(b"precious")
        return join_packets(files)

    monkeypatch.setattr("vidcolor.resume.windows.join_packets", join)
    assert share(reel, target).error.endswith("left alone; it is in out-2.mkv")
    assert target.read_bytes() == b"precious"
    assert_same(tmp_path / "out-2.mkv", one[0])
    assert names(tmp_path) == ["out-2.mkv", "out.mkv"]


def test_a_parted_film_reports_what_the_whole_would(share, colorizer, tmp_path):
    """Losses, and shots that keep their colour, each once and with its time in the film."""
    settings = replace(SETTINGS, keep_color=True)
    color = write_film(tmp_path / "color.mkv", glide("coffee", 130, 48, 64))
    shared = share(color, tmp_path / "shared.mkv", settings).report
    plain = colorize_video(color, tmp_path / "plain.mkv", colorizer, settings)
    assert shared.shots_in_color == plain.shots_in_color != ()
    assert pictures(tmp_path / "shared.mkv") == pictures(color)


def test_warnings_of_windows_are_all_told_and_a_lasting_change_once():
    report = RunReport("in", "out", 10, 1, 1.0, "tiny", "cpu")
    said = (
        ["stands still once, from 1 s", f"{CHANGE} 8x8 at 2 s"],
        ["stands still once, from 3 s", f"{CHANGE} 8x8 at 4 s"],
    )
    records = [Record("run", "a", "b", "digest", asdict(replace(report, warnings=tuple(words)))) for words in said]
    joined = join_reports(records, "run")
    assert joined.warnings == (*said[0], said[1][0])


def test_a_reference_that_one_window_took_after_was_of_use():
    report = RunReport("in", "out", 10, 1, 1.0, "tiny", "cpu")
    unused = (("a.png", "b.png"), ("b.png",))
    records = [Record("run", "a", "b", "digest", asdict(replace(report, unused_references=names))) for names in unused]
    assert join_reports(records, "run").unused_references == ("b.png",)


@pytest.mark.parametrize("name", ["out.mp4", "out.ts"])
def test_joints_between_b_frames_keep_every_time_and_sound(share, reel, tmp_path, name):
    settings = replace(SETTINGS, encoding=Encoding(crf=30, preset="veryfast"))
    assert share(reel, tmp_path / name, settings).report.kept_frames == 0
    plain = tmp_path / f"plain{name}"
    rewrite(reel, plain, settings.encoding)
    times, expected = ([time for time, _ in pictures(film)] for film in (tmp_path / name, plain))
    assert times == expected and len(times) == FRAMES
    assert sounds(tmp_path / name) == sounds(plain)


def test_a_run_begun_by_one_process_is_ended_by_one(share, reel, colorizer, tmp_path):
    target = tmp_path / "out.mkv"

    def stop(done, expected):
        if done > 250:
            raise KeyboardInterrupt

    long = make_film(tmp_path / "long.mkv", count=300, codec="ffv1")
    settings = replace(SETTINGS, resume=True)
    with pytest.raises(KeyboardInterrupt):
        colorize_video(long, target, colorizer, settings, stop)
    assert share(long, target).report.kept_spans == 1


@pytest.mark.parametrize("place", ["_is_done", "_part", "_do_window", "_join"])
def test_what_the_system_refuses_is_the_error_of_that_file(share, reel, tmp_path, monkeypatch, place):
    def refuse(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(ranks.SharedFilm, place, refuse)
    assert share(reel, tmp_path / "out.mkv").error == f"{reel}: Input/output error"


if __name__ == "__main__":
    program(*sys.argv[1:])
