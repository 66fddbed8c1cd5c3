"""A film from end to end: read, find shots, colour, steady, upsample, write."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from vidcolor.colorizer import Colorizer
from vidcolor.device import memory_watched
from vidcolor.errors import ConfigError
from vidcolor.frames import FrameBatch, VideoInfo
from vidcolor.keeper import Keeper, KeptShot
from vidcolor.layout import check_layout, lay_out
from vidcolor.prefetch import prefetch
from vidcolor.resume import (
    Description,
    Kept,
    SpanWriter,
    WindowWriter,
    describe,
    digest_of,
    in_spans,
    open_spans,
)
from vidcolor.shots import mark_shots
from vidcolor.smooth import Smoother
from vidcolor.upsample import Upsampler, check_saturation
from vidcolor.video import (
    Encoding,
    Limits,
    Span,
    StillReader,
    StillWriter,
    VideoReader,
    VideoWriter,
    files_of,
    open_reader,
    open_writer,
)
from vidcolor.windows import Window

_Writer = VideoWriter | StillWriter | SpanWriter | WindowWriter


@dataclass(frozen=True)
class RunSettings:
    """How films are coloured and written, for all of them alike."""

    smoother: Smoother = field(default_factory=Smoother)
    saturation: float = 1.0
    """Gain on the model's colour."""
    batch_size: int | None = None
    """Frames at once; None: what suits the device."""
    span: Span = field(default_factory=Span)
    limits: Limits = field(default_factory=Limits)
    """What a source may claim."""
    encoding: Encoding = field(default_factory=Encoding)
    overwrite: bool = False
    compare: str | None = None
    """A layout's name to show the grey beside the colour; None: the colour alone."""
    keep_color: bool = False
    """Whether shots that are in colour already keep their own; False: the source counts as grey."""
    resume: bool = False
    """Whether a film is written span by span, so that another run can go on where this one was stopped."""

    def __post_init__(self) -> None:
        if self.batch_size is not None and self.batch_size < 1:
            raise ConfigError(f"the batch size must be at least 1, got {self.batch_size}")
        check_saturation(self.saturation)
        check_layout(self.compare)


@dataclass(frozen=True)
class RunReport:
    """What became of one film."""

    source: str
    target: str
    frames: int
    shots: int
    seconds: float
    """Of work, not of film."""
    model: str
    device: str
    warnings: tuple[str, ...] = ()
    """What could not be kept as it was, and why."""
    losses: tuple[str, ...] = ()
    """Places where the source did not decode; everything else was coloured."""
    loss_counts: dict[str, int] = field(default_factory=dict)
    """What happened there -> how often."""
    unused_references: tuple[str, ...] = ()
    """Those that show nothing that the film shows."""
    shots_in_color: tuple[KeptShot, ...] = ()
    """Shots that were in colour already and stayed as they were."""
    kept_spans: int = 0
    """Finished by earlier runs, and not done again."""
    kept_frames: int = 0
    """Of `frames`, those of the kept spans."""


def colorize_video(
    source: Path | str,
    target: Path | str,
    colorizer: Colorizer,
    settings: RunSettings | None = None,
    on_frames: Callable[[int, int | None], None] = lambda done, expected: None,
) -> RunReport:
    """Colour `source` into `target`, which appears whole or not at all.

    `on_frames` hears after every batch how many frames are done and how many are expected, as far as the header knows.
    Raises InputError, OutputError or ConfigError; see `RunReport.losses` for a source that is damaged in the middle.
    """
    source, target, settings = Path(source), Path(target), settings or RunSettings()
    with _at_full_size(colorizer), open_reader(source, settings.span, settings.limits) as reader:
        open_output = partial(_open_output, reader, target, colorizer, settings)
        return _colorize(reader, target, colorizer, settings, on_frames, open_output)


def colorize_window(
    window: Window,
    writer: WindowWriter,
    target: Path,
    colorizer: Colorizer,
    settings: RunSettings,
    on_frames: Callable[[int, int | None], None],
) -> RunReport:
    """Colour one window of a film, as `colorize_video` colours the whole."""
    settings = replace(settings, resume=False)
    with _at_full_size(colorizer):
        return _colorize(window, target, colorizer, settings, on_frames, lambda info: nullcontext((writer, Kept())))


