"""`vidcolor train` as people meet it: a model in the end, one line where something is wrong, and a way back in."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from skimage import data as photos

from tests.clips import make_film
from tests.models import make_model
from vidcolor.checkpoint import load
from vidcolor.cli import main

QUICK = ("--encoder-weights", "none", "--set", "palette_size=8", "--set", "widths=[16,16,16]", "--epochs", "1")
SMALL = ("--size", "32", "--batch-size", "2", "--workers", "0", "--device", "cpu")


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in ("astronaut", "cat", "coffee"):
        cv2.imwrite(str(folder / f"{name}.png"), getattr(photos, name)()[::2, ::2, ::-1])
    return folder


def vidcolor(*words, expect=0):
    result = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == expect, result.output
    return result


def refusal(*words):
    """What is said where the command fails: one line."""
    lines = vidcolor("train", *words, expect=1).stderr.strip().splitlines()
    assert len(lines) == 1
    return lines[0]


def test_a_trained_model_is_one_that_run_takes(pictures, tmp_path):
    out = tmp_path / "run"
    result = vidcolor("train", pictures, *QUICK, *SMALL, "--out", out, "--name", "mine", "--json")
    report = json.loads(result.stdout)
    assert (report["samples"], report["pictures"], report["left_out"]) == (3, 3, {})
    film = make_film(tmp_path / "in.mp4", count=4)
    vidcolor("run", film, tmp_path / "out.mp4", "--model", out / "model.safetensors", "--preset", "ultrafast")
    assert (tmp_path / "out.mp4").exists()


def test_sizes_are_multiples_of_the_networks_own(pictures, tmp_path):
    out, film = tmp_path / "run", make_film(tmp_path / "in.mp4", count=4)
    words = ("--network", "cnn", "--epochs", "1", *SMALL[2:], "--out", out)
    assert "must be a multiple of 8 for cnn, got 76" in refusal(pictures, *words, "--size", "76")
    vidcolor("train", pictures, *words, "--size", "72")
    words = ("run", film, tmp_path / "out.mp4", "--model", out / "model.safetensors", "--preset", "ultrafast")
    assert "must be at least 8, got 7" in vidcolor(*words, "--work-size", "7", expect=1).stderr
    vidcolor(*words, "--work-size", "8")


def test_what_cannot_teach_is_left_out_and_counted(pictures, tmp_path):
    grey = cv2.cvtColor(photos.cat(), cv2.COLOR_RGB2GRAY)
    cv2.imwrite(str(pictures / "grey.png"), grey)
    cv2.imwrite(str(pictures / "tiny.png"), photos.cat()[:8, :8])
    (pictures / "broken.jpg").write_bytes(b"no picture")
    said = vidcolor("train", pictures, *QUICK, *SMALL, "--out", tmp_path / "run").stdout
    assert "3 samples of 3 pictures" in said
    assert all(f"1 {reason}" in said.split("left out: ")[1] for reason in ("grey", "tiny", "broken"))


def test_one_picture_is_enough(tmp_path):
    cv2.imwrite(str(tmp_path / "cat.png"), photos.cat()[..., ::-1])
    assert "1 samples of 1 pictures" in vidcolor("train", tmp_path, *QUICK, *SMALL, "--out", tmp_path / "run").stdout


def test_overfitting_says_how_far_it_came(pictures, tmp_path):
    said = vidcolor("train", pictures, *QUICK, *SMALL, "--overfit-one", "--out", tmp_path / "run").stdout
    assert "64 samples of 64 pictures" in said
    assert "that grid and palette allow, more than 1 dB short" in said


def test_bad_input_is_one_line(pictures, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "grey").mkdir()
    cv2.imwrite(str(tmp_path / "grey" / "grey.png"), np.full((64, 64, 3), 90, np.uint8))
    (tmp_path / "wrong.toml").write_text("raet = 3")
    model = make_model(tmp_path / "tiny.safetensors")
    out = ("--out", tmp_path / "run")
    assert "no pictures in" in refusal(tmp_path / "empty", *QUICK, *SMALL, *out)
    assert "no colour pictures among 1: 1 grey" in refusal(tmp_path / "grey", *QUICK, *SMALL, "--out", tmp_path / "g")
    assert "unknown setting 'raet'" in refusal(pictures, "--config", tmp_path / "wrong.toml", *out)
    assert "is a fusion network, not cnn" in refusal(pictures, "--network", "cnn", "--start-from", model, *out)
    assert "unknown setting 'target': network cnn knows loss" in refusal(
        pictures, "--network", "cnn", "--target", "rgb", *out
    )
    assert "no run to resume" in refusal(pictures, "--resume", *QUICK, *SMALL, "--out", tmp_path / "nowhere")
    assert "unknown network 'fusoin'" in refusal(pictures, "--network", "fusoin", *out)


def test_a_run_goes_on_with_the_settings_it_left(pictures, tmp_path):
    out = ("--out", tmp_path / "run")
    vidcolor("train", pictures, *QUICK, *SMALL, *out)
    again = vidcolor("train", pictures, "--resume", "--epochs", 2, "--device", "cpu", *out, "--json")
    assert json.loads(again.stdout)["samples"] == 6
    assert "trains fusion, not cnn" in refusal(pictures, "--resume", "--network", "cnn", *out)
    assert "that run has seed 0, this one 1" in refusal(pictures, "--resume", "--seed", 1, *out)
    assert json.loads(vidcolor("train", pictures, "--resume", *out, "--json").stdout)["samples"] == 6


def launch(*words, ignored=()):
    def heed():  # a shell's background jobs are told to ignore some
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    command = [sys.executable, "-m", "vidcolor", "train", *map(str, words)]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}  # two threads add up in an order that differs from run to run
    apart = {"preexec_fn": heed, "start_new_session": True}
    return subprocess.Popen(command, stderr=subprocess.PIPE, cwd=Path(__file__).parents[1], env=alone, **apart)


def wait_for(pattern, folder):
    waited = time.monotonic()
    while not list(folder.glob(pattern)) and time.monotonic() - waited < 60:
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals for a process of its own")
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(pictures, tmp_path):
    settings = (*QUICK[:-1], "30", *SMALL)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    launch(pictures, *settings, "--out", whole).communicate()
    random = np.random.default_rng(0)
    for number in range(3):
        words = ("--resume",) if number else settings
        process = launch(pictures, *words, "--device", "cpu", "--out", parts)
        wait_for(f"sheets/{'?' * 7}{number + 1}*", parts)
        time.sleep(random.uniform(0, 0.3))
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        assert load(parts / "model.safetensors")[1].name == "fusion"
    launch(pictures, "--resume", "--device", "cpu", "--out", parts).communicate()
    ends = [torch.load(folder / "state.pt", weights_only=True)["learner"]["network"] for folder in (whole, parts)]
    assert all(torch.equal(tensor, ends[1][name]) for name, tensor in ends[0].items())


@pytest.mark.parametrize("name, code", [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.skipif(sys.platform == "win32", reason="no signals for a process of its own")
def test_a_run_that_is_asked_to_stop_loses_no_step(name, code, pictures, tmp_path):
    process = launch(pictures, *QUICK[:-1], "100000", *SMALL, "--out", tmp_path / "run")
    wait_for("run/sheets/*", tmp_path)
    process.send_signal(getattr(signal, name))
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == code
    assert "go on with --resume" in stderr.decode()
    state = torch.load(tmp_path / "run" / "state.pt", weights_only=True)
    steps = int(next(iter(state["learner"]["optimizer"]["state"].values()))["step"])
    assert state["counters"][0] == 3 * steps // 2 + (steps % 2)


@pytest.mark.skipif(sys.platform == "win32", reason="no signals for a group of processes")
def test_those_that_load_its_photos_are_not_stopped_before_it(pictures, tmp_path):
    """torchrun sends SIGTERM to every process of a run, and the trainer needs them for the step that it is in."""
    words = (*QUICK[:-1], "100000", *SMALL, "--out", tmp_path / "run")
    process = launch(pictures, *words, "--workers", 2)
    wait_for("run/sheets/*", tmp_path)
    os.killpg(process.pid, signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "go on with --resume" in stderr.decode()
    assert (tmp_path / "run" / "state.pt").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no signals for a process of its own")
def test_a_run_goes_on_where_it_is_told_to_ignore_a_signal(pictures, tmp_path):
    words = (*QUICK[:-1], "100000", *SMALL, "--out", tmp_path / "run")
    process = launch(pictures, *words, ignored=(signal.SIGINT, signal.SIGHUP))
    wait_for("run/sheets/*", tmp_path)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGINT):
        process.send_signal(number)
    count = len(list((tmp_path / "run" / "sheets").iterdir()))
    wait_for(f"run/sheets/?????{3 * (count + 3):04d}.png", tmp_path)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143


def test_a_source_that_is_missing_is_told_before_weights_are_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr("vidcolor.training.set_up", lambda *_, **__: pytest.fail("weights were fetched"))
    result = CliRunner().invoke(main, ["train", str(tmp_path / "none"), "--out", str(tmp_path / "out")])
    assert (result.exit_code, result.stderr) == (1, f"Error: {tmp_path / 'none'}: no such file or folder\n")
