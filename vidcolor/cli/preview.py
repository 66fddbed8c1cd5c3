"""`vidcolor preview`."""

from pathlib import Path

import click

from vidcolor.cli.options import (
    TYPED_PATH,
    device_option,
    json_option,
    limit_options,
    model_option,
    quiet_option,
    reference_option,
    runtime_option,
    saturation_option,
    work_size_option,
)


@click.command()
@click.argument("source", type=TYPED_PATH, metavar="INPUT")
@click.argument("sheet", type=TYPED_PATH, metavar="SHEET")
@click.option("--count", default=8, show_default=True, type=click.IntRange(1, 400), help="Moments on the sheet.")
@model_option
@device_option
@runtime_option
@work_size_option
@saturation_option
@reference_option
@limit_options
@click.option("--overwrite", is_flag=True, help="Replace a sheet that exists.")
@quiet_option
@json_option
def preview(
    source: Path,
    sheet: Path,
    count: int,
    model: str,
    device: str,
    runtime: str,
    work_size: int | None,
    saturation: float,
    references: tuple[Path, ...],
    max_pixels: int,
    max_hours: float,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Colour evenly spaced moments of INPUT onto one picture, SHEET: grey above, coloured below."""
    from vidcolor import console
    from vidcolor.colorizer import load_colorizer
    from vidcolor.preview import preview as preview_film
    from vidcolor.video import Limits

    colorizer = load_colorizer(model, device, work_size, runtime, references=references)
    report = preview_film(
        source,
        sheet,
        colorizer,
        count=count,
        saturation=saturation,
        overwrite=overwrite,
        limits=Limits(max_pixels, max_hours),
    )
    console.print_preview(report, quiet)
    if as_json:
        console.print_json(report)
