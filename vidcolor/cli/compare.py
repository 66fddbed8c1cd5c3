"""`vidcolor compare`."""

from pathlib import Path

import click

from vidcolor.cli.exits import DAMAGED
from vidcolor.cli.options import TYPED_PATH, codec_option, json_option, limit_options, quality_options, quiet_option


@click.command()
@click.argument("left", type=TYPED_PATH, metavar="A")
@click.argument("right", type=TYPED_PATH, metavar="B")
@click.argument("output", type=TYPED_PATH)
@click.option(
    "--layout",
    default="side",
    show_default=True,
    type=click.Choice(["side", "split"]),
    help="Side by side, or parted by a line that moves.",
)
@codec_option
@quality_options
@limit_options
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@quiet_option
@json_option
def compare(
    left: Path,
    right: Path,
    output: Path,
    layout: str,
    codec: str | None,
    crf: float,
    preset: str,
    max_pixels: int,
    max_hours: float,
    overwrite: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Show two films, A at the left and B at the right, as one film, or two pictures as one picture.

    A's timing and sound are kept; B is scaled to A's height, and its last frame stays where it ends early.
    """
    from vidcolor import console
    from vidcolor.compare import compare as compare_films
    from vidcolor.video import Encoding, Limits

    with console.run_bar(quiet) as bar:
        report = compare_films(
            left,
            right,
            output,
            layout=layout,
            encoding=Encoding(codec or "", crf, preset),
            overwrite=overwrite,
            limits=Limits(max_pixels, max_hours),
            on_frames=bar.follow(output.name),
        )
    console.print_comparison(report, quiet)
    if as_json:
        console.print_json(report)
    if report.losses:
        raise SystemExit(DAMAGED)
