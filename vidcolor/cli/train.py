"""`vidcolor train`."""

from pathlib import Path
from typing import Any

import click

from vidcolor.cli.options import device_option, json_option, quiet_option


@click.command()
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FRAMES...")
@click.option("--network", default="fusion", show_default=True, help="Architecture to train.")
@click.option(
    "--encoder-weights",
    default="torchvision",
    show_default=True,
    metavar="FILE|torchvision|none",
    help="Where the pretrained encoder comes from.",
)
@click.option(
    "--encoder-padding",
    default="torch",
    show_default=True,
    type=click.Choice(["torch", "tensorflow"]),
    help="Padding those weights were trained with.",
)
@click.option(
    "--out",
    default=Path("run"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for model.safetensors, sample sheets and the state to resume from.",
)
@click.option("--name", help="Name of the model; default: the network's.")
@click.option("--epochs", default=10, show_default=True, help="Passes over the pictures.")
@click.option("--minutes", type=float, help="Length of the run by the clock, instead of --epochs.")
@click.option("--size", default=160, show_default=True, help="Side of the training crops, in pixels.")
@click.option(
    "--grey",
    default="709",
    show_default=True,
    type=click.Choice(["601", "709", "mean", "report", "lstar"]),
    help="What the network is shown of a colour picture.",
)
@click.option("--batch-size", default=32, show_default=True, help="Pictures in a step.")
@click.option("--rate", default=1.5e-3, show_default=True, help="Peak learning rate.")
@click.option(
    "--free-share", default=0.25, show_default=True, help="Last part of the run, in which the encoder is trained too."
)
@click.option("--cache-features", is_flag=True, help="Compute the frozen encoder's features once, keep them on disk.")
@click.option("--cache-views", default=1, show_default=True, help="Different crops of every picture that are cached.")
@click.option("--check-every", default=8192, show_default=True, help="Pictures between two checks and sample sheets.")
@click.option("--workers", default=2, show_default=True, help="Processes that decode pictures.")
@click.option("--seed", default=0, show_default=True, help="Of order, crops and first weights.")
@device_option
@click.option("--resume", is_flag=True, help="Go on from the state in --out.")
@quiet_option
@json_option
def train(
    sources: tuple[Path, ...],
    network: str,
    encoder_weights: str,
    encoder_padding: str,
    out: Path,
    name: str | None,
    device: str,
    resume: bool,
    quiet: bool,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train a colorizer on FRAMES: folders of pictures, tar archives, videos."""
    from vidcolor import console
    from vidcolor.checkpoint import new_meta
    from vidcolor.device import pick_device
    from vidcolor.networks import new_network
    from vidcolor.train import train
    from vidcolor.train_config import TrainConfig

    config = TrainConfig(**settings)
    picked = pick_device(device)
    built = new_network(network, "none" if resume else encoder_weights, encoder_padding, config.seed)
    meta = new_meta(name or network, network, built)
    with console.training_bar(quiet) as on_step:
        report = train(built, sources, out, config, meta, device=picked, resume=resume, on_step=on_step)
    if as_json:
        console.print_json(report)
    elif not quiet:
        click.echo(f"{report.model}: {report.samples} samples in {report.minutes:.1f} minutes")
