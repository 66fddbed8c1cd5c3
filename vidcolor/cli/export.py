"""`vidcolor export`."""

from pathlib import Path

import click

from vidcolor.cli.options import TYPED_PATH, json_option, model_option, quiet_option


@click.command()
@click.argument("output", type=TYPED_PATH)
@model_option
@click.option("--to", default="onnx", show_default=True, type=click.Choice(["onnx", "openvino"]), help="The format.")
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
@quiet_option
@json_option
def export(output: Path, model: str, to: str, overwrite: bool, quiet: bool, as_json: bool) -> None:
    """Write a model to OUTPUT for other programs, checked against torch on real frames."""
    from vidcolor import console
    from vidcolor.export import export as export_model

    report = export_model(output, model, to, overwrite)
    console.print_export(report, quiet)
    if as_json:
        console.print_json(report)
