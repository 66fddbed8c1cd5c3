"""The command as people meet it: results, one-line errors, exit codes, and files left untouched."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from skimage import data as photos

from tests.clips import Tone, make_film
from tests.models import PLAIN, make_model
from tests.scenes import glide, write_film
from vidcolor.cli import main


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture
def film(tmp_path):
    return make_film(tmp_path / "in.mp4", count=8, tones=[Tone(seconds=0.3)])


@pytest.fixture
def vidcolor(model):
    def call(*words, expect=0):
        colors = words[0] in ("run", "preview", "eval") and "--model" not in words
        model_words = ["--model", str(model), "--device", "cpu"] if colors else []
        result = CliRunner().invoke(main, [*map(str, words), *model_words])
        assert result.exit_code == expect, result.output
        assert "Traceback" not in result.output
        return result

    return call


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_run_colours_a_film_and_says_so_on_stderr(vidcolor, film, tmp_path):
    result = vidcolor("run", film, tmp_path / "out.mp4", "--preset", "ultrafast")
    assert names(tmp_path) == ["in.mp4", "out.mp4"]
    assert "8 frames, 1 shots" in result.stderr
    assert result.stdout == ""


def test_json_is_the_only_thing_on_stdout(vidcolor, film, tmp_path):
    result = vidcolor("run", film, tmp_path / "out.mp4", "--json", "--quiet", "--preset", "ultrafast")
    (report,) = json.loads(result.stdout)
    assert report["frames"] == 8 and report["state"] == "done" and report["model"] == "tiny"
    assert result.stderr == ""


def test_options_reach_the_encoder_and_the_span(vidcolor, film, tmp_path):
    options = ["--codec", "libx264", "--crf", "30", "--preset", "ultrafast", "--encoder-opt", "g=2"]
    result = vidcolor("run", film, tmp_path / "a.mp4", *options, "--start", "0:00:00.12", "--end", "0.28", "--json")
    assert json.loads(result.stdout)[0]["frames"] == 4


def test_run_shows_grey_and_colour_when_asked(vidcolor, film, tmp_path):
    for layout, width in (("side", 128), ("split", 64)):
        target = tmp_path / f"{layout}.mp4"
        vidcolor("run", film, target, "--compare", layout, "--preset", "ultrafast")
        (picture, sound) = json.loads(vidcolor("info", target, "--json").stdout)["streams"]
        assert (picture["width"], picture["height"], sound["kind"]) == (width, 48, "audio")


def test_compare_shows_two_films_in_one(vidcolor, film, tmp_path):
    other = make_film(tmp_path / "other.mp4", count=4, width=128, height=96)
    target = tmp_path / "both.mp4"
    result = vidcolor("compare", film, other, target, "--crf", "30", "--preset", "ultrafast", "--json")
    report = json.loads(result.stdout)
    assert (report["frames"], report["left"], report["right"]) == (8, str(film), str(other))
    assert "8 frames in" in result.stderr and "other.mp4 ends at 0.160 s" in result.stderr
    assert "both.mp4: exists already" in vidcolor("compare", film, other, target, expect=1).stderr
    quiet = vidcolor("compare", film, other, target, "--layout", "split", "--overwrite", "--quiet")
    assert quiet.stderr == quiet.stdout == ""
    streams = json.loads(vidcolor("info", target, "--json").stdout)["streams"]
    assert (streams[0]["width"], len(streams)) == (64, 2)


def test_compare_names_damage_and_exits_with_three(vidcolor, film, tmp_path):
    broken = make_film(tmp_path / "broken.mkv", count=60, width=320, height=240, options={"g": "5"})
    content = bytearray(broken.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 800] = np.random.default_rng(0).bytes(800)
    broken.write_bytes(content)
    result = vidcolor("compare", broken, film, tmp_path / "both.mkv", "--codec", "ffv1", expect=3)
    assert f"Damaged: {broken} at " in result.stderr
    assert (tmp_path / "both.mkv").exists()


def test_preview_makes_a_sheet(vidcolor, film, tmp_path):
    result = vidcolor("preview", film, tmp_path / "sheet.png", "--count", "3", "--saturation", "0.5", "--json")
    report = json.loads(result.stdout)
    assert len(report["moments"]) == 3 and report["model"] == "tiny" and report["warnings"] == []
    assert "sheet.png: 3 moments in" in result.stderr
    assert cv2.imread(str(tmp_path / "sheet.png")).shape == (116, 224, 3)
    assert "exists already" in vidcolor("preview", film, tmp_path / "sheet.png", expect=1).stderr
    assert vidcolor("preview", film, tmp_path / "sheet.png", "--overwrite", "--quiet").stderr == ""


@pytest.fixture
def originals(tmp_path, monkeypatch):
    """A film of two shots and a photo, in colour; nothing in torch.hub's folder."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    folder = tmp_path / "originals"
    folder.mkdir()
    write_film(folder / "film.mkv", torch.cat([glide(name, 5, 48, 64) for name in ("astronaut", "coffee")]))
    cv2.imwrite(str(folder / "cat.png"), photos.cat()[::6, ::6, ::-1])
    return folder


