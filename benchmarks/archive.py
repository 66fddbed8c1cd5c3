"""What an archive takes: processors or cards, hours and storage, reckoned from what films take.

    python benchmarks/archive.py --measure FILM... [--repeats 3] [--json results/archive.json]
    python benchmarks/archive.py [--hours 100000] [--rate 24]      # the tables of docs/archive.md

Measured is the time of the processors, summed over all cores, that `colorize_video` needs for each film with the
default settings, model loaded and warmed up, and the size of what it writes. Where other work runs beside, the clock
would tell that, too; processor time hardly does. Where results/speed--ratio--*.json of benchmarks/speed.py are at hand,
what they measured by the clock is reckoned on as well.
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
HOUR, YEAR = 3600, 365 * 24 * 3600
PACES = (50, 100, 200, 400, 800)
"""Frames a second of one card or machine, for those that nobody has measured."""


@dataclass(frozen=True)
class Archive:
    """So much film, as the tables reckon with."""

    hours: int = 100_000
    rate: int = 24

    @property
    def frames(self) -> int:
        return self.hours * HOUR * self.rate


def measure(film: Path, target: Path, colorizer: Any, repeats: int) -> dict[str, Any]:
    """What one film takes."""
    from vidcolor import RunSettings, colorize_video
    from vidcolor.video import open_reader

    seconds, report = [], None
    for _ in range(repeats + 1):
        begun = time.process_time()
        report = colorize_video(film, target, colorizer, RunSettings(overwrite=True))
        seconds.append(time.process_time() - begun)
    assert report is not None
    with open_reader(film) as reader:
        size = [reader.info.width, reader.info.height]
    return {
        "film": film.name,
        "size": size,
        "frames": report.frames,
        "core_seconds": seconds[1:],
        "bytes_read": film.stat().st_size,
        "bytes_written": target.stat().st_size,
    }


def measure_all(films: list[Path], repeats: int) -> dict[str, Any]:
    from vidcolor import load_colorizer
    from vidcolor.environment import describe_environment

    colorizer = load_colorizer(device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        found = [measure(film, Path(folder) / "out.mp4", colorizer, repeats) for film in films]
    return {"model": colorizer.meta.name, "films": found, "environment": asdict(describe_environment())}


def tabulate_films(measured: dict[str, Any], archive: Archive) -> str:
    """A row a film: what the archive would take if it were all like it."""
    rows = []
    for film in measured["films"]:
        seconds = statistics.median(film["core_seconds"]) / film["frames"]
        written, read = (film[name] / film["frames"] for name in ("bytes_written", "bytes_read"))
        rows.append(
            (
                film["film"],
                "x".join(map(str, film["size"])),
                f"{seconds:.3f}",
                f"{1 / seconds:.1f}",
                f"{archive.frames * seconds / HOUR / 1e6:.2f}",
                f"{archive.frames * seconds / YEAR:.0f}",
                f"{archive.frames * read / 1e12:.1f}",
                f"{archive.frames * written / 1e12:.1f}",
            )
        )
    head = ("film", "size", "core s a frame", "frames/s a core", "million core hours", "core years", "TB in", "TB out")
    return _table(head, rows)


def tabulate_paces(archive: Archive, paces: tuple[int, ...] = PACES) -> str:
    """A row a pace: how long one process takes, and how many have it done in a month and in a year."""
    rows = []
    for pace in paces:
        seconds = archive.frames / pace
        needed = [f"{-(-seconds // span):.0f}" for span in (YEAR / 12, YEAR)]
        rows.append((str(pace), f"{seconds / HOUR:,.0f}".replace(",", " "), f"{seconds / YEAR:.1f}", *needed))
    return _table(("frames/s of one", "hours of one", "years of one", "needed for a month", "for a year"), rows)


def tabulate_speed(speed: dict[str, Any], archive: Archive) -> str:
    """A row a report of benchmarks/speed.py: the same by the clock, of one machine or card with nothing else to do."""
    rows = []
    for name, report in speed["reports"].items():
        ms = report["vidcolor"]["ms"]["median"]
        share = report["ratio"]["median"]
        years = archive.frames * ms / 1000 / YEAR
        rows.append((name, report["device"], f"{1000 / ms:.1f}", f"{share:.2f}", f"{years:.1f}"))
    return _table(("film", "device", "frames/s", "of the transcode's speed", "years of one machine"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" if column < 1 else "---:" for column in range(len(head))), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", nargs="+", type=Path, metavar="FILM")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--hours", type=int, default=Archive.hours)
    parser.add_argument("--rate", type=int, default=Archive.rate)
    parser.add_argument("--json", type=Path, default=RESULTS / "archive.json")
    options = parser.parse_args()
    if options.measure:
        options.json.write_text(json.dumps(measure_all(options.measure, options.repeats), indent=2) + "\n")
    archive = Archive(options.hours, options.rate)
    print(f"{archive.frames / 1e9:.2f} thousand million frames\n")
    print(tabulate_films(json.loads(options.json.read_text("utf-8")), archive))
    print(tabulate_paces(archive))
    for file in sorted(RESULTS.glob("speed--ratio--*.json")):
        print(tabulate_speed(json.loads(file.read_text("utf-8")), archive))


if __name__ == "__main__":
    main()
