"""How fast films are coloured beside a plain transcode, and how cost grows with length, height and batch.

    python benchmarks/speed.py [--only PART...] [--films FILM...] [--model M] [--device D] [--repeats 5] [--name NAME]
    python benchmarks/speed_page.py         # the tables of docs/speed.md, from what is there

Parts: `ratio` is `vidcolor bench` at two heights in every variant; `length`, `height` and `batch` colour films that
differ in nothing else, in turns; `plain` sets the transcode that all is measured by beside a bare loop over PyAV. Each
writes results/speed--PART--NAME.json; NAME is the kind of device unless given. All films are made up, but those that
the ratio is given.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from operator import truediv
from pathlib import Path
from typing import Any

import av
import torch

from vidcolor.bench import BenchReport, BenchSettings, Load, bench, colorize_afresh, first_frames
from vidcolor.colorizer import load_colorizer
from vidcolor.environment import Environment, describe_environment
from vidcolor.peak import Peak, measure_peak
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.timing import Cost, Spread, measure_in_turns
from vidcolor.video import Encoding, make_specimen, transcode

RESULTS = Path(__file__).parent / "results"

VARIANTS: dict[str, dict[str, Any]] = {
    "every frame": {},
    "--fast": {"fast": True},
    "--runtime torch": {"runtime": "torch"},
}
"""What the ratio is measured of -> how the model is then loaded."""
FRAMES_AT = {480: 720, 1080: 360}
"""Height -> frames of the films for the ratio."""
LENGTHS, HEIGHTS, BATCHES = (80, 160, 320), (270, 540, 1080), (1, 2, 4, 8)
LINES, FRAMES = 270, 48
"""Of the films where these are not what grows."""


@dataclass(frozen=True)
class Ratios:
    """The film, or the height of the one made up, and the variant -> what was found."""

    reports: dict[str, BenchReport]


@dataclass(frozen=True)
class Point:
    """One film of those that differ in one thing."""

    value: int
    """Its length, its height, or the batch."""
    frames: int
    cost: Cost
    peak: Peak


@dataclass(frozen=True)
class Growth:
    """What it costs to have more of something."""

    points: tuple[Point, ...]
    model: str
    device: str
    environment: Environment


@dataclass(frozen=True)
class Plain:
    """The transcode of `vidcolor bench` beside a bare loop over PyAV."""

    height: int
    frames: int
    bare: Cost
    transcode: Cost
    ratio: Spread
    """Speed of the transcode by that of the bare loop right before it."""
    environment: Environment


@dataclass(frozen=True)
class Setting:
    """What the parts are measured with."""

    load: Load
    repeats: int
    folder: Path
    films: tuple[Path, ...] = ()
    """For the ratio, in place of those made up."""

    def specimen(self, height: int, frames: int) -> Path:
        return make_specimen(self.folder / f"{height}-{frames}.mp4", height, frames)


def measure_ratio(setting: Setting) -> Ratios:
    made_up = {f"{height}p": (None, BenchSettings(most, setting.repeats, height)) for height, most in FRAMES_AT.items()}
    films = {film.name: (film, BenchSettings(repeats=setting.repeats)) for film in setting.films}
    reports = {}
    for name, (film, extent) in (films or made_up).items():
        for variant, options in VARIANTS.items():
            say(f"{name}, {variant}")
            load = partial(setting.load, **options)
            reports[f"{name}, {variant}"] = bench(film, load, None, extent, lambda step, *_: say(step))
    return Ratios(reports)


def measure_length(setting: Setting) -> Growth:
    return grow(setting, {frames: (setting.specimen(LINES, frames), RunSettings()) for frames in LENGTHS})


def measure_height(setting: Setting) -> Growth:
    return grow(setting, {height: (setting.specimen(height, FRAMES), RunSettings()) for height in HEIGHTS})


def measure_batch(setting: Setting) -> Growth:
    film = setting.specimen(LINES, FRAMES)
    return grow(setting, {size: (film, RunSettings(batch_size=size)) for size in BATCHES})


def grow(setting: Setting, films: Mapping[int, tuple[Path, RunSettings]]) -> Growth:
    """Colour all films in turns, then each once in a process of its own for the memory."""
    colorizer, target = setting.load(), setting.folder / "out.mkv"
    prepared = {value: (film, *first_frames(film, settings, max(LENGTHS))) for value, (film, settings) in films.items()}

    def colour(film: Path, settings: RunSettings) -> int:
        return colorize_video(film, target, colorizer, settings).frames

    works = {str(value): partial(colour, film, settings) for value, (film, settings, _) in prepared.items()}
    costs = measure_in_turns(works, setting.repeats, colorizer.device, say)
    points = []
    for value, (film, settings, frames) in prepared.items():
        say(f"{value}, memory")
        peak = measure_peak(partial(colorize_afresh, film, target, setting.load, settings))
        points.append(Point(value, frames, costs[str(value)], peak))
    return Growth(tuple(points), colorizer.meta.name, colorizer.place, describe_environment())


def measure_plain(setting: Setting) -> Plain:
    height, frames = 480, 144
    film, target = setting.specimen(height, frames), setting.folder / "out.mkv"
    costs = measure_in_turns(
        {"bare": partial(copy_bare, film, target), "transcode": partial(transcode, film, target, Encoding())},
        setting.repeats,
        torch.device("cpu"),
        say,
    )
    return Plain(
        height=height,
        frames=frames,
        bare=costs["bare"],
        transcode=costs["transcode"],
        ratio=Spread.of(map(truediv, costs["bare"].ms.values, costs["transcode"].ms.values)),
        environment=describe_environment(),
    )


def copy_bare(film: Path, target: Path) -> int:
    """Decode a grey film and encode the frames as they come; how many they are."""
    encoding = Encoding().fit(target.suffix)
    with av.open(str(film)) as source, av.open(str(target), "w") as output:
        picture = source.streams.video[0]
        picture.thread_type = "AUTO"
        options = encoding.options_for(encoding.find_codec())
        stream: Any = output.add_stream(encoding.codec, picture.average_rate, options)
        stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
        stream.codec_context.time_base, stream.codec_context.thread_type = picture.time_base, "AUTO"
        frames = 0
        for frame in source.decode(picture):
            frame.pict_type = 0  # else the encoder would make the same key frames
            output.mux(stream.encode(frame))
            frames += 1
        output.mux(stream.encode(None))
    return frames


PARTS: dict[str, tuple[Callable[[Setting], Any], type]] = {
    "ratio": (measure_ratio, Ratios),
    "length": (measure_length, Growth),
    "height": (measure_height, Growth),
    "batch": (measure_batch, Growth),
    "plain": (measure_plain, Plain),
}
"""Part -> how it is measured, and what its JSON is made of."""


def say(what: str) -> None:
    print(what, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--films", nargs="+", type=Path, default=())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--name")
    options = parser.parse_args()
    load = partial(load_colorizer, options.model, options.device)
    name = options.name or load().device.type
    for part in options.only:
        say(f"-- {part}")
        with tempfile.TemporaryDirectory() as folder:
            result = PARTS[part][0](Setting(load, options.repeats, Path(folder), tuple(options.films)))
        (RESULTS / f"speed--{part}--{name}.json").write_text(json.dumps(asdict(result), indent=2) + "\n")


if __name__ == "__main__":
    main()
