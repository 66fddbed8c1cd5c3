"""What was found, row by row."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from vidcolor.bench import BenchReport
from vidcolor.checkpoint import CheckpointMeta
from vidcolor.console.streams import stdout
from vidcolor.environment import Environment
from vidcolor.report.meanings import HIGHER, LOWER, NEAR, STEADY, meaning_of
from vidcolor.report.tables import COLUMNS, measured_in, metrics_of
from vidcolor.scores import EvalReport
from vidcolor.video import MediaSummary, StreamSummary

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
