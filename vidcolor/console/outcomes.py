"""What became of a film, a picture or a model, in a line and its warnings."""

from collections.abc import Iterable, Sequence

from rich.markup import escape

from vidcolor.compare import CompareReport
from vidcolor.console.streams import stderr, stdout
from vidcolor.export import ExportReport
from vidcolor.keeper import KeptShot
from vidcolor.pipeline import RunReport
from vidcolor.preview import PreviewReport
from vidcolor.training import TrainReport

MOST_LOSSES = 20
"""Damaged places of a film that are named one by one."""


def print_hints(hints: Iterable[str]) -> None:
    """What may have been meant otherwise."""
    for hint in hints:
        stderr.print(f"[yellow]Hint:[/yellow] {escape(hint)}", soft_wrap=True)


def print_run(report: RunReport, quiet: bool) -> None:
    """What became of a film of `vidcolor run`."""
    speed = (report.frames - report.kept_frames) / max(report.seconds, 1e-9)
    counts = f"{report.frames} frames, {report.shots} shots in {report.seconds:.1f} s ({speed:.1f} fps)"
    if report.kept_spans:
        counts += f"; {report.kept_frames} frames in {report.kept_spans} spans were done before"
    what = ", ".join(f"{count} × {what}" for what, count in report.loss_counts.items())
    losses = [f"{report.source}: {what}"] if what else []
    losses += [f"{report.source} at {loss}" for loss in report.losses[:MOST_LOSSES]]
    if (more := len(report.losses) - MOST_LOSSES) > 0:
        losses.append(f"{report.source}: and {more} more, all in --json")
    warnings = [*report.warnings, *_unused(report.unused_references, "the film")]
    _print_outcome(f"{report.target}: {counts}", warnings, losses, quiet)
    if report.shots_in_color and not quiet:
        shots = ", ".join(f"{start:.3f} s to {end:.3f} s" for start, end in _stretches(report.shots_in_color))
        stderr.print(f"  In colour already and kept, {len(report.shots_in_color)} shots: {shots}", soft_wrap=True)


def _unused(references: Sequence[str], shown: str) -> list[str]:
    return [f"{reference}: nothing in {shown} is like it, so it was of no use" for reference in references]


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
    _print_outcome(done, [*report.warnings, *_unused(report.unused_references, "these moments")], (), quiet)


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
