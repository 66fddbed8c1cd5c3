"""What people see: bars and messages on stderr, results on stdout. Bars stay out of pipes and logs."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from vidcolor.bench import BenchReport
from vidcolor.checkpoint import CheckpointMeta
from vidcolor.compare import CompareReport
from vidcolor.environment import Environment
from vidcolor.errors import OutputError
from vidcolor.export import ExportReport
from vidcolor.jobs import Outcome
from vidcolor.keeper import KeptShot
from vidcolor.pipeline import RunReport
from vidcolor.preview import PreviewReport
from vidcolor.report.meanings import HIGHER, LOWER, NEAR, STEADY, meaning_of
from vidcolor.report.tables import COLUMNS, measured_in, metrics_of
from vidcolor.scores import EvalReport
from vidcolor.training import TrainProgress, TrainReport
from vidcolor.video import MediaSummary, StreamSummary

MOST_LOSSES = 20
"""Damaged places of a film that are named one by one."""

stderr = Console(stderr=True, highlight=False)


class _Results(Console):
    """Stdout. Raises OutputError where nobody takes what is printed."""

    def print(self, *lines: Any, **options: Any) -> None:
        with _taken():
            super().print(*lines, **options)
            self.file.flush()

    def on_broken_pipe(self) -> None:
        raise


stdout = _Results(highlight=False)


def print_json(value: Any) -> None:
    """A dataclass, or anything made of them, as indented JSON on stdout. Raises OutputError where nobody takes it."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    with _taken():
        print(text.encode("utf-8", "backslashreplace").decode(), flush=True)  # a file's name need not be Unicode


@contextmanager
def _taken() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # What is still in the buffer would raise once more when the program ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(f"the report cannot be printed ({error.strerror}); the work itself is done") from None


class RunBar:
    """Frames, fps and time left of the film in work, and one line for every film that is done."""

    def __init__(self, bar: Progress, quiet: bool):
        self._bar, self._quiet = bar, quiet
        self._task = bar.add_task("", total=None, visible=False)

    def follow(self, name: str) -> Callable[[int, int | None], None]:
        """The callback for `colorize_video` on the film `name`."""
        self._bar.reset(self._task, description=escape(name), total=None, visible=True)
        return lambda done, expected: self._bar.update(
            self._task, completed=done, total=expected and max(done, expected)
        )

    def conclude(self, outcome: Outcome) -> None:
        """Say what became of a film."""
        self._bar.update(self._task, visible=False)
        if outcome.error:
            stderr.print(f"[red]Error:[/red] {escape(outcome.error)}", soft_wrap=True)
        elif outcome.report is None and not self._quiet:
            stderr.print(f"{escape(str(outcome.job.target))}: exists, skipped", soft_wrap=True)
        elif outcome.report:
            self._conclude_film(outcome.report)

    def _conclude_film(self, report: RunReport) -> None:
        speed = (report.frames - report.kept_frames) / max(report.seconds, 1e-9)
        counts = f"{report.frames} frames, {report.shots} shots in {report.seconds:.1f} s ({speed:.1f} fps)"
        if report.kept_spans:
            counts += f"; {report.kept_frames} frames in {report.kept_spans} spans were done before"
        what = ", ".join(f"{count} × {what}" for what, count in report.loss_counts.items())
        losses = [f"{report.source}: {what}"] if what else []
        losses += [f"{report.source} at {loss}" for loss in report.losses[:MOST_LOSSES]]
        if (more := len(report.losses) - MOST_LOSSES) > 0:
            losses.append(f"{report.source}: and {more} more, all in --json")
        _print_outcome(f"{report.target}: {counts}", report.warnings, losses, self._quiet)
        if report.shots_in_color and not self._quiet:
            shots = ", ".join(f"{start:.3f} s to {end:.3f} s" for start, end in _stretches(report.shots_in_color))
            stderr.print(f"  In colour already and kept, {len(report.shots_in_color)} shots: {shots}", soft_wrap=True)


def _stretches(shots: Sequence[KeptShot]) -> list[tuple[float, float]]:
    """Shots that follow each other without a gap, taken together."""
    joined: list[tuple[float, float]] = []
    for shot in shots:
        start = joined.pop()[0] if joined and joined[-1][1] == shot.start else shot.start
        joined.append((start, shot.end))
    return joined


def print_comparison(report: CompareReport, quiet: bool) -> None:
    """What became of `vidcolor compare`."""
    done = f"{report.target}: {report.frames} frames in {report.seconds:.1f} s"
    _print_outcome(done, report.warnings, report.losses, quiet)


def print_preview(report: PreviewReport, quiet: bool) -> None:
    """What became of `vidcolor preview`."""
    done = f"{report.target}: {len(report.moments)} moments in {report.seconds:.1f} s"
    _print_outcome(done, report.warnings, (), quiet)


def print_export(report: ExportReport, quiet: bool) -> None:
    """What became of `vidcolor export`."""
    ports = f"{', '.join(report.inputs)} in, {', '.join(report.outputs)} out"
    done = f"{' and '.join(report.targets)}: {ports}; ab at most {report.difference:.2g} off torch's on real frames"
    _print_outcome(done, (), (), quiet)


def _print_outcome(done: str, warnings: Sequence[str], losses: Sequence[str], quiet: bool) -> None:
    if not quiet:
        stderr.print(escape(done), soft_wrap=True)
        for warning in warnings:
            stderr.print(f"  [yellow]Warning:[/yellow] {escape(warning)}", soft_wrap=True)
    for loss in losses:
        stderr.print(f"  [red]Damaged:[/red] {escape(loss)}", soft_wrap=True)


