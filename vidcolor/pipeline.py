"""A film from end to end: read, find shots, colour, steady, upsample, write."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from vidcolor.colorizer import Colorizer
from vidcolor.device import memory_watched
from vidcolor.keeper import Keeper, KeptShot
from vidcolor.layout import lay_out
from vidcolor.prefetch import prefetch
from vidcolor.shots import mark_shots
from vidcolor.smooth import Smoother
from vidcolor.upsample import Upsampler
from vidcolor.video import Encoding, Span, StillReader, VideoReader, open_reader, open_writer


@dataclass(frozen=True)
class RunSettings:
    """How films are coloured and written, for all of them alike."""

    smoother: Smoother = field(default_factory=Smoother)
    saturation: float = 1.0
    """Gain on the model's colour."""
    batch_size: int | None = None
    """Frames at once; None: what suits the device."""
    span: Span = field(default_factory=Span)
    encoding: Encoding = field(default_factory=Encoding)
    overwrite: bool = False
    compare: str | None = None
    """A layout's name to show the grey beside the colour; None: the colour alone."""
    keep_color: bool = False
    """Whether shots that are in colour already keep their own; False: the source counts as grey."""


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
    shots_in_color: tuple[KeptShot, ...] = ()
    """Shots that were in colour already and stayed as they were."""


def colorize_video(
    source: Path,
    target: Path,
    colorizer: Colorizer,
    settings: RunSettings | None = None,
    on_frames: Callable[[int, int | None], None] = lambda done, expected: None,
) -> RunReport:
    """Colour `source` into `target`, which appears whole or not at all.

    `on_frames` hears after every batch how many frames are done and how many are expected, as far as the header knows.
    Raises InputError, OutputError or ConfigError; see `RunReport.losses` for a source that is damaged in the middle.
    """
    settings = settings or RunSettings()
    with memory_watched(colorizer.device), open_reader(source, settings.span) as reader:
        return _colorize(reader, target, colorizer, settings, on_frames)


def _colorize(
    reader: VideoReader | StillReader,
    target: Path,
    colorizer: Colorizer,
    settings: RunSettings,
    on_frames: Callable[[int, int | None], None],
) -> RunReport:
    started, frames, shots = time.monotonic(), 0, 0
    layout = lay_out(settings.compare, reader.info, reader.turn)
    size = settings.batch_size or colorizer.batch_size
    with (
        open_writer(
            target, reader, encoding=settings.encoding, overwrite=settings.overwrite, info=layout.info
        ) as writer,
        closing(prefetch(reader.batches(size, own_chroma=settings.keep_color))) as luma,
    ):
        planes = reader.info.planes
        keeper = Keeper(planes, reader.info.time_base, looks=settings.keep_color)
        marked = keeper.mark(mark_shots(luma, planes))
        colored = colorizer.stream(marked, planes)
        steady = settings.smoother.stream(colored)
        upsampler = Upsampler(planes, writer.planes, settings.saturation)
        finished = keeper.restore(upsampler.stream(steady), writer.planes)
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
        device=str(colorizer.device),
        warnings=tuple(writer.warnings),
        losses=tuple(map(str, reader.losses)),
        loss_counts=dict(Counter(loss.what for loss in reader.losses)),
        shots_in_color=keeper.shots,
    )
