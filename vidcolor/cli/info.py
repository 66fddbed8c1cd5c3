"""`vidcolor info`."""

from pathlib import Path

import click

from vidcolor.cli.options import TYPED_PATH, json_option, limit_options


@click.command()
@click.argument("source", required=False, type=TYPED_PATH, metavar="INPUT")
@click.option("--env", is_flag=True, help="Describe this machine instead: versions, devices, threads, encoders.")
@limit_options
@json_option
def info(source: Path | None, env: bool, max_pixels: int, max_hours: float, as_json: bool) -> None:
    """Show the streams of INPUT, or this machine with --env."""
    from vidcolor import console

    if (source is None) != env:
        raise click.UsageError("give either INPUT or --env")
    if source is None:
        from vidcolor.environment import describe_environment

        environment = describe_environment()
        console.print_json(environment) if as_json else console.print_environment(environment)
    else:
        from vidcolor.video import Limits, probe

        summary = probe(source, Limits(max_pixels, max_hours))
        console.print_json(summary) if as_json else console.print_media(summary)
