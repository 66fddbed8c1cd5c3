"""Peak memory of `vidcolor run` for a short and a long version of the same film: it must not grow with the length.

    python benchmarks/memory.py FILM [--seconds 10 60] [--json FILE] [--run OPTIONS...]

The film is looped without encoding it anew. Each length runs in a process of its own; peak is its maximum resident set.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import av

CHILD = """
import resource, sys
from vidcolor.cli import main
main(sys.argv[1:], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def loop(film: Path, target: Path, seconds: float) -> None:
    """Write the picture of `film` over and over until `seconds` are full."""
    shift, last = 0, 0
    with av.open(str(target), "w") as output:
        stream = None
        while stream is None or shift * stream.time_base < seconds:
            with av.open(str(film)) as source:
                picture = source.streams.video[0]
                stream = stream or output.add_stream_from_template(picture)
                for packet in source.demux(picture):
                    if packet.dts is None:
                        continue
                    step = packet.duration
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    last = max(last, packet.pts + step)
                    packet.stream = stream
                    output.mux(packet)
            shift = last


def peak(film: Path, target: Path, *options: str) -> int:
    """Kilobytes."""
    command = [sys.executable, "-c", CHILD, "run", str(film), str(target), "--quiet", *options]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("film", type=Path)
    parser.add_argument("--seconds", nargs=2, type=float, default=(10, 60))
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--run", nargs=argparse.REMAINDER, default=[], help="what follows are options of `vidcolor run`"
    )
    options = parser.parse_args()
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for seconds in options.seconds:
            film = Path(folder) / f"{seconds:g}.mp4"
            loop(options.film, film, seconds)
            peaks[f"{seconds:g}"] = peak(film, film.with_stem(f"out{seconds:g}"), *options.run)
            print(f"{seconds:g} s: {peaks[f'{seconds:g}'] / 1024:.1f} MiB", flush=True)
    short, long = peaks.values()
    print(f"difference {long / short - 1:+.2%}")
    if options.json:
        result = {"film": options.film.name, "peak_kib": peaks, "growth": long / short - 1}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
