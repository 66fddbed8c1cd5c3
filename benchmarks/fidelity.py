"""What a run keeps of a film beside its colour: frames, times, sound, luma.

    python benchmarks/fidelity.py FILMS... [--model M] [--codec ffv1] [--suffix .mkv] [--json FILE]

Every film is coloured with default settings into a temporary folder and compared with its source: frame counts;
timestamps, once a common offset is taken off, in ticks of the output; the offset between sound and picture; audio
packets byte for byte; with a lossless codec, the decoded luma bit for bit.
"""

import argparse
import hashlib
import json
import tempfile
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import av
import torch

from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.video import Encoding, open_reader


@dataclass(frozen=True)
class Fidelity:
    film: str
    frames: int
    frames_written: int
    worst_time_error_ticks: float
    """Of the output's time base."""
    sound_offset_error_ms: float | None
    """Of the first packet of the first track; None without sound."""
    sound_is_identical: bool
    luma_is_identical: bool | None
    """None where the codec is lossy."""
    fps: float
    warnings: tuple[str, ...]

    @property
    def is_faithful(self) -> bool:
        return (
            self.frames == self.frames_written
            and self.worst_time_error_ticks <= 1
            and abs(self.sound_offset_error_ms or 0) <= 1
            and self.sound_is_identical
            and self.luma_is_identical is not False
        )


@dataclass(frozen=True)
class Contents:
    """What is compared of a file."""

    times: list[Fraction]
    tick: Fraction
    luma: str
    sound: list[str]
    first_sound: Fraction | None


def examine(film: Path) -> Contents:
    digest, times = hashlib.sha256(), []
    with open_reader(film) as reader:
        for batch in reader.batches(8):
            digest.update(batch.luma.to(torch.int32).numpy().tobytes())
            times += [pts * reader.info.time_base for pts in batch.pts]
        tick = reader.info.time_base
    sound, first = [], None
    with av.open(str(film)) as container:
        for stream in container.streams.audio:
            track = hashlib.sha256()
            for packet in container.demux(stream):
                if packet.size:
                    track.update(bytes(packet))
                    if first is None and packet.pts is not None:
                        first = packet.pts * stream.time_base
            sound.append(track.hexdigest())
            container.seek(0)
    return Contents(times, tick, digest.hexdigest(), sound, first)


def compare(film: Path, coloured: Path, *, lossless: bool, fps: float, warnings: tuple[str, ...]) -> Fidelity:
    before, after = examine(film), examine(coloured)
    pairs = zip(before.times, after.times, strict=False)
    shifts = [written - original - (after.times[0] - before.times[0]) for original, written in pairs]
    offset = None
    if before.first_sound is not None and after.first_sound is not None:
        gap = (after.first_sound - after.times[0]) - (before.first_sound - before.times[0])
        offset = float(gap * 1000)
    return Fidelity(
        film=film.name,
        frames=len(before.times),
        frames_written=len(after.times),
        worst_time_error_ticks=float(max(abs(shift) for shift in shifts) / after.tick),
        sound_offset_error_ms=offset,
        sound_is_identical=before.sound == after.sound,
        luma_is_identical=before.luma == after.luma if lossless else None,
        fps=fps,
        warnings=warnings,
    )


def colour_and_compare(film: Path, colorizer: Colorizer, codec: str, suffix: str | None) -> Fidelity:
    with tempfile.TemporaryDirectory() as folder:
        coloured = Path(folder) / f"coloured{suffix or film.suffix}"
        report = colorize_video(film, coloured, colorizer, RunSettings(encoding=Encoding(codec)))
        fps = report.frames / report.seconds
        return compare(film, coloured, lossless=codec == "ffv1", fps=round(fps, 2), warnings=report.warnings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="+", type=Path)
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--codec", default="libx264")
    parser.add_argument("--suffix", help="of the output; default: the film's own")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    colorizer = load_colorizer(options.model)
    results = []
    for film in options.films:
        result = colour_and_compare(film, colorizer, options.codec, options.suffix)
        print("ok " if result.is_faithful else "BAD", result, flush=True)
        results.append(result)
    print(f"{sum(result.is_faithful for result in results)} of {len(results)} films are faithful")
    if options.json:
        options.json.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")


if __name__ == "__main__":
    main()
