"""Damaged files by the thousand: every one must end in success or in a VidcolorError, in time and in bounded memory.

    python -m benchmarks.fuzz [--cases 20000] [--seed 0] [--from DIR] [--only N ...] [--json FILE]

Each case takes one file of DIR or one clip made in code, cuts it off, turns bytes over or splices it, and gives it to
`colorize_video` (a stub colorizer, at most 8 frames), to `preview` or to `probe`. A case is known by the seed and its
number: `--only` does it again. Cases run in a process that is used over and over; one that hangs or dies is replaced.
"""

import argparse
import faulthandler
import json
import multiprocessing
import os
import platform
import random
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from multiprocessing.connection import Connection
from pathlib import Path

import av
import cv2
import numpy as np
import PIL
import torch

from benchmarks.stub import stub_colorizer
from tests import bombs, clips
from vidcolor import pipeline
from vidcolor.errors import VidcolorError
from vidcolor.frames import FrameBatch
from vidcolor.preview import preview
from vidcolor.smooth import Smoother
from vidcolor.video import Encoding, Limits, Span, StillReader, VideoReader, holds_one_picture, open_reader, probe

FRAMES = 8
SECONDS = 20
"""That a case may take."""
MEGABYTES = 1024
"""That a case may take on top of what the process had before."""
LIMITS = Limits(pixels=8_000_000)
LARGE = 15_000
"""Bytes from which a source is drawn once for every ten times that a small one is: it decodes as much slower."""
CASES_A_PROCESS = 1000
QUICK = Encoding("libx264", 30, "ultrafast")
FILMS = {".mp4": QUICK, ".mov": QUICK, ".ts": QUICK, ".mkv": Encoding("ffv1")}
STILLS = (".png", ".jpg", ".tif", ".webp")
SOUND = "success"


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    case: int
    source: str
    damage: str
    command: str
    result: str
    """`success`, the name of a VidcolorError, or what must not be."""
    message: str
    seconds: float
    megabytes: int
    """By which the process grew at its peak."""

    @property
    def is_wrong(self) -> bool:
        return self.result != SOUND and not self.result.endswith("Error")


def make_sources(folder: Path) -> list[Path]:
    """Small clips and pictures of every kind, in a stable order."""
    tones, lines = [clips.Tone(seconds=0.3), clips.Tone(codec="mp3", seconds=0.3)], [clips.Line(0, 200, "A line")]
    texts = {"metadata": {"title": "A film"}, "chapters": [(0, 100, "One"), (100, 300, "Two")]}
    small = {"count": 8, "width": 48, "height": 32}
    clips.make_film(folder / "sound.mp4", tones=tones, **texts, **small)
    clips.make_film(folder / "words.mp4", lines=lines, tones=tones[:1], **small)
    clips.make_film(folder / "words.mkv", lines=lines, tones=tones, **texts, **small)
    clips.make_film(folder / "fragments.mp4", container_options={"movflags": "frag_keyframe+empty_moov"}, **small)
    clips.make_film(folder / "b_frames.mov", options={"bf": "2"}, **small)
    clips.make_film(folder / "intra.ts", codec="mpeg2video", tones=[clips.Tone("mp2", seconds=0.3)], **small)
    clips.make_film(folder / "hevc.mp4", codec="libx265", options={"x265-params": "log-level=error"}, count=8)
    clips.make_film(folder / "vp9.webm", codec="libvpx-vp9", **small)
    clips.make_film(folder / "ten.mkv", codec="ffv1", pix_fmt="yuv422p10le", **small)
    clips.make_film(folder / "grey.avi", codec="ffv1", pix_fmt="gray", **small)
    clips.make_film(folder / "rgb.mov", codec="qtrle", pix_fmt="rgb24", **small)
    clips.make_film(folder / "mjpeg.avi", codec="mjpeg", pix_fmt="yuvj420p", **small)
    clips.make_film(folder / "prores.mov", codec="prores_ks", pix_fmt="yuv422p10le", **small)
    clips.make_film(folder / "variable.mkv", pts=[0, 40, 45, 200, 900, 905, 910, 2000], time_base=Fraction(1, 1000))
    clips.make_film(folder / "turned.mp4", matrix=(0, 65536, 0, -65536, 0, 0, 0, 0, 1073741824), **small)
    bombs.gif(folder / "animated.gif", 20, 16)
    picture = np.dstack([clips.pattern(1, 32, 40)[0]] * 3)
    exif = PIL.Image.Exif()
    exif[274] = 6
    for name, options in {
        "a.jpg": {"exif": exif},
        "b.png": {"exif": exif},
        "c.webp": {},
        "d.tif": {},
        "e.bmp": {},
    }.items():
        clips.make_picture(folder / name, picture, **options)
    clips.make_picture(folder / "deep.png", clips.pattern(1, 32, 40, 16)[0])
    clips.make_picture(folder / "deep.tif", clips.pattern(1, 32, 40, 16)[0])
    pictures = [PIL.Image.fromarray(np.roll(picture, 3 * shift, axis=1)) for shift in range(3)]
    for name in ("animated.webp", "animated.png"):
        pictures[0].save(folder / name, save_all=True, append_images=pictures[1:], duration=[40, 60, 100])
    return sorted(folder.iterdir())


