"""How good a model is: colour photos and films are seen through their luma alone, coloured, and compared."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import tee
from pathlib import Path

from torch import Tensor

from vidcolor.color import read_luma
from vidcolor.colorizer import Colorizer
from vidcolor.errors import ConfigError, InputError
from vidcolor.frames import FrameBatch
from vidcolor.metrics import Extractor, Realism, load_lpips
from vidcolor.originals import LAYOUT, find_originals, read_film, read_photo, to_pixels, to_rgb
from vidcolor.photos import Photo
from vidcolor.scores import COLORLESS, MOST_SAMPLES, EvalReport, Evaluation, Sample, SourceReport
from vidcolor.shots import mark_shots
from vidcolor.smooth import Smoother
from vidcolor.tally import Colors, FilmTally, HistogramTally, PictureTally, Step, mean_scores
from vidcolor.upsample import Upsampler
from vidcolor.video import Limits

LEAST_SIZE = 64
SAMPLE_FRAME = 12
"""Frame of a shot that is shown for it; of a shorter shot the last."""


@dataclass(frozen=True)
class EvalSettings:
    """What is measured, and of which colouring."""

    size: int = 256
    """Pictures are brought to an area of size² pixels, aspect kept, never enlarged."""
    smoother: Smoother = field(default_factory=Smoother)
    saturation: float = 1.0
    features: tuple[Extractor, ...] = ()
    """Classifiers for FID and the Inception Score."""
    limits: Limits = field(default_factory=Limits)
    """What a film or a picture may claim."""

    def __post_init__(self) -> None:
        if self.size < LEAST_SIZE:
            raise ConfigError(f"size must be at least {LEAST_SIZE}, got {self.size}")


def evaluate(
    sources: Sequence[Path],
    colorizer: Colorizer,
    settings: EvalSettings | None = None,
    on_source: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> Evaluation:
    """Films, pictures, folders, and tar and zip archives of pictures, all in colour.

    `on_source` hears the name of each before it is measured, how many are done and how many there are. What cannot be
    read is named in the notes; InputError is raised where nothing can, ConfigError for settings that do not fit.
    """
    settings = settings or EvalSettings()
    settings.smoother.check_carries(colorizer.fast)
    return _Evaluator(colorizer, settings).run(sources, on_source)


class _Evaluator:
    def __init__(self, colorizer: Colorizer, settings: EvalSettings):
        self.colorizer, self.settings = colorizer, settings
        self.lpips, self.realism, self.histogram = load_lpips(), Realism(*settings.features), HistogramTally()
        self.photos, self.samples = PictureTally(self.lpips), _Spread()
        self.unreadable: list[str] = []
        self.damaged: list[str] = []

    def run(self, sources: Sequence[Path], on_source: Callable[[str, int, int], None]) -> Evaluation:
        started = time.monotonic()
        photos, films, wrong = find_originals(sources)
        self.unreadable += wrong
        originals: list[Photo | Path] = [*photos, *films]
        reports = []
        for number, original in enumerate(originals):
            on_source(original.name, number, len(originals))
            try:
                reports.append(self._photo(original) if isinstance(original, Photo) else self._film(original))
            except InputError as error:
                self.unreadable.append(str(error))
        if not reports:
            raise InputError("; ".join(self.unreadable))
        return self._conclude(reports, time.monotonic() - started)

    def _photo(self, photo: Photo) -> SourceReport:
        batch = read_photo(photo, self.settings.size, self.settings.limits)
        colored = next(self._shown(self.colorizer.stream([batch], LAYOUT)))
        luma, truth = read_luma(batch.luma, LAYOUT), Colors(to_rgb(batch))
        alone = PictureTally(self.lpips)
        for tally in (alone, self.photos):
            tally.add(colored, truth, luma)
        self._look_closely(colored, truth)
        self.samples.add(_sample(photo.name, None, luma, colored, truth))
        return SourceReport(photo.name, 1, 1, alone.scores)

    def _film(self, film: Path) -> SourceReport:
        tally, shown, in_shot = FilmTally(PictureTally(self.lpips)), None, 0
        for step in self._readable(film):
            if step.starts_shot:
                self._show(film.name, shown)
                in_shot = 0
            shown = step if in_shot <= SAMPLE_FRAME else shown
            in_shot += 1
            if tally.add(step):
                self._look_closely(step.smoothed, step.truth)
        self._show(film.name, shown)
        return SourceReport(
            film.name, len(tally.moments), tally.shots, tally.pictures.scores, tally.scores, tuple(tally.moments)
        )

    def _readable(self, film: Path) -> Iterator[Step]:
        """Its steps, as far as it can be read. Raises InputError where there is none."""
        step = None
        try:
            for step in self._steps(film):
                yield step
        except InputError as error:
            if step is None:
                raise
            self.damaged.append(f"{error}; measured up to {step.seconds:.1f} s")

    def _steps(self, film: Path) -> Iterator[Step]:
        size, limits = self.settings.size, self.settings.limits
        read = read_film(film, size, self.colorizer.batch_size, limits, partial(self._count_losses, film))
        frames, timed = tee(read)
        marked = mark_shots((batch for batch, _ in frames), LAYOUT)
        originals, colored, unsmoothed = tee(self.colorizer.stream(marked, LAYOUT), 3)
        steady, raw = self._shown(self.settings.smoother.stream(colored)), self._shown(unsmoothed)
        for original, (_, seconds), one, other in zip(originals, timed, steady, raw, strict=True):
            luma, truth = read_luma(original.luma, LAYOUT), Colors(to_rgb(original))
            for index, starts_shot in enumerate(original.first_of_shot or ()):
                colors = (colorings[index] for colorings in (one, other, truth))
                yield Step(seconds[index], starts_shot, luma[index : index + 1], *colors)

    def _shown(self, batches: Iterable[FrameBatch]) -> Iterator[Colors]:
        """As they would be written: sharpened along the edges of the luma, inside the gamut, in 8 bits."""
        for batch in Upsampler(LAYOUT, LAYOUT, self.settings.saturation).stream(batches):
            yield Colors(to_rgb(batch))

    def _count_losses(self, film: Path, losses: int) -> None:
        if losses:
            self.damaged.append(f"{film}: damaged in {losses} places, whose frames are lost or guessed")

    def _look_closely(self, colored: Colors, truth: Colors) -> None:
        self.realism.update(colored.rgb, truth.rgb)
        self.histogram.add(colored, truth)

    def _show(self, name: str, step: Step | None) -> None:
        if step is not None:
            self.samples.add(_sample(name, step.seconds, step.luma, step.smoothed, step.truth))

    def _conclude(self, reports: Sequence[SourceReport], seconds: float) -> Evaluation:
        films = [report for report in reports if report.film]
        no_lpips = () if self.lpips else ("LPIPS is not measured: its AlexNet weights are not in torch.hub's folder",)
        report = EvalReport(
            model=self.colorizer.meta.name,
            device=self.colorizer.place,
            size=self.settings.size,
            work_size=self.colorizer.work_size,
            fast=self.colorizer.fast,
            smooth=self.settings.smoother.strength,
            saturation=self.settings.saturation,
            seconds=seconds,
            photos=self.photos.scores if len(films) < len(reports) else None,
            frames=mean_scores([report.pictures for report in films]),
            films=mean_scores([report.film for report in films if report.film]),
            realism=self.realism.scores(),
            sources=tuple(reports),
            notes=(
                *self.colorizer.warnings,
                *(f"left out: {error}" for error in self.unreadable),
                *self.damaged,
                *_grey_ones(reports),
                *no_lpips,
                *self.realism.notes,
            ),
        )
        return Evaluation(report, tuple(self.samples.items), self.histogram.histogram)


def _grey_ones(reports: Sequence[SourceReport]) -> Iterator[str]:
    """One line where originals have no colour: in the means they count like all others."""
    grey = [report.source for report in reports if report.pictures.colorfulness_of_truth < COLORLESS]
    if grey:
        named = ", ".join(grey[:3]) + (", ..." if len(grey) > 3 else "")
        yield f"originals without any colour among them: {len(grey)} ({named})"


def _sample(source: str, seconds: float | None, luma: Tensor, colored: Colors, truth: Colors) -> Sample:
    grey, shown, true = (to_pixels(rgb[0]) for rgb in (luma.expand(-1, 3, -1, -1), colored.rgb, truth.rgb))
    return Sample(source, seconds, grey, shown, true)


class _Spread:
    """Keeps at most 2 * MOST_SAMPLES of what it is given, spread evenly."""

    def __init__(self) -> None:
        self.items: list[Sample] = []
        self._seen, self._stride = 0, 1

    def add(self, item: Sample) -> None:
        if self._seen % self._stride == 0:
            self.items.append(item)
        self._seen += 1
        if len(self.items) > 2 * MOST_SAMPLES:
            self.items, self._stride = self.items[::2], 2 * self._stride