def describe_run(source: str, colorizer: Colorizer, settings: RunSettings) -> Description:
    """All that the film depends on which comes of the source that `identify` calls so."""
    batch_size, encoding = settings.batch_size or colorizer.batch_size, settings.encoding.on_this_machine()
    return describe(
        source=source,
        model=colorizer.digest,
        references=colorizer.references.digest,
        device=colorizer.device.type,
        runtime=colorizer.maker,
        settings=replace(settings, batch_size=batch_size, encoding=encoding, limits=Limits(), overwrite=False),
    )


def identify(film: VideoReader) -> str:
    """SHA-256 of what its frames and their times depend on."""
    return hashlib.sha256(f"{film.info.time_base} {digest_of(*files_of(film.source))}".encode()).hexdigest()


def _at_full_size(colorizer: Colorizer) -> AbstractContextManager[None]:
    return memory_watched(colorizer.device, "with pictures at their full size", "a smaller --batch-size")


def _colorize(
    reader: VideoReader | StillReader | Window,
    target: Path,
    colorizer: Colorizer,
    settings: RunSettings,
    on_frames: Callable[[int, int | None], None],
    open_output: Callable[[VideoInfo], AbstractContextManager[tuple[_Writer, Kept]]],
) -> RunReport:
    settings.smoother.check_carries(colorizer.fast)
    started = time.monotonic()
    colorizer = colorizer.suited_to(reader.turn, reader.pixel_aspect, settings.saturation)
    layout = lay_out(settings.compare, reader.info, reader.turn)
    batch_size = settings.batch_size or colorizer.batch_size
    with open_output(layout.info) as (writer, kept), ExitStack() as threads:

        def ahead(batches: Iterator[FrameBatch], processors: int = 1) -> Iterator[FrameBatch]:
            return threads.enter_context(closing(prefetch(batches, processors=processors)))

        frames, shots, memory = kept.frames, kept.shots, kept.memory
        planes = reader.info.planes
        decoded = ahead(reader.batches(batch_size, kept.frames, own_chroma=settings.keep_color))
        luma = in_spans(decoded) if settings.resume else decoded
        keeper = Keeper(planes, reader.info.time_base, memory, looks=settings.keep_color)
        marked = keeper.mark(mark_shots(luma, planes, memory))
        colored = ahead(colorizer.stream(marked, planes, memory), colorizer.torch_threads)
        steady = settings.smoother.stream(colored, memory)
        upsampler = Upsampler(planes, writer.planes, settings.saturation)
        finished = ahead(keeper.restore(upsampler.stream(steady, memory), writer.planes))
        shown = layout.beside_grey(finished, writer.planes)
        for batch in shown:
            writer.write(batch)
            frames += len(batch)
            shots += sum(batch.first_of_shot or ())
            on_frames(frames, reader.info.frame_count)
    return RunReport(
        source=str(reader.source),
        target=str(target),
        frames=frames,
        shots=shots,
        seconds=time.monotonic() - started,
        model=colorizer.meta.name,
        device=colorizer.place,
        warnings=(*colorizer.warnings, *writer.warnings),
        losses=tuple(map(str, reader.losses)),
        loss_counts=dict(Counter(loss.what for loss in reader.losses)),
        unused_references=colorizer.references.unused,
        shots_in_color=keeper.shots,
        kept_spans=kept.spans,
        kept_frames=kept.frames,
    )


@contextmanager
def _open_output(
    reader: VideoReader | StillReader, target: Path, colorizer: Colorizer, settings: RunSettings, info: VideoInfo
) -> Iterator[tuple[_Writer, Kept]]:
    """What the film is written with, and what is there of it already."""
    encoding, overwrite = settings.encoding, settings.overwrite
    if settings.resume and isinstance(reader, VideoReader):
        description = describe_run(identify(reader), colorizer, settings)
        with open_spans(
            target,
            reader,
            description,
            encoding=replace(encoding, repeatable=True),
            overwrite=overwrite,
            info=info,
            device=colorizer.device,
        ) as opened:
            yield opened
    else:
        with open_writer(target, reader, encoding=encoding, overwrite=overwrite, info=info) as writer:
            yield writer, Kept()
