"""`vidcolor eval`."""

from pathlib import Path

import click

from vidcolor.cli.options import (
    TYPED_PATH,
    device_option,
    fast_option,
    json_option,
    limit_options,
    model_option,
    no_progress_option,
    runtime_option,
    saturation_option,
    smooth_option,
    work_size_option,
)


@click.command("eval")
@click.argument("sources", nargs=-1, required=True, type=TYPED_PATH, metavar="ORIGINAL...")
@model_option
@device_option
@runtime_option
@click.option("--size", default=256, show_default=True, help="Pictures are compared at this side squared, in pixels.")
@work_size_option
@smooth_option
@fast_option
@saturation_option
@click.option(
    "--feature-weights",
    type=TYPED_PATH,
    metavar="FILE",
    help="MobileNetV2 for FID and Inception Score; default: torchvision's, where it was downloaded before.",
)
@click.option(
    "--feature-padding",
    default="torch",
    show_default=True,
    type=click.Choice(["torch", "tensorflow"]),
    help="Padding those weights were trained with.",
)
@click.option("--report", type=TYPED_PATH, metavar="DIR", help="Write a page to look at, index.html.")
@limit_options
@no_progress_option
@json_option
def evaluate(
    sources: tuple[Path, ...],
    model: str,
    device: str,
    runtime: str,
    size: int,
    work_size: int | None,
    smooth: float | None,
    fast: bool,
    saturation: float,
    feature_weights: Path | None,
    feature_padding: str,
    report: Path | None,
    max_pixels: int,
    max_hours: float,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure a model on ORIGINALs in colour: films, pictures, folders, tar and zip archives.

    Each is seen through its luma alone, coloured, and compared with its own colours.
    """
    from vidcolor import console
    from vidcolor.colorizer import load_colorizer
    from vidcolor.evaluate import EvalSettings, evaluate
    from vidcolor.files import make_folder
    from vidcolor.metrics import load_features
    from vidcolor.report import write_report
    from vidcolor.smooth import Smoother
    from vidcolor.video import Limits

    features = (load_features("inception"), load_features("mobilenet_v2", feature_weights, feature_padding))
    settings = EvalSettings(
        size=size,
        smoother=Smoother() if smooth is None else Smoother(smooth),
        saturation=saturation,
        features=tuple(found for found in features if found),
        limits=Limits(max_pixels, max_hours),
    )
    if report:
        make_folder(report)  # what hinders it is said before the long work
    colorizer = load_colorizer(model, device, work_size, runtime, fast)
    with console.steps_bar(quiet) as on_source:
        found = evaluate(sources, colorizer, settings, on_source)
    try:
        if as_json:
            console.print_json(found.report)
        else:
            console.print_evaluation(found.report)
    finally:
        if report:
            page = write_report(found, report)
            if not quiet:
                click.echo(f"Look at {page}", err=True)
