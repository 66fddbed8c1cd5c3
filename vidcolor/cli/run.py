"""`vidcolor run`."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import click

from vidcolor.cli.exits import DAMAGED, FAILED
from vidcolor.cli.options import (
    KeyValue,
    Seconds,
    batch_size_option,
    codec_option,
    device_option,
    fast_option,
    json_option,
    limit_options,
    model_option,
    quality_options,
    quiet_option,
    reference_option,
    runtime_option,
    saturation_option,
    smooth_option,
    work_size_option,
)
from vidcolor.cli.signals import exit_code


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.argument("output")
@model_option
@device_option
@runtime_option
@batch_size_option
@work_size_option
@smooth_option
@fast_option
@saturation_option
@reference_option
@click.option(
    "--keep-color",
    default="never",
    show_default=True,
    type=click.Choice(["auto", "never"]),
    help="auto: shots that are in colour already stay as they are.",
)
@click.option(
    "--compare", type=click.Choice(["side", "split"]), help="Show grey and colour: side by side, or a moving split."
)
@codec_option
@quality_options
@click.option("--encoder-opt", "encoder_options", multiple=True, type=KeyValue(), help="Any option of the encoder.")
@click.option("--start", type=Seconds(), help="Begin here: seconds or HH:MM:SS.")
@click.option("--end", type=Seconds(), help="Stop here: seconds or HH:MM:SS.")
@limit_options
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--skip-existing", is_flag=True, help="Leave outputs that exist, colour the rest.")
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped, or begin one that can be.")
@quiet_option
@json_option
def run(
    inputs: tuple[str, ...],
    output: str,
    model: str,
    device: str,
    runtime: str,
    batch_size: int | None,
    work_size: int | None,
    smooth: float | None,
    fast: bool,
    saturation: float,
    references: tuple[Path, ...],
    keep_color: str,
    compare: str | None,
    codec: str | None,
    crf: float,
    preset: str,
    encoder_options: tuple[tuple[str, str], ...],
    start: Fraction | None,
    end: Fraction | None,
    max_pixels: int,
    max_hours: float,
    overwrite: bool,
    skip_existing: bool,
    resume: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Colour INPUT into OUTPUT: films, stills, folders, globs. Several inputs need a folder as OUTPUT.

    Exit codes: 0 all done, 1 something failed, 2 wrong usage, 3 a damaged source was coloured as far as it decodes,
    129, 130 and 143 interrupted.
    """
    from vidcolor import console
    from vidcolor.colorizer import load_colorizer
    from vidcolor.device import pick_device
    from vidcolor.jobs import plan_jobs, run_jobs, tell_sequences
    from vidcolor.parallel import is_launched, launched_group
    from vidcolor.pipeline import RunSettings, colorize_video
    from vidcolor.ranks import share_jobs
    from vidcolor.smooth import Smoother
    from vidcolor.video import Encoding, Limits, Span

    settings = RunSettings(
        smoother=Smoother() if smooth is None else Smoother(smooth),
        saturation=saturation,
        batch_size=batch_size,
        span=Span(start, end),
        limits=Limits(max_pixels, max_hours),
        encoding=Encoding(codec or "", crf, preset, dict(encoder_options)),
        overwrite=overwrite,
        compare=compare,
        keep_color=keep_color == "auto",
        resume=resume,
    )
    group, shared = launched_group(), is_launched()
    load = partial(load_colorizer, model, work_size=work_size, runtime=runtime, fast=fast, references=references)
    jobs = plan_jobs(inputs, output) if group.is_first else []
    if not quiet:
        console.print_hints(tell_sequences(jobs))
    with _interruptible(resume or shared, group.is_first), console.run_bar(quiet or not group.is_first) as bar:
        if shared:
            found = share_jobs(
                jobs,
                group,
                lambda: load(device=str(group.device(pick_device(device)))),
                settings,
                bar.follow,
                skip_existing=skip_existing,
            )
        else:
            colorizer = load(device=device)
            found = run_jobs(
                jobs,
                lambda job: colorize_video(job.source, job.target, colorizer, settings, bar.follow(job.source.name)),
                skip_existing=skip_existing,
                skip_whole=resume and not overwrite,
            )
        outcomes = []
        for outcome in found:
            bar.conclude(outcome)
            outcomes.append(outcome)
    if as_json and group.is_first:
        console.print_json([outcome.to_dict() for outcome in outcomes])
    if any(outcome.error for outcome in outcomes):
        raise SystemExit(FAILED)
    if any(outcome.report and outcome.report.losses for outcome in outcomes):
        raise SystemExit(DAMAGED)


@contextmanager
def _interruptible(resume: bool, speaks: bool) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if not resume:
            raise
        if speaks:
            click.echo("Interrupted: finished spans are kept, the same command goes on from them.", err=True)
        raise SystemExit(exit_code(interrupt)) from None