def test_eval_prints_no_number_without_its_counterweight(vidcolor, originals):
    found = json.loads(vidcolor("eval", originals, "--size", "64", "--json").stdout)
    result = vidcolor("eval", originals, "--size", "64")
    shown = {tuple(re.split(r"\s{2,}", line)[:2]): line for line in result.stdout.splitlines()}
    for kind, scores in (("photos", found["photos"]), ("films", found["frames"])):
        for field in ("psnr", "psnr_of_grey"):
            assert f"{scores[field]:.2f}" in shown["PSNR dB", kind]
        for field in ("colorfulness", "colorfulness_of_truth"):
            assert f"{scores[field]:.1f}" in shown["Colourfulness", kind]
    for field in ("cdc", "cdc_unsmoothed", "cdc_of_truth"):
        assert f"{found['films'][field]:.5f}" in shown["CDC", "films"]
    assert "FID-Inception and IS-Inception are not measured" in result.stdout
    assert result.stderr == ""


def test_eval_prints_json_and_nothing_else_and_hears_its_options(vidcolor, originals):
    words = ["--size", "64", "--smooth", "0", "--saturation", "0.5", "--work-size", "48"]
    result = vidcolor("eval", originals, *words, "--json")
    report = json.loads(result.stdout)
    assert (report["model"], report["size"], report["smooth"], report["saturation"]) == ("tiny", 64, 0, 0.5)
    assert [row["source"] for row in report["sources"]] == ["cat.png", "film.mkv"]
    assert [row["frames"] for row in report["sources"]] == [1, 10]
    assert result.stderr == ""


def test_eval_writes_a_page_where_it_is_told_to(vidcolor, originals, tmp_path):
    result = vidcolor("eval", originals, "--size", "64", "--report", tmp_path / "found", "--json")
    assert names(tmp_path / "found") == ["index.html", "report.json"]
    assert json.loads((tmp_path / "found" / "report.json").read_text()) == json.loads(result.stdout)
    assert f"Look at {tmp_path / 'found' / 'index.html'}" in result.stderr
    quiet = vidcolor("eval", originals, "--report", tmp_path / "found", "--quiet", "--size", "64")
    assert quiet.stderr == "" and "PSNR dB" in quiet.stdout


@pytest.mark.parametrize(
    "words, message",
    [
        (["absent.mp4"], "absent.mp4: no such file or folder"),
        (["words.txt"], "words.txt: no films and no pictures there"),
        (["bad.mp4"], "bad.mp4: "),
        (["cat.png", "--size", "10"], "size must be at least 64, got 10"),
        (["cat.png", "--feature-weights", "absent.pth"], "absent.pth: no such file of weights"),
        (["cat.png", "--feature-weights", "words.txt"], "words.txt: cannot be read as weights"),
        (["cat.png", "--feature-weights", "list.pth"], "list.pth: cannot be read as weights"),
        (["cat.png", "--feature-weights", "other.pth"], "other.pth: these weights belong to another classifier"),
        (["cat.png", "--report", "words.txt"], "words.txt: cannot be made"),
    ],
)
def test_eval_says_in_one_line_what_is_wrong(vidcolor, originals, monkeypatch, words, message):
    monkeypatch.chdir(originals)
    (originals / "words.txt").write_text("neither film nor weights")
    (originals / "bad.mp4").write_bytes(b"\0" * 1000)
    torch.save([1, 2], originals / "list.pth")
    torch.save({"layer.weight": torch.zeros(3)}, originals / "other.pth")
    result = vidcolor("eval", *words, expect=1)
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error:") and message in line
    assert result.stdout == ""


