"""A long film from end to end, made in code: memory flat, times exact at the end, sound in step, no subtitle lost.

    python benchmarks/soak.py [--minutes 120] [--variable-minutes 30] [--json FILE]

Two films of small frames, 5 a second, with cuts, sound at 48 kHz and a subtitle for every shot: one of constant rate in
Matroska, one of variable rate in MP4. The network is a stub; everything around it is what `vidcolor run` does. The
resident set is sampled after every batch.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from vidcolor.checkpoint import CheckpointMeta
from vidcolor.colorizer import Colorizer
from vidcolor.environment import describe_environment
from vidcolor.networks.base import Network
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.video import Encoding

HEIGHT, WIDTH = 48, 64
RATE = 5
SHOT = 50
"""Frames between two cuts."""
SOUND_RATE = 48_000
TICK = Fraction(1, 1000)
FLAT = 1.05
"""The resident set of the last third may be so many times that of the first."""


class Painter(Network):
    """Colours by lightness alone, with nothing to learn."""

    multiple = 1

    def encode(self, lightness: Tensor) -> tuple[Tensor, ...]:
        return (lightness,)

    def decode(self, features: tuple[Tensor, ...], context: Tensor | None = None) -> Tensor:
        return torch.cat((features[0] * 30, features[0] * -20), dim=1)

    def to_ab(self, raw: Tensor) -> Tensor:
        return raw

    loss = best_ab = None  # type: ignore[assignment]


@dataclass(frozen=True)
class Soak:
    """What became of one film."""

    film: str
    minutes: float
    frames: int
    frames_written: int
    cuts_made: int
    shots_found: int
    worst_time_error_seconds: float
    last_frame_seconds: float
    sound_packets: int
    sound_is_identical: bool
    """Every packet's bytes, time and duration."""
    subtitles: int
    subtitles_are_identical: bool
    rss_mib_by_tenth: tuple[float, ...]
    """Median resident set of every tenth of the run."""
    rss_last_third_of_first: float
    """By their medians."""
    seconds: float
    warnings: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        return (
            self.frames == self.frames_written
            and self.cuts_made == self.shots_found
            and self.worst_time_error_seconds == 0
            and self.sound_is_identical
            and self.subtitles_are_identical
            and self.rss_last_third_of_first < FLAT
        )


def frame_times(seconds: float, variable: bool) -> Iterator[int]:
    """Milliseconds of every frame; of a variable rate each lies up to 90 ms off, and no two are equally far apart."""
    random = np.random.default_rng(0)
    for number in range(round(seconds * RATE)):
        yield number * 1000 // RATE + (int(random.integers(0, 90)) if variable and number else 0)


def make_film(path: Path, seconds: float, *, variable: bool = False) -> int:
    """Write a film of shots of random blocks that drift; the number of shots."""
    random = np.random.default_rng(1)
    with av.open(str(path), "w") as output:
        picture: Any = output.add_stream("libx264", RATE, {"preset": "ultrafast"}, width=WIDTH, height=HEIGHT)
        picture.pix_fmt, picture.codec_context.time_base = "yuv420p", TICK
        sound: Any = output.add_stream("flac" if path.suffix == ".mkv" else "aac", SOUND_RATE)
        sound.codec_context.layout = "mono"
        words: Any = output.add_mux_stream("subrip" if path.suffix == ".mkv" else "mov_text", time_base=TICK)
        heard = 0
        for number, time in enumerate(frame_times(seconds, variable)):
            if number % SHOT == 0:
                scene = np.kron(random.integers(16, 236, (HEIGHT // 8, WIDTH // 8)), np.ones((8, 8))).astype(np.uint8)
                output.mux(_line(words, time, f"Shot {number // SHOT + 1}"))
            output.mux(picture.encode(_frame(np.roll(scene, number % SHOT // 4, axis=1), time)))
            while heard <= time * SOUND_RATE // 1000:
                output.mux(sound.encode(_hum(random, heard)))
                heard += SOUND_RATE // RATE
        output.mux(picture.encode(None))
        output.mux(sound.encode(None))
    return number // SHOT + 1


def _frame(luma: Any, time: int) -> av.VideoFrame:
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    for plane, samples in zip(frame.planes, (luma, 128, 128), strict=True):
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width] = samples
    frame.pts, frame.time_base = time, TICK
    return frame


def _hum(random: np.random.Generator, start: int) -> av.AudioFrame:
    count = SOUND_RATE // RATE
    wave = np.sin(np.arange(start, start + count) * 0.06) * 9000 + random.normal(0, 300, count)
    frame = av.AudioFrame.from_ndarray(wave.astype(np.int16)[None], "s16", "mono")
    frame.sample_rate, frame.time_base, frame.pts = SOUND_RATE, Fraction(1, SOUND_RATE), start
    return frame


def _line(stream: Any, time: int, text: str) -> Any:
    packet: Any = av.Packet(text.encode())
    packet.stream, packet.time_base = stream, TICK
    packet.pts = packet.dts = time
    packet.duration = 1000
    return packet


def read_times(path: Path) -> list[Fraction]:
    """Seconds of every frame, as a plain decoder shows it."""
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def read_packets(path: Path, kind: str) -> list[tuple[int, Fraction, Fraction]]:
    """(hash of the bytes, seconds, duration) of every packet of the streams of a kind."""
    with av.open(str(path)) as container:
        return [
            (hash(bytes(packet)), packet.pts * packet.time_base, packet.duration * packet.time_base)
            for packet in container.demux([stream for stream in container.streams if stream.type == kind])
            if packet.pts is not None
        ]


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def soak(path: Path, target: Path, minutes: float, *, variable: bool = False) -> Soak:
    """Make the film, colour it, compare."""
    cuts = make_film(path, minutes * 60, variable=variable)
    network = Painter()
    colorizer = Colorizer(network, CheckpointMeta("stub", "stub", {}), torch.device("cpu"), work_size=64)
    resident: list[float] = []
    settings = RunSettings(encoding=Encoding("libx264", 30, "ultrafast"))
    report = colorize_video(path, target, colorizer, settings, lambda *_: resident.append(resident_mib()))
    before, after = read_times(path), read_times(target)
    sound, subtitles = read_packets(path, "audio"), read_packets(path, "subtitle")
    third = len(resident) // 3
    return Soak(
        film=f"{'variable' if variable else 'constant'} rate, {path.suffix}",
        minutes=minutes,
        frames=len(before),
        frames_written=len(after),
        cuts_made=cuts,
        shots_found=report.shots,
        worst_time_error_seconds=float(max(abs(a - b) for a, b in zip(before, after, strict=False))),
        last_frame_seconds=float(after[-1]),
        sound_packets=len(sound),
        sound_is_identical=sound == read_packets(target, "audio"),
        subtitles=len(subtitles),
        subtitles_are_identical=subtitles == read_packets(target, "subtitle"),
        rss_mib_by_tenth=tuple(round(float(np.median(part)), 1) for part in np.array_split(resident, 10)),
        rss_last_third_of_first=round(median(resident[-third:]) / median(resident[:third]), 4),
        seconds=round(report.seconds, 1),
        warnings=report.warnings,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--variable-minutes", type=float, default=30)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix, minutes, variable in (
            (".mkv", options.minutes, False),
            (".mp4", options.variable_minutes, True),
        ):
            result = soak(Path(folder) / f"in{suffix}", Path(folder) / f"out{suffix}", minutes, variable=variable)
            print("ok " if result.is_sound else "BAD", result, flush=True)
            results.append(result)
    if options.json:
        found = {"environment": asdict(describe_environment()), "films": [asdict(result) for result in results]}
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
