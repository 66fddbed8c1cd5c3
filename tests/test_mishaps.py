"""What goes wrong on the way: one line, no frame grey or skipped, no partial file taken for whole, no thread left."""

import json
import os
import shutil
import subprocess
import sys
import threading
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tests.clips import (
    LOSSLESS,
    QUICK,
    X265,
    Tone,
    make_film,
    make_picture,
    packets,
    pattern,
    rewrite,
    shown,
    with_grey,
)
from tests.limits import held_to_permissions, room_for
from tests.models import PLAIN, make_model
from tests.scenes import glide, read_planes, write_film
from vidcolor import motion, upsample
from vidcolor.cli import main
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.errors import DeviceError, OutputError
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.video import open_reader, open_writer
from vidcolor.video.gaps import Gaps

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals are POSIX's")
ROOT = Path(__file__).parents[1]
SETTINGS = RunSettings(encoding=LOSSLESS, batch_size=6)
OUT_OF_MEMORY = {
    "cuda": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
    "cpu": RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory"),
    "mps": RuntimeError("MPS backend out of memory (MPS allocated: 9.06 GB)"),
    "cudnn": RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    "python": MemoryError(),
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture
def colorizer(model):
    return load_colorizer(str(model), "cpu", 64, runtime="torch")


@pytest.fixture
def film(tmp_path):
    return write_film(tmp_path / "in.mkv", glide("coffee", 14, 72, 96)[:, :1])


@pytest.fixture(autouse=True)
def nothing_left(tmp_path):
    """Neither a thread nor a partial file."""
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
    assert [path for path in tmp_path.rglob(".*partial*")] == []


def call(*words, model):
    result = CliRunner().invoke(main, [*map(str, words), "--model", str(model), "--device", "cpu"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def the_line(text):
    (line,) = text.strip().splitlines()
    assert line.startswith("Error: ")
    return line


def limited(function, most, error):
    """The function in a memory of `most` frames."""

    def in_memory(first, *rest):
        tried.append(len(first))
        if len(first) > most:
            raise error
        return function(first, *rest)

    tried: list[int] = []
    return in_memory, tried


@pytest.mark.parametrize("kind", OUT_OF_MEMORY)
def test_out_of_memory_halves_the_batch_once_and_changes_nothing(tmp_path, film, colorizer, monkeypatch, kind):
    colorize_video(film, tmp_path / "plenty.mkv", colorizer, SETTINGS)
    encode, tried = limited(colorizer.network.encode, 3, OUT_OF_MEMORY[kind])
    monkeypatch.setattr(colorizer.network, "encode", encode)
    report = colorize_video(film, tmp_path / "short.mkv", colorizer, SETTINGS)
    (luma, chroma), (new_luma, new_chroma) = (read_planes(tmp_path / f"{name}.mkv") for name in ("plenty", "short"))
    assert report.frames == 14 and report.losses == ()
    assert tried == [6, 3, 3, 3, 3, 2]
    assert torch.equal(luma, new_luma)
    assert (chroma - new_chroma).abs().max() <= 1
    assert ((new_chroma - 128).abs().flatten(1).float().mean(1) > 3).all()


def test_out_of_memory_in_the_temporal_filter_does_the_same(tmp_path, film, colorizer, monkeypatch):
    colorize_video(film, tmp_path / "plenty.mkv", colorizer, SETTINGS)
    flow, tried = limited(motion.find_flow, 3, OUT_OF_MEMORY["cuda"])
    monkeypatch.setattr(motion, "find_flow", flow)
    colorize_video(film, tmp_path / "short.mkv", colorizer, SETTINGS)
    assert tried.count(6) == 1 and sum(size for size in tried if size < 6) == 2 * 14
    assert torch.equal(*(read_planes(tmp_path / f"{name}.mkv")[1] for name in ("plenty", "short")))


@pytest.mark.parametrize("kind", OUT_OF_MEMORY)
def test_no_memory_for_one_frame_is_a_device_error_with_advice(tmp_path, film, model, monkeypatch, kind):
    def refuse(*args):
        raise OUT_OF_MEMORY[kind]

    monkeypatch.setattr(Colorizer, "_predict_at_once", refuse)
    result = call("run", film, tmp_path / "out.mkv", model=model)
    assert result.exit_code == 1
    assert "out of memory on cpu with one frame at once: use a smaller --work-size" in the_line(result.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv"]


def test_on_a_card_the_advice_names_the_processor(colorizer, monkeypatch):
    colorizer.device = torch.device("cuda")
    encode, tried = limited(colorizer.network.encode, 0, OUT_OF_MEMORY["cuda"])
    monkeypatch.setattr(colorizer.network, "encode", encode)
    with pytest.raises(DeviceError, match=r"out of memory on cuda .* --work-size, or --device cpu"):
        colorizer._predict(torch.zeros(5, 1, 64, 64), (32, 32), (True,) * 5, None)
    assert tried == [5, 2, 1]


def test_other_errors_are_not_taken_for_want_of_memory(tmp_path, film, colorizer, monkeypatch):
    encode, tried = limited(colorizer.network.encode, 0, RuntimeError("a bug"))
    monkeypatch.setattr(colorizer.network, "encode", encode)
    with pytest.raises(RuntimeError, match="a bug"):
        colorize_video(film, tmp_path / "out.mkv", colorizer, SETTINGS)
    assert tried == [6]


def test_no_memory_for_the_full_size_is_a_device_error(tmp_path, film, colorizer, monkeypatch):
    def refuse(*args, **kwargs):
        raise OUT_OF_MEMORY["cuda"]

    monkeypatch.setattr(upsample, "guided_coefficients", refuse)
    with pytest.raises(DeviceError, match=r"out of memory on cpu with pictures at their full size: .* --batch-size$"):
        colorize_video(film, tmp_path / "out.mkv", colorizer, SETTINGS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv"]


STARVED = """
import resource, sys
from pathlib import Path
import vidcolor.console, vidcolor.jobs
from vidcolor.cli import main
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_AS, (most, most))
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and a limit that is heeded")
def test_a_processor_that_really_has_no_memory_left(tmp_path, model):
    make_picture(tmp_path / "in.png", np.tile(pattern(1, 500, 500)[0], (10, 10)))
    words = [
        "run",
        tmp_path / "in.png",
        tmp_path / "out.png",
        "--model",
        model,
        *PLAIN,
        "--work-size",
        5000,
    ]
    command = [sys.executable, "-c", STARVED, 400 << 20, *words]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "out of memory" in the_line(done.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov", ".ts"])
def test_a_film_that_lacks_one_byte_is_not_passed_off_as_whole(tmp_path, suffix):
    source = make_film(tmp_path / "in.mkv", count=20, width=160, height=120, tones=[Tone()])
    target = tmp_path / f"out{suffix}"
    rewrite(source, target, QUICK)
    size = target.stat().st_size
    target.write_bytes(b"old")
    for room in (0, 1, 1000, size // 2, size - 1000, size - 1):
        with room_for(room), pytest.raises(OutputError, match="cannot be written"):
            rewrite(source, target, QUICK, overwrite=True)
        assert target.read_bytes() == b"old"
        assert len(list(tmp_path.iterdir())) == 2
    with room_for(size):
        rewrite(source, target, QUICK, overwrite=True)
    assert len(shown(target)) == 20


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("depth", [8, 16])
def test_a_picture_that_lacks_one_byte_neither(tmp_path, suffix, depth):
    source = make_picture(tmp_path / "in.png", pattern(1, 200, 300, depth)[0])
    target = tmp_path / f"out{suffix}"
    rewrite(source, target)
    size = target.stat().st_size
    target.unlink()
    for room in (0, size // 2, size - 1):
        with room_for(room), pytest.raises(OutputError, match="cannot be written"):
            rewrite(source, target)
        assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_full_disk_is_one_line_and_the_next_film_is_done(tmp_path, model):
    films = tmp_path / "films"
    films.mkdir()
    make_film(films / "a.mp4", count=60, width=320, height=240)
    make_film(films / "b.mp4", count=2)
    with room_for(20_000):
        result = call("run", films, tmp_path / "out", "--preset", "ultrafast", "--quiet", model=model)
    assert result.exit_code == 1
    assert "a.mp4: cannot be written (File too large)" in the_line(result.stderr)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.mp4"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, where root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or subprocess.run([mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]).returncode:
        pytest.skip("no tmpfs can be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize("name", ["out.mkv", "out.mp4"])
def test_a_disk_that_is_really_full(tmp_path, small_disk, model, name):
    film = make_film(tmp_path / "in.mp4", count=60, width=320, height=240, tones=[Tone(seconds=2)])
    result = call("run", film, small_disk / name, "--codec", "ffv1" if ".mkv" in name else "libx264", model=model)
    assert result.exit_code == 1
    assert f"{name}: cannot be written (No space left on device)" in the_line(result.stderr)
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("then", ["gone", "a file"])
@pytest.mark.parametrize("suffix", [".mkv", ".png"])
def test_an_output_folder_that_goes_away(tmp_path, film, colorizer, suffix, then):
    folder = tmp_path / "out"
    folder.mkdir()
    source = film if suffix == ".mkv" else make_picture(tmp_path / "in.png", pattern(1, 40, 60)[0])

    def take_away(done, expected):
        if folder.is_dir():
            shutil.rmtree(folder)
            if then == "a file":
                folder.write_text("in the way")

    with pytest.raises(OutputError, match=r"cannot be written \(No(t a| such)"):
        colorize_video(source, folder / f"out{suffix}", colorizer, SETTINGS, take_away)
    assert not (folder / f"out{suffix}").exists()


LOCKING = """
import os, sys
from pathlib import Path
from vidcolor.colorizer import load_colorizer
from vidcolor.errors import OutputError
from vidcolor.pipeline import colorize_video
film, target, model = map(Path, sys.argv[1:])
try:
    colorizer = load_colorizer(str(model), "cpu", runtime="torch")
    colorize_video(film, target, colorizer, None, lambda *_: target.parent.chmod(0o500))
except OutputError as error:
    print(error)
"""


def test_permission_that_is_lost_on_the_way(tmp_path, film, model):
    command = [sys.executable, "-c", LOCKING, film, tmp_path / "out" / "out.mkv", model]
    (tmp_path / "out").mkdir()
    done = subprocess.run([*held_to_permissions(), *command], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.stdout.strip().endswith("out.mkv: cannot be written (Permission denied)"), done.stderr
    assert not (tmp_path / "out" / "out.mkv").exists()
    (tmp_path / "out").chmod(0o700)
    (hidden,) = (tmp_path / "out").iterdir()  # nobody may delete it there
    hidden.unlink()


class Refusing:
    """A stream whose encoder gives up at the fourth frame."""

    def __init__(self, stream):
        self._stream, self._left = stream, 3

    def encode(self, frame):
        self._left -= 1
        if self._left < 0:
            raise av.error.ExternalError(-542398533, "Generic error in an external library")
        return self._stream.encode(frame)


def test_an_encoder_that_gives_up_on_the_way(tmp_path, film):
    target = tmp_path / "out.mkv"
    with (
        pytest.raises(OutputError, match=r"out\.mkv: cannot be written \(Generic error"),
        open_reader(film) as reader,
        open_writer(target, reader, encoding=QUICK) as writer,
    ):
        writer._encoder.stream = Refusing(writer._encoder.stream)
        for batch in reader.batches(4):
            writer.write(with_grey(batch, writer.planes))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


def test_an_encoder_that_does_not_start_is_one_line(tmp_path, film, model):
    result = call("run", film, tmp_path / "out.mkv", "--encoder-opt", "profile=nonesuch", model=model)
    assert result.exit_code == 1
    assert "out.mkv: cannot be written" in the_line(result.stderr)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


def damaged(path, codec="libx264", count=90):
    """A film of which three stretches are overwritten; its own times."""
    options = {"x265-params": X265} if codec == "libx265" else {"g": "6"}
    make_film(path, count=count, width=320, height=240, codec=codec, options=options, tones=[Tone(seconds=3.6)])
    times = [frame.seconds for frame in shown(path)]
    content = bytearray(path.read_bytes())
    for place in (0.3, 0.5, 0.7):
        start = int(len(content) * place)
        content[start : start + 2000] = np.random.default_rng(0).bytes(2000)
    path.write_bytes(content)
    return times


@pytest.mark.parametrize("suffix, codec", [(".mp4", "libx264"), (".mp4", "libx265"), (".ts", "libx264")])
def test_damage_is_counted_and_placed_and_all_other_frames_keep_their_times(tmp_path, colorizer, suffix, codec):
    times = damaged(tmp_path / f"in{suffix}", codec)
    report = colorize_video(tmp_path / f"in{suffix}", tmp_path / "out.mp4", colorizer, RunSettings(encoding=QUICK))
    found = [frame.seconds for frame in shown(tmp_path / "out.mp4")]
    dropped, guessed = (sum(kind in loss for loss in report.losses) for kind in ("dropped", "guessed"))
    assert report.frames == len(found) < 90
    assert {time - found[0] for time in found} < {time - times[0] for time in times} and found == sorted(found)
    assert dropped + guessed == sum(report.loss_counts.values()) == len(report.losses) > 0
    if suffix == ".mp4":
        assert len(found) + dropped == 90
    else:  # whole packets are gone, of the sound some more
        assert guessed > 0 and [warning for warning in report.warnings if "frames may be missing" in warning]
        assert [warning for warning in report.warnings if "damaged packets of sound" in warning]


def test_what_matroska_skips_without_a_word_is_told_by_its_times(tmp_path, colorizer):
    times = damaged(tmp_path / "in.mkv", count=240)
    report = colorize_video(tmp_path / "in.mkv", tmp_path / "out.mkv", colorizer, RunSettings(encoding=QUICK))
    found = [frame.seconds for frame in shown(tmp_path / "out.mkv")]
    assert len(found) < 240 and set(found) < set(times)
    (warning,) = [warning for warning in report.warnings if "frames may be missing" in warning]
    told = [float(loss.split(" s: ")[0]) for loss in report.losses]  # a decoder of several threads tells of some
    gaps = [(a, b) for a, b in pairwise(found) if not any(a <= seconds < b for seconds in told)]
    still = sum(b - a - Fraction(1, 25) for a, b in gaps)
    assert f"for {float(still):.3f} s" in warning
    heard = {packet.data: packet.seconds for packet in packets(tmp_path / "in.mkv", "audio")[0]}
    assert all(heard[packet.data] == packet.seconds for packet in packets(tmp_path / "out.mkv", "audio")[0])


def test_a_matroska_file_that_is_cut_off_says_where(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=90, width=320, height=240)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    report = colorize_video(film, tmp_path / "out.mkv", colorizer, RunSettings(encoding=QUICK))
    assert report.losses[-1].endswith("no picture from here to its end at 3.600 s")
    end = shown(tmp_path / "out.mkv")[-1].seconds + Fraction(1, 25)
    assert report.losses[-1].startswith(f"{float(end):.3f} s") and 1 < end < 2


def gaps(times, losses=()):
    found = Gaps(step=40)
    for time in times:
        found.follow(time, 40, max((loss for loss in losses if loss < time), default=None))
    return found.warning(Fraction(1, 1000))


def test_gaps_are_told_where_they_are_rare():
    even = list(range(0, 4000, 40))
    without = [time for time in even if time not in (400, 440, 2000)]
    assert gaps(even) is None
    assert gaps(without) == "frames may be missing: the picture stands still 2 times, for 0.120 s, from 0.400 s on"
    assert gaps(without, losses=[440]).endswith("stands still once, for 0.040 s, from 2.000 s on")
    assert gaps(even[:1] + even[4:]) is None
    assert gaps([time for time in even if time % 280]) is None


def test_damage_is_a_line_with_its_counts_then_the_places(tmp_path, model):
    damaged(tmp_path / "in.mp4", "libx265")
    result = call("run", tmp_path / "in.mp4", tmp_path / "out.mp4", "--preset", "ultrafast", "--json", model=model)
    (report,) = json.loads(result.stdout)
    lines = [line for line in result.stderr.splitlines() if "Damaged:" in line]
    assert result.exit_code == 3
    assert lines[0].split(": ", 2)[2] == ", ".join(f"{count} × {what}" for what, count in report["loss_counts"].items())
    assert len(lines) == 1 + min(20, len(report["losses"])) + (len(report["losses"]) > 20)


@pytest.mark.parametrize("kind", ["closed pipe", "full disk"])
def test_a_report_that_nobody_takes_is_one_line(tmp_path, model, kind):
    make_film(tmp_path / "in.mp4", count=2)
    words = ["run", tmp_path / "in.mp4", tmp_path / "out.mp4", "--model", model, *PLAIN, "--json", "--quiet"]
    if kind == "closed pipe":
        reading, writing = os.pipe()
        os.close(reading)
    elif os.path.exists("/dev/full"):
        writing = os.open("/dev/full", os.O_WRONLY)
    else:
        pytest.skip("no /dev/full here")
    command = [sys.executable, "-m", "vidcolor", *map(str, words)]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=120)
    os.close(writing)
    assert done.returncode == 1
    reason = "Broken pipe" if kind == "closed pipe" else "No space left on device"
    assert the_line(done.stderr) == f"Error: the report cannot be printed ({reason}); the work itself is done"
    assert len(shown(tmp_path / "out.mp4")) == 2


@pytest.mark.parametrize("kind", ["closed pipe", "full disk", "closed terminal"])
def test_the_work_goes_on_where_nobody_listens(tmp_path, model, kind):
    (tmp_path / "films").mkdir()
    for name in ("one", "two", "three"):
        make_film(tmp_path / "films" / f"{name}.mkv", count=2)
    if kind == "full disk":
        if not os.path.exists("/dev/full"):
            pytest.skip("no /dev/full here")
        writing = os.open("/dev/full", os.O_WRONLY)
    else:
        reading, writing = os.pipe() if kind == "closed pipe" else os.openpty()
        os.close(reading)
    words = ["run", tmp_path / "films", tmp_path / "out", "--model", model, *PLAIN]
    command = [sys.executable, "-m", "vidcolor", *map(str, words)]
    done = subprocess.run(command, stdout=writing, stderr=writing, cwd=ROOT, timeout=120, start_new_session=True)
    os.close(writing)
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.mkv", "three.mkv", "two.mkv"]


@pytest.mark.parametrize("kind", ["closed pipe", "another alphabet"])
def test_a_page_is_written_whatever_becomes_of_the_table(tmp_path, model, kind):
    film = make_film(tmp_path / "電影.mp4", count=2, codec="libx264")
    reading, writing = os.pipe()
    if kind == "closed pipe":
        os.close(reading)
    words = ["eval", film, "--model", model, "--size", 64, "--device", "cpu", "--runtime", "torch", "--quiet"]
    command = [sys.executable, "-m", "vidcolor", *map(str, [*words, "--report", tmp_path / "page"])]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, cwd=ROOT, timeout=120, env=environment
    )
    os.close(writing)
    if kind == "closed pipe":
        assert the_line(done.stderr).startswith("Error: the report cannot be printed (Broken pipe)")
    else:
        with open(reading, encoding="cp1252") as table:
            assert "CIEDE2000 \\u0394E" in table.read()
    assert done.returncode == (1 if kind == "closed pipe" else 0)
    assert "電影.mp4" in (tmp_path / "page" / "index.html").read_text("utf-8")
