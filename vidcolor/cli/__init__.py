"""The command line. Commands translate options into one library call; they never compute.

Heavy imports stand inside the commands, so that `--help` answers at once.
"""

import sys
from io import TextIOWrapper
from typing import Any

import click

from vidcolor.cli.bench import bench
from vidcolor.cli.compare import compare
from vidcolor.cli.evaluate import evaluate
from vidcolor.cli.exits import DAMAGED, FAILED, HUNG_UP, INTERRUPTED, TERMINATED
from vidcolor.cli.export import export
from vidcolor.cli.info import info
from vidcolor.cli.models import models
from vidcolor.cli.preview import preview
from vidcolor.cli.run import run
from vidcolor.cli.signals import exit_code, stopped_by_signals
from vidcolor.cli.train import train
from vidcolor.errors import VidcolorError, worded

__all__ = ["DAMAGED", "FAILED", "HUNG_UP", "INTERRUPTED", "TERMINATED", "main"]


class _Commands(click.Group):
    """The one place where vidcolor's errors become click's: one line, exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a name in it need not be in the terminal's alphabet
        try:
            with stopped_by_signals(), worded():
                return super().invoke(ctx)
        except VidcolorError as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt as interrupt:
            click.echo("Interrupted: nothing half-finished was left behind.", err=True)
            ctx.exit(exit_code(interrupt))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vidcolor")
def main() -> None:
    """Turn black-and-white film into believable colour film."""


for command in (run, preview, compare, evaluate, models, info, bench, train, export):
    main.add_command(command)