def damage(data: bytes, others: Sequence[Path], dice: random.Random) -> tuple[bytes, str]:
    """The bytes cut off, turned over or spliced, and which of it."""
    kind = dice.choice(("cut", "bits", "bytes", "header", "splice", "drop", "repeat", "stranger"))
    broken = bytearray(data)
    if kind == "cut":
        del broken[dice.randrange(len(broken)) :]
    elif kind in ("bits", "bytes", "header"):
        reach = min(len(broken), 2048) if kind == "header" else len(broken)
        # An MP4's index lies at either end.
        base = len(broken) - reach if kind == "header" and dice.random() < 0.5 else 0
        for _ in range(dice.choice((1, 2, 8, 64))):
            place = base + dice.randrange(reach)
            turned = broken[place] ^ 1 << dice.randrange(8)
            broken[place] = turned if kind == "bits" else dice.choice((0, 255, 127, dice.randrange(256)))
    else:
        start, length = dice.randrange(len(broken)), dice.choice((1, 4, 16, 256, 4096))
        piece = broken[start : start + length]
        if kind == "drop":
            del broken[start : start + length]
        elif kind == "repeat":
            broken[start:start] = piece * dice.choice((1, 2, 50))
        elif kind == "stranger":
            other = dice.choice(others).read_bytes()
            place = dice.randrange(len(other))
            broken[start : start + length] = other[place : place + length]
        else:
            place = dice.randrange(len(broken))
            broken[place : place + length] = piece
    return bytes(broken), kind


def few_frames(source: Path, span: Span, limits: Limits) -> VideoReader | StillReader:
    """A reader that comes to its end early; takes the place of the pipeline's."""
    reader = open_reader(source, span, limits)
    whole = reader.batches

    def batches(size: int, skip: int = 0, *, own_chroma: bool = False) -> Iterator[FrameBatch]:
        done = 0
        for batch in whole(min(size, FRAMES), skip, own_chroma=own_chroma):
            yield batch
            done += len(batch)
            if done >= FRAMES:
                return

    reader.batches = batches  # type: ignore[method-assign]
    return reader


class Bench:
    """Does cases, in a folder of its own."""

    def __init__(self, sources: Sequence[Path], seed: int, folder: Path):
        self.sources, self.seed, self.folder = sources, seed, folder
        self.weights = [1 if source.stat().st_size >= LARGE else 10 for source in sources]
        self.colorizer = stub_colorizer()

    def draw(self, case: int) -> tuple[random.Random, Path]:
        dice = random.Random(f"{self.seed} {case}")
        return dice, dice.choices(self.sources, self.weights)[0]

    def do(self, case: int) -> Outcome:
        dice, source = self.draw(case)
        data, kind = damage(source.read_bytes(), self.sources, dice)
        path = self.folder / f"in{source.suffix}"
        path.write_bytes(data)
        command = dice.choices(("run", "span", "preview", "probe"), (8, 1, 1, 1))[0]
        threads, before = threading.active_count(), reset_peak()
        started = time.monotonic()
        result, message = self._try(command, path, dice)
        seconds, grown = time.monotonic() - started, (peak() - before) // 1024
        left = [found.name for found in self.folder.iterdir() if ".partial-" in found.name]
        if result == SOUND and (left or threading.active_count() > threads):
            result, message = "something left behind", f"{left}, {threading.enumerate()}"
        if grown > MEGABYTES:
            result, message = "too much memory", f"{grown} MB, {result}: {message}"
        for found in self.folder.iterdir():
            found.unlink()
        return Outcome(case, source.name, kind, command, result, message, round(seconds, 3), grown)

    def _try(self, command: str, path: Path, dice: random.Random) -> tuple[str, str]:
        try:
            if command == "probe":
                probe(path, LIMITS)
            elif command == "preview":
                preview(path, self.folder / "sheet.png", self.colorizer, count=3, limits=LIMITS)
            else:
                suffix = dice.choice(STILLS if holds_one_picture(path) else sorted(FILMS))
                settings = pipeline.RunSettings(
                    smoother=Smoother(dice.choice((0, 0, 0, 0.9))),
                    span=Span(Fraction(1, 10), Fraction(1)) if command == "span" else Span(),
                    limits=LIMITS,
                    encoding=FILMS.get(suffix, QUICK),
                )
                pipeline.colorize_video(path, self.folder / f"out{suffix}", self.colorizer, settings)
        except VidcolorError as error:
            message = str(error).replace(str(self.folder), "")
            return "two lines" if "\n" in message else type(error).__name__, message
        except Exception:
            return "traceback", traceback.format_exc().replace(str(self.folder), "")
        return SOUND, ""


