"""`vidcolor models`."""

import click

from vidcolor.cli.options import json_option


@click.command()
@json_option
def models(as_json: bool) -> None:
    """List the released models."""
    from vidcolor import console
    from vidcolor.checkpoint import read_meta
    from vidcolor.released import find_model, released_models

    metas = [read_meta(find_model(name)) for name in released_models()]
    console.print_json(metas) if as_json else console.print_models(metas)