def test_a_folder_is_coloured_whole_and_one_bad_file_does_not_stop_it(vidcolor, tmp_path):
    films = tmp_path / "films"
    (films / "deep").mkdir(parents=True)
    make_film(films / "deep" / "a.mp4", count=3)
    (films / "bad.mp4").write_bytes(b"\0" * 1000)
    cv2.imwrite(str(films / "photo.jpg"), photos.cat()[::4, ::4])
    result = vidcolor("run", films, tmp_path / "out", expect=1)
    assert names(tmp_path / "out") == ["deep", "photo.jpg"]
    assert names(tmp_path / "out" / "deep") == ["a.mp4"]
    assert result.stderr.count("Error:") == 1 and "bad.mp4" in result.stderr
    again = vidcolor("run", films, tmp_path / "out", "--skip-existing", expect=1)
    assert again.stderr.count("exists, skipped") == 2


def bad_inputs(tmp_path):
    make_film(tmp_path / "good.mp4", count=3)
    make_film(tmp_path / "exists.mp4", count=3)
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("This is not a film.\n" * 40)
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "pickled.safetensors").write_bytes(pickle.dumps({"weights": 1}))
    make_film(tmp_path / "whole.mp4", count=3)
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "whole.mp4").read_bytes()[:600])
    with av.open(str(tmp_path / "sound.mp4"), "w") as output:
        stream = output.add_stream("aac", 48000)
        stream.codec_context.layout = "mono"
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 48000, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