def reset_peak() -> int:
    """Kilobytes resident now, from where the peak is counted on."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def work(pipe: Connection, sources: Sequence[Path], seed: int) -> None:
    """The life of one process: cases come in, outcomes go out."""
    torch.set_num_threads(1)
    faulthandler.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(dir=_ram()) as folder, open(os.devnull, "w") as silence:
        os.dup2(silence.fileno(), 2)
        pipeline.open_reader = few_frames  # type: ignore[assignment]
        bench = Bench(sources, seed, Path(folder))
        while (case := pipe.recv()) is not None:
            pipe.send(bench.do(case))


def _ram() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Workshop:
    """One process at a time, replaced when it is worn out, hangs or dies."""

    def __init__(self, sources: Sequence[Path], seed: int):
        self.sources, self.seed = sources, seed
        self.describe = Bench(sources, seed, Path()).draw
        self.process: multiprocessing.Process | None = None

    def do(self, case: int) -> Outcome:
        if self.process is None or self.done >= CASES_A_PROCESS:
            self._replace()
        self.done += 1
        self.pipe.send(case)
        started = time.monotonic()
        try:
            if self.pipe.poll(SECONDS):
                return self.pipe.recv()
            result = "hang"
        except EOFError:
            result = "crash"
        seconds = round(time.monotonic() - started, 3)
        code = self.close()
        name = f"signal {-code}" if code and code < 0 else f"exit {code}"
        return Outcome(case, self.describe(case)[1].name, "", "", result, name if result == "crash" else "", seconds, 0)

    def _replace(self) -> None:
        self.close()
        context = multiprocessing.get_context("fork")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, self.sources, self.seed), daemon=True)
        self.process.start()
        theirs.close()
        self.done = 0

    def close(self) -> int | None:
        """Ends the process; its exit code."""
        if self.process is None:
            return None
        if self.process.is_alive() and self.done:
            self.process.kill()
        self.process.join()
        code, self.process = self.process.exitcode, None
        return code


def run_cases(sources: Sequence[Path], cases: Sequence[int], seed: int) -> Iterator[Outcome]:
    """The outcome of every case, in order."""
    workshop = Workshop(sources, seed)
    try:
        for case in cases:
            yield workshop.do(case)
    finally:
        workshop.close()


def find_sources(folder: Path | None, made: Path) -> list[Path]:
    """The files of a folder, if any, and the clips that are made."""
    found = sorted(path for path in folder.iterdir() if path.suffix != ".md") if folder else []
    return found + make_sources(made)


def summarize(outcomes: Sequence[Outcome], seed: int, seconds: float) -> dict[str, object]:
    """What is kept of them all."""
    return {
        "command": "python -m benchmarks.fuzz",
        "seed": seed,
        "cases": len(outcomes),
        "wrong": sum(outcome.is_wrong for outcome in outcomes),
        "outcomes": dict(Counter(outcome.result for outcome in outcomes).most_common()),
        "outcomes_of_damage": {
            kind: dict(Counter(o.result for o in outcomes if o.damage == kind).most_common())
            for kind in sorted({outcome.damage for outcome in outcomes})
        },
        "cases_of_source": dict(sorted(Counter(outcome.source for outcome in outcomes).items())),
        "failures": [asdict(outcome) for outcome in outcomes if outcome.is_wrong],
        "slowest": [asdict(o) for o in sorted(outcomes, key=lambda o: -o.seconds)[:3]],
        "most_memory": [asdict(o) for o in sorted(outcomes, key=lambda o: -o.megabytes)[:3]],
        "limits": {"seconds": SECONDS, "megabytes": MEGABYTES, "frames": FRAMES, "pixels": LIMITS.pixels},
        "took_minutes": round(seconds / 60, 1),
        "versions": {
            "av": av.__version__,
            "ffmpeg": av.ffmpeg_version_info,
            "pillow": PIL.__version__,
            "opencv": cv2.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "machine": f"{platform.system()} {platform.machine()}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="folder", type=Path)
    parser.add_argument("--only", type=int, nargs="+")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    started, outcomes = time.monotonic(), []
    with tempfile.TemporaryDirectory(dir=_ram()) as made:
        sources = find_sources(options.folder, Path(made))
        for outcome in run_cases(sources, options.only or range(options.cases), options.seed):
            outcomes.append(outcome)
            if outcome.is_wrong or options.only:
                print(outcome.case, outcome.source, outcome.damage, outcome.command, outcome.result, flush=True)
                print(outcome.message, flush=True)
            if len(outcomes) % 500 == 0:
                print(len(outcomes), dict(Counter(o.result for o in outcomes)), flush=True)
    summary = summarize(outcomes, options.seed, time.monotonic() - started)
    if options.json:
        options.json.write_text(json.dumps(summary, indent=1) + "\n")
    sys.exit(1 if summary["wrong"] else 0)


if __name__ == "__main__":
    main()
