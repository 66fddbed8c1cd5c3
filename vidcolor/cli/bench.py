"""`vidcolor bench`."""

from functools import partial
from pathlib import Path

import click

from vidcolor.cli.options import (
    TYPED_PATH,
    batch_size_option,
    device_option,
    fast_option,
    json_option,
    limit_options,
    model_option,
    no_progress_option,
    quality_options,
    runtime_option,
    work_size_option,
)


@click.command()
@click.argument("film", required=False, type=TYPED_PATH)
@model_option
@device_option
@runtime_option
@batch_size_option
@work_size_option
@fast_option
@click.option("--height", default=480, show_default=True, help="Lines of the film that is made up if none is given.")
@click.option("--frames", default=240, show_default=True, help="Only so many, from the beginning of the film.")
@click.option("--repeats", default=5, show_default=True, help="Measurements, not counting one to warm up.")
@click.option("--codec", default="libx264", show_default=True, help="Video encoder.")
@quality_options
@limit_options
@no_progress_option
@json_option
def bench(
    film: Path | None,
    model: str,
    device: str,
    runtime: str,
    batch_size: int | None,
    work_size: int | None,
    fast: bool,
    height: int,
    frames: int,
    repeats: int,
    codec: str,
    crf: float,
    preset: str,
    max_pixels: int,
    max_hours: float,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure how fast FILM, or a film made up for it, is coloured: beside a plain transcode, and stage by stage.

    The transcode decodes and encodes the same frames with the same settings, without colour. The two take turns.
    """
    from vidcolor import console
    from vidcolor.bench import BenchSettings, bench
    from vidcolor.colorizer import load_colorizer
    from vidcolor.pipeline import RunSettings
    from vidcolor.video import Encoding, Limits

    settings = RunSettings(
        batch_size=batch_size,
        limits=Limits(max_pixels, max_hours),
        encoding=Encoding(codec, crf, preset),
    )
    load = partial(load_colorizer, model, device, work_size, runtime, fast)
    with console.steps_bar(quiet) as on_step:
        report = bench(film, load, settings, BenchSettings(frames, repeats, height), on_step)
    if as_json:
        console.print_json(report)
    else:
        console.print_bench(report)