@pytest.mark.parametrize(
    "words, message",
    [
        (["absent.mp4", "out.mp4"], "absent.mp4: no such file"),
        (["folder.mp4", "out"], "no films and no pictures"),
        (["empty.mp4", "out.mp4"], "empty.mp4: is empty"),
        (["text.mp4", "out.mp4"], "text.mp4: not a film"),
        (["sound.mp4", "out.mp4"], "sound.mp4: has no moving picture"),
        (["cut.mp4", "out.mp4"], "cut.mp4: not a film or damaged"),
        (["good.mp4", "good.mp4", "--overwrite"], "is the input itself"),
        (["good.mp4", "exists.mp4"], "exists.mp4: exists already"),
        (["good.mp4", "nowhere/out.mp4"], "nowhere does not exist"),
        (["good.mp4", "out.mp4", "--codec", "libx999"], "'libx999'"),
        (["good.mp4", "out.docx"], ".docx cannot be written"),
        (["good.mp4", "out.png"], "a film cannot be written as a still"),
        (["good.mp4", "out.mp4", "--model", "fusoin"], "unknown model 'fusoin'"),
        (["good.mp4", "out.mp4", "--model", "pickled.safetensors"], "not a sound safetensors file"),
        (["good.mp4", "out.mp4", "--work-size", "31"], "work size must be at least 32, got 31"),
        (["good.mp4", "out.mp4", "--start", "99"], "99 s"),
        (["good.mp4", "out.mp4", "--encoder-opt", "nonsense=1"], "no option 'nonsense'"),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(vidcolor, tmp_path, monkeypatch, words, message):
    bad_inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    result = vidcolor("run", *words, expect=1)
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error:") and message in lines[0]
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA card")
def test_cuda_where_there_is_none(vidcolor, film, tmp_path):
    result = CliRunner().invoke(main, ["run", str(film), str(tmp_path / "out.mp4"), "--device", "cuda"])
    assert result.exit_code == 1
    assert "no such device: cuda" in result.stderr
    assert names(tmp_path) == ["in.mp4"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder(vidcolor, film, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    assert "cannot be written to" in vidcolor("run", film, locked / "out.mp4", expect=1).stderr


@pytest.mark.parametrize(
    "words",
    [
        ["run"],
        ["run", "a.mp4", "b.mp4", "--smooth", "2"],
        ["run", "a.mp4", "b.mp4", "--work-size", "0"],
        ["run", "a.mp4", "b.mp4", "--work-size", "-1"],
        ["run", "a.mp4", "b.mp4", "--start", "soon"],
        ["run", "a.mp4", "b.mp4", "--encoder-opt", "g"],
        ["run", "a.mp4", "b.mp4", "--compare", "above"],
        ["compare", "a.mp4", "b.mp4"],
        ["compare", "a.mp4", "b.mp4", "c.mp4", "--layout", "above"],
        ["eval"],
        ["eval", "a.mp4", "--feature-padding", "valid"],
        ["preview", "a.mp4"],
        ["preview", "a.mp4", "a.png", "--count", "0"],
        ["info"],
        ["nothing"],
    ],
)
def test_misuse_is_exit_code_two(words):
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "Usage:" in result.stderr


def test_damage_in_the_middle_is_coloured_reported_and_exit_code_three(vidcolor, tmp_path):
    film = make_film(tmp_path / "in.mkv", count=60, width=320, height=240, options={"g": "5"})
    content = bytearray(film.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 800] = np.random.default_rng(0).bytes(800)
    film.write_bytes(content)
    result = vidcolor("run", film, tmp_path / "out.mkv", "--json", "--codec", "ffv1", expect=3)
    (report,) = json.loads(result.stdout)
    assert report["losses"] and " s: " in report["losses"][0]
    assert report["frames"] > 40
    assert "Damaged:" in result.stderr


def test_models_and_info(vidcolor, film):
    listed = json.loads(vidcolor("models", "--json").stdout)
    assert all(meta["arch"] and meta["name"] for meta in listed)
    streams = json.loads(vidcolor("info", film, "--json").stdout)["streams"]
    assert [stream["kind"] for stream in streams] == ["video", "audio"]
    assert "64x48 yuv420p" in vidcolor("info", film).stdout
    environment = json.loads(vidcolor("info", "--env", "--json").stdout)
    assert environment["processor"] and 1 <= environment["cpu_count"] <= os.cpu_count()
    assert environment["devices"][-1] == "cpu" and "libx264" in environment["encoders"]
    assert "torch" in vidcolor("info", "--env").stdout


def test_help_answers_without_torch():
    code = (
        "import sys; from vidcolor.cli import main; main(['run', '--help'], standalone_mode=False); "
        "sys.exit('torch' in sys.modules or 'av' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def long_film(tmp_path_factory):
    return make_film(tmp_path_factory.mktemp("long") / "in.mp4", count=3000, width=160, height=120)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals for a process of its own")
@pytest.mark.parametrize("name, code", [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_being_interrupted_leaves_no_partial_and_says_so(model, long_film, tmp_path, name, code):
    number = getattr(signal, name)
    command = [sys.executable, "-m", "vidcolor", "run", long_film, tmp_path / "out.mp4", "--model", model, *PLAIN]
    heed = partial(signal.signal, number, signal.SIG_DFL)  # a shell's background jobs are told to ignore some
    process = subprocess.Popen(command, stderr=subprocess.PIPE, cwd=Path(__file__).parents[1], preexec_fn=heed)
    waited = time.monotonic()
    while not names(tmp_path) and time.monotonic() - waited < 60:
        time.sleep(0.05)
    assert any("partial" in name for name in names(tmp_path))
    process.send_signal(number)
    time.sleep(0.02)
    process.send_signal(number)  # impatience changes nothing
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert stderr.decode().strip() == "Interrupted: nothing half-finished was left behind."
    assert names(tmp_path) == []


@pytest.mark.parametrize("given", ["1e18", "1e999999999", "-1", "1/3", "1:2:3:4", "nan", "99999999"])
def test_what_is_no_time_is_refused(vidcolor, film, tmp_path, given):
    assert "is no time" in vidcolor("run", film, tmp_path / "out.mp4", "--start", given, expect=2).stderr


def test_shots_in_colour_are_kept_when_asked_and_named(vidcolor, tmp_path):
    shots = [glide(name, 5, 96, 128) for name in ("astronaut", "coffee", "rocket")]
    shots[2] = shots[2].mean(1, keepdim=True).expand(-1, 3, -1, -1)
    film = write_film(tmp_path / "in.mkv", torch.cat(shots))
    result = vidcolor("run", film, tmp_path / "out.mkv", "--keep-color", "auto", "--codec", "ffv1", "--json")
    assert json.loads(result.stdout)[0]["shots_in_color"] == [{"start": 0.0, "end": 0.2}, {"start": 0.2, "end": 0.4}]
    assert "In colour already and kept, 2 shots: 0.000 s to 0.400 s" in result.stderr
    assert json.loads(vidcolor("run", film, tmp_path / "all.mkv", "--json").stdout)[0]["shots_in_color"] == []