@contextmanager
def run_bar(quiet: bool) -> Iterator[RunBar]:
    """The bar of `vidcolor run`; off where stderr is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Fps(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, disable=quiet or not stderr.is_terminal) as bar:
        yield RunBar(bar, quiet)


class _Fps(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} fps" if speed else "- fps")


@contextmanager
def training_bar(quiet: bool) -> Iterator[Callable[[TrainProgress], None]]:
    """Yields the callback for `train`: a bar on a terminal, and one line a check everywhere."""
    columns = (
        TextColumn("{task.fields[stage]}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[samples]} samples  loss {task.fields[loss]:.3f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr, disable=quiet or not stderr.is_terminal) as bar:
        task = bar.add_task("train", total=1.0, stage="start", samples=0, loss=0.0)

        def show(progress: TrainProgress) -> None:
            loss = sum(progress.losses.values())
            bar.update(task, completed=progress.share, stage=progress.stage, samples=progress.samples, loss=loss)
            if progress.scores and not quiet:
                scores = progress.scores
                stderr.print(
                    f"{progress.share:4.0%} {progress.stage}, {progress.samples} samples: loss {scores.loss:.3f}, "
                    f"PSNR {scores.psnr:.2f} dB ({scores.gain:+.2f} over grey) "
                    f"at {scores.vividness:.0%} of the colourfulness",
                    soft_wrap=True,
                )

        yield show


def print_training(report: TrainReport) -> None:
    seen = f"{report.samples} samples of {report.pictures} pictures in {report.minutes:.1f} minutes"
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.left_out.items() if count)
    lines = [f"{escape(report.model)}: {seen}" + (f"; left out: {reasons}" if reasons else "")]
    if report.best_psnr is not None:
        reached = report.history[-1]["psnr"]
        verdict = "as it should" if reached > report.best_psnr - 1 else "more than 1 dB short: train longer"
        allowed = f"the {report.best_psnr:.2f} dB that grid and palette allow"
        lines.append(f"one picture learned to {reached:.2f} dB of {allowed}, {verdict}")
    for line in lines:
        stdout.print(line, soft_wrap=True)


@contextmanager
def steps_bar(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yields the callback for `evaluate` and `bench`."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=stderr, disable=quiet or not stderr.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, total: bar.update(task, description=escape(name), completed=done, total=total)


_ARROWS = {HIGHER: "higher", LOWER: "lower", NEAR: "near the original", STEADY: "down to the original"}


def print_evaluation(report: EvalReport) -> None:
    """A metric a row, each beside what it must be read with."""
    measured = measured_in(report)
    rows = []
    for field in metrics_of(measured):
        meaning = meaning_of(field)
        for kind, numbers in measured.items():
            if field in numbers:
                values = (numbers.get(field + suffix) for suffix in COLUMNS)
                shown = ["" if value is None else meaning.show(value) for value in values]
                rows.append((f"{meaning.name} {meaning.unit}".strip(), kind, *shown, _ARROWS[meaning.better]))
    _print_table(("metric", "of", *COLUMNS.values(), "better"), rows)
    for note in report.notes:
        stdout.print(escape(note), soft_wrap=True)


def print_bench(report: BenchReport) -> None:
    """A row a stage, two for the whole, and what bounds it."""
    costs = report.stages | {"transcode": report.transcode, "vidcolor": report.vidcolor}
    rows = [(name, str(cost.ms), str(cost.processor_ms)) for name, cost in costs.items()]
    _print_table(("", "ms a frame", "ms of all cores"), rows)
    stdout.print(escape("\n".join(report.findings)), soft_wrap=True)


def print_models(metas: Sequence[CheckpointMeta]) -> None:
    """A row a model."""
    rows = [(meta.name, meta.arch, f"{meta.work_size}", meta.trained_on, meta.license) for meta in metas]
    _print_table(("name", "network", "work size", "trained on", "licence"), rows)


def print_environment(environment: Environment) -> None:
    """One line a fact."""
    rows = [(name, value) for name, value in asdict(environment).items() if name != "packages"]
    _print_table(("", ""), [(name.replace("_", " "), _words(value)) for name, value in rows])
    _print_table(("package", "version"), list(environment.packages.items()))


def print_media(summary: MediaSummary) -> None:
    """The container in one line, then a row a stream."""
    length = "" if summary.seconds is None else f", {summary.seconds:.3f} s"
    stdout.print(f"{escape(str(summary.path))}: {summary.container}{length}", soft_wrap=True)
    rows = [(str(stream.index), stream.kind, stream.codec, _details(stream)) for stream in summary.streams]
    _print_table(("", "stream", "codec", "details"), rows)
    if summary.chapters:
        stdout.print(f"{len(summary.chapters)} chapters: {escape(', '.join(summary.chapters))}", soft_wrap=True)


def _details(stream: StreamSummary) -> str:
    facts = (
        stream.width and f"{stream.width}x{stream.height} {stream.pix_fmt}",
        stream.rate and f"{float(stream.rate):.3f} frames/s",
        stream.frame_count and f"{stream.frame_count} frames",
        stream.sample_aspect_ratio and stream.sample_aspect_ratio != 1 and f"pixels {stream.sample_aspect_ratio}",
        stream.rotation and f"turned by {stream.rotation}°",
        stream.color_range and f"{stream.color_range} range",
        stream.sample_rate and f"{stream.sample_rate} Hz",
        stream.channels and f"{stream.channels} channels",
        stream.language,
        stream.title,
        stream.is_picture and "(this is coloured)",
    )
    return ", ".join(str(fact) for fact in facts if fact)


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, pad_edge=False, show_header=any(headings))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    stdout.print(table)


def _words(value: Any) -> str:
    return ", ".join(value) if isinstance(value, (tuple, list)) else str(value)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
