"""Kills one run again and again: does the film come out as if nothing had happened?

    python benchmarks/resume.py [--kills 50] [--frames 4000] [--span 48] [--seconds 3] [--codec ffv1] [--json FILE]

A film with cuts, a long shot, frames of uneven length and two sound tracks is coloured with `resume` by processes that
are killed (SIGKILL) at random moments until the last one may finish: up to so many seconds after their start or, since
most would die while they load the model, three times out of four after their first packets. Once, nothing is killed.
Both films are decoded and compared frame by frame, times and sound packets, too, and no finished span's file may ever
be written again. Spans are made shorter than usual, so that there are more joints.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

TICK = Fraction(1, 1000)
HEIGHT, WIDTH = 48, 64
LONG, SHORT = 600, 90
"""Frames of the long shots and of the others."""


def make_film(path: Path, frames: int, seed: int) -> None:
    """Blurred noise under a moving camera, new at every cut; frames last 20 to 89 ms; AAC and MP3."""
    chance = np.random.default_rng(seed)
    times = chance.integers(20, 90, frames).cumsum()
    with av.open(str(path), "w") as output:
        picture: Any = output.add_stream("ffv1", 25, width=WIDTH, height=HEIGHT, time_base=TICK)
        picture.pix_fmt = "yuv420p"
        sounds: list[Any] = [output.add_stream(codec, 48_000, layout="stereo") for codec in ("aac", "mp3")]
        left = 0
        for number, pts in enumerate(times.tolist()):
            if left == 0:
                noise = chance.normal(128, 300, (2 * HEIGHT, WIDTH + 2 * LONG))
                left = length = LONG if number == 0 or chance.random() < 0.2 else SHORT
                scene = cv2.GaussianBlur(noise, (0, 0), 6).clip(16, 235).astype(np.uint8)
            place, left = length - left, left - 1
            frame = av.VideoFrame.from_ndarray(scene[place // 20 :][:HEIGHT, place : place + WIDTH].copy(), "gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = pts, TICK
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))
        for stream in sounds:
            wave = chance.integers(-3000, 3000, (1, int(times[-1]) * 96), np.int16)
            sound = av.AudioFrame.from_ndarray(wave, "s16", "stereo")
            sound.sample_rate, sound.time_base, sound.pts = 48_000, Fraction(1, 48_000), 0
            output.mux(stream.encode(sound))
            output.mux(stream.encode(None))


def colour(film: Path, target: Path, codec: str, span: int, report: Path) -> None:
    """What is killed."""
    import torch

    import vidcolor.resume.spans
    from vidcolor import Encoding, RunSettings, colorize_video, load_colorizer

    torch.set_num_threads(1)
    vidcolor.resume.spans.SPAN = span
    settings = RunSettings(encoding=Encoding(codec), resume=True)
    done = colorize_video(film, target, load_colorizer(device="cpu", work_size=64), settings)
    report.write_text(json.dumps(asdict(done)))


def finished(target: Path) -> dict[str, int]:
    """The file of every finished span, and when it was written, in nanoseconds."""
    journal = packets(target, 0).with_name("journal.json")
    spans = json.loads(journal.read_text())["spans"] if journal.exists() else []
    files = [packets(target, number) for number in range(len(spans))]
    return {file.name: file.stat().st_mtime_ns for file in files}


def packets(target: Path, number: int) -> Path:
    return target.with_name(f".{target.name}.vidcolor") / f"{number:06d}.packets"


def wait_for_new(file: Path, process: Any) -> None:
    """Until the process, which has just been started, writes the file; a killed one may have left another there."""
    begun = time.time()
    while process.is_alive() and not (file.exists() and file.stat().st_mtime > begun):
        time.sleep(0.02)


def contents(film: Path) -> dict[str, Any]:
    """Times and digests of all frames; of every sound track, times and digests of all packets."""
    with av.open(str(film)) as container:
        shown = [(frame.pts, _digest(frame.to_ndarray().tobytes())) for frame in container.decode(video=0)]
    with av.open(str(film)) as container:
        tracks: dict[int, list[tuple[int | None, str]]] = {stream.index: [] for stream in container.streams.audio}
        for packet in container.demux(*container.streams.audio):
            if packet.size:
                tracks[packet.stream.index].append((packet.pts, _digest(bytes(packet))))
    return {"frames": shown, "sound": list(tracks.values())}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def kill_often(options: argparse.Namespace, film: Path, target: Path, report: Path) -> dict[str, Any]:
    """One run in as many processes as it takes; what was seen after every kill."""
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["torch", "vidcolor.pipeline"])
    chance, seen, again, after_kill = random.Random(options.seed), dict[str, int](), 0, []
    while len(after_kill) < options.kills:
        process = processes.Process(target=colour, args=(film, target, options.codec, options.span, report))
        process.start()
        if chance.random() < 0.75:
            wait_for_new(packets(target, len(seen)), process)
        process.join(chance.uniform(0, options.seconds))
        if process.exitcode is not None:
            sys.exit(
                f"the run ended after {len(after_kill)} kills, exit code {process.exitcode}: give it more --frames"
            )
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        now = finished(target)
        again += sum(now.get(name) != written for name, written in seen.items())
        seen = now
        after_kill.append(len(seen))
        print(f"kill {len(after_kill)}: {len(seen)} spans are finished", flush=True)
    process = processes.Process(target=colour, args=(film, target, options.codec, options.span, report))
    process.start()
    process.join()
    return {"spans_after_kill": after_kill, "spans_done_again": again}


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    film, straight, target = (folder / name for name in ("film.mkv", "straight.mkv", "killed.mkv"))
    make_film(film, options.frames, options.seed)
    kills = kill_often(options, film, target, folder / "killed.json")
    colour(film, straight, options.codec, options.span, folder / "straight.json")
    killed, whole = (json.loads((folder / f"{name}.json").read_text()) for name in ("killed", "straight"))
    source, ours, theirs = (contents(path) for path in (film, target, straight))
    sound = [[digest for _, digest in track] for track in source["sound"]]
    frames = list(zip(ours["frames"], theirs["frames"], source["frames"], strict=True))
    return {
        "kills": len(kills["spans_after_kill"]),
        **kills,
        "frames": killed["frames"],
        "shots": killed["shots"],
        "frames_that_differ": sum(one[1] != other[1] for one, other, _ in frames),
        "times_that_differ": sum(one[0] != other[0] for one, other, _ in frames),
        "times_unlike_the_source": sum(one[0] != given[0] for one, _, given in frames),
        "sound_packets": [len(track) for track in sound],
        "sound_is_there_once": [[digest for _, digest in track] for track in ours["sound"]] == sound,
        "sound_is_that_of_the_whole_run": ours["sound"] == theirs["sound"],
        "kept_spans": killed["kept_spans"],
        "kept_frames": killed["kept_frames"],
        "reports_agree": all(killed[name] == whole[name] for name in ("frames", "shots", "losses", "warnings")),
        "left_behind": sorted(path.name for path in folder.iterdir() if path.name.startswith(".")),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--frames", type=int, default=4000)
    parser.add_argument("--span", type=int, default=48)
    parser.add_argument("--seconds", type=float, default=3, help="longest life left to a process that is killed")
    parser.add_argument("--codec", default="ffv1")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = run(options, Path(folder))
    settings = {name: value for name, value in vars(options).items() if name != "json"}
    machine = {"cores": os.cpu_count(), **{name: version(name) for name in ("vidcolor", "torch", "av")}}
    result = {"settings": settings, "machine": machine, **found, "minutes": round((time.monotonic() - started) / 60, 1)}
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
