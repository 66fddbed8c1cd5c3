"""What colouring costs: every stage alone, and the whole beside a plain transcode of the same film."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice
from operator import truediv
from pathlib import Path
from tempfile import TemporaryDirectory

from vidcolor.colorizer import Colorizer
from vidcolor.environment import Environment, describe_environment
from vidcolor.errors import ConfigError, InputError
from vidcolor.frames import FrameBatch
from vidcolor.peak import Peak, measure_peak
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.resume import describe
from vidcolor.shots import mark_shots
from vidcolor.timing import Cost, Spread, measure_in_turns
from vidcolor.upsample import Upsampler
from vidcolor.video import (
    Span,
    StillReader,
    StillWriter,
    VideoReader,
    VideoWriter,
    make_specimen,
    open_reader,
    open_writer,
    transcode,
)

STAGES = ("decode", "shots", "network", "smooth", "upsample", "encode")
STAGE_FRAMES = 64
"""Frames, at most, that a stage alone is measured on: what goes into it is held in memory."""

Load = Callable[[], Colorizer]


@dataclass(frozen=True)
class BenchSettings:
    """How much is measured, and how often."""

    frames: int = 240
    """Of the film, at most."""
    repeats: int = 5
    """Measurements, not counting the one that warms up."""
    height: int = 480
    """Of the film that is made up where none is given."""

    def __post_init__(self) -> None:
        if self.frames < 1 or self.repeats < 1:
            raise ConfigError(f"frames and repeats must be at least 1, got {self.frames} and {self.repeats}")
        if self.height < 32 or self.height % 2:
            raise ConfigError(f"the height must be even and at least 32, got {self.height}")


@dataclass(frozen=True)
class BenchReport:
    """What one film costs on one machine."""

    film: str
    width: int
    height: int
    frames: int
    model: str
    device: str
    work_size: int
    fast: bool
    """Whether the network saw key frames only."""
    batch_size: int
    settings: dict[str, str]
    """Of the run, field by field, and the versions of what does the work."""
    stages: dict[str, Cost]
    """Each with the machine to itself."""
    transcode: Cost
    """Decoded and encoded again with the same settings, without colour and sound."""
    vidcolor: Cost
    ratio: Spread
    """Speed of vidcolor by that of the transcode right before it."""
    transcode_peak: Peak
    vidcolor_peak: Peak
    wall: str
    """The stage that takes longest alone: the whole cannot be faster than it."""
    busy_ms: float
    """For how long, a frame, the stages together keep all cores busy: nor is the whole much faster than that."""
    environment: Environment
    warnings: tuple[str, ...] = ()
    """What is not as it was asked for."""

    @property
    def findings(self) -> tuple[str, ...]:
        """In words."""
        colored, plain = self.vidcolor.ms.median, self.transcode.ms.median
        return (
            f"{self.film}, {self.width}x{self.height}, {self.frames} frames; {self.model} on {self.device}; "
            f"{self.environment.processor}, {self.environment.cpu_count} cores",
            f"{1000 / colored:.1f} frames/s, a plain transcode {1000 / plain:.1f}: {self.ratio} of its speed",
            f"peak memory: {self.vidcolor_peak}; of the transcode {self.transcode_peak}",
            f"the wall is {self.wall}, {self.stages[self.wall].ms.median:.2f} ms a frame of {colored:.2f}; "
            f"all stages together keep the cores busy for {self.busy_ms:.2f} ms",
            *self.warnings,
        )


def bench(
    source: Path | None,
    load: Load,
    settings: RunSettings | None = None,
    extent: BenchSettings | None = None,
    on_step: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> BenchReport:
    """Measure how `load()` colours the beginning of `source`, or of a film made up for it, with these settings.

    `load` must be picklable: memory is measured in other processes. `on_step` hears what is measured next, how many
    steps are done and how many there are. Raises InputError, OutputError, DeviceError or ConfigError.
    """
    extent, done = extent or BenchSettings(), count()
    steps = (len(STAGES) + 2) * (extent.repeats + 1) + 3

    def step(name: str) -> None:
        on_step(name, next(done), steps)

    with TemporaryDirectory(prefix="vidcolor-") as folder:
        step("film")
        film = source or make_specimen(Path(folder) / "made-up.mp4", extent.height, extent.frames)
        settings, frames = first_frames(film, settings or RunSettings(), extent.frames)
        return _measure(film, Path(folder) / "out.mkv", frames, load, settings, extent.repeats, step)


def first_frames(source: Path, settings: RunSettings, most: int) -> tuple[RunSettings, int]:
    """Settings to colour the first frames alone, as often as one likes, and how many they are. Raises InputError."""
    with open_reader(source, limits=settings.limits) as reader:
        if not isinstance(reader, VideoReader):
            raise InputError(f"{source}: is a picture, give a film")
        times = [pts for _, pts, _ in islice(reader.frames(), most + 1)]
    end = (times[most] - times[0]) * reader.info.time_base if len(times) > most else None
    encoding = settings.encoding.on_this_machine()
    encoding = replace(encoding, options=dict(encoding.options))  # other mappings cannot be pickled
    return replace(settings, span=Span(end=end), encoding=encoding, overwrite=True), min(len(times), most)


def colorize_afresh(source: Path, target: Path, load: Load, settings: RunSettings) -> int:
    """Load the model and colour, as a process does that does nothing else; the number of frames."""
    return colorize_video(source, target, load(), settings).frames


def _measure(
    film: Path, target: Path, frames: int, load: Load, settings: RunSettings, repeats: int, step: Callable[[str], None]
) -> BenchReport:
    colorizer = load()
    stages = _measure_stages(film, target, colorizer, settings, repeats, step)
    plain = partial(transcode, film, target, settings.encoding, settings.span, settings.limits)
    wholes = measure_in_turns(
        {"transcode": plain, "vidcolor": lambda: colorize_video(film, target, colorizer, settings).frames},
        repeats,
        colorizer.device,
        step,
    )
    step("memory of transcode")
    transcode_peak = measure_peak(plain)
    step("memory of vidcolor")
    vidcolor_peak = measure_peak(partial(colorize_afresh, film, target, load, settings))
    with open_reader(film, limits=settings.limits) as reader:
        info = reader.info
    environment = describe_environment()
    return BenchReport(
        film=film.name,
        width=info.width,
        height=info.height,
        frames=frames,
        model=colorizer.meta.name,
        device=colorizer.place,
        work_size=colorizer.work_size,
        fast=colorizer.fast,
        batch_size=settings.batch_size or colorizer.batch_size,
        settings=dict(describe(settings=settings)),
        stages=stages,
        transcode=wholes["transcode"],
        vidcolor=wholes["vidcolor"],
        ratio=Spread.of(map(truediv, wholes["transcode"].ms.values, wholes["vidcolor"].ms.values)),
        transcode_peak=transcode_peak,
        vidcolor_peak=vidcolor_peak,
        wall=max(stages, key=lambda name: stages[name].ms.median),
        busy_ms=sum(cost.processor_ms.median for cost in stages.values()) / environment.cpu_count,
        environment=environment,
        warnings=(*colorizer.warnings, *filter(None, [settings.encoding.warning])),
    )


def _measure_stages(
    film: Path, target: Path, colorizer: Colorizer, settings: RunSettings, repeats: int, step: Callable[[str], None]
) -> dict[str, Cost]:
    """Every stage alone, fed with batches that are there already."""
    with open_reader(film, settings.span, settings.limits) as reader:
        planes, size = reader.info.planes, settings.batch_size or colorizer.batch_size
        with _writer(target, reader, settings) as writer:
            upsampler = Upsampler(planes, writer.planes, settings.saturation)

        def decode() -> Iterable[FrameBatch]:
            return islice(reader.batches(size), max(1, STAGE_FRAMES // size))

        def encode() -> Iterable[FrameBatch]:
            with _writer(target, reader, settings) as writer:
                for batch in finished:
                    writer.write(batch)
                    yield batch

        luma = list(decode())
        marked = list(mark_shots(luma, planes))
        colored = list(colorizer.stream(marked, planes))
        steady = list(settings.smoother.stream(colored))
        finished = list(upsampler.stream(steady))
        works: tuple[Callable[[], Iterable[FrameBatch]], ...] = (
            decode,
            lambda: mark_shots(luma, planes),
            lambda: colorizer.stream(marked, planes),
            lambda: settings.smoother.stream(colored),
            lambda: upsampler.stream(steady),
            encode,
        )
        return measure_in_turns(
            {name: partial(_run_through, work) for name, work in zip(STAGES, works, strict=True)},
            repeats,
            colorizer.device,
            step,
        )


def _run_through(stage: Callable[[], Iterable[FrameBatch]]) -> int:
    return sum(map(len, stage()))


def _writer(target: Path, reader: VideoReader | StillReader, settings: RunSettings) -> VideoWriter | StillWriter:
    return open_writer(target, reader, encoding=settings.encoding, overwrite=True)
