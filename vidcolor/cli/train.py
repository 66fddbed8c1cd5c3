"""`vidcolor train`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from vidcolor.cli.exits import FAILED
from vidcolor.cli.options import TYPED_PATH, KeyValue, device_option, json_option, quiet_option
from vidcolor.cli.signals import exit_code, stopped_between_steps


def _setting(name: str, default: str, text: str, kind: Any = None, **more: Any) -> Callable[..., Any]:
    """An option that overrules `--config` and the network's recipe, but only where it is typed."""
    return click.option(name, default=None, show_default=default, type=kind, help=text, **more)


def _flag(name: str, text: str) -> Callable[..., Any]:
    return click.option(name, is_flag=True, default=None, help=text)


NETWORK_SETTINGS = ("loss", "target", "classifier", "encoder_padding")


@click.command()
@click.argument("sources", nargs=-1, required=True, type=TYPED_PATH, metavar="FRAMES...")
@click.option("--network", show_default="fusion", help="Architecture to train: fusion, or one of the reports'.")
@click.option("--start-from", metavar="NAME|FILE", help="Go on from a released model or a checkpoint.")
@click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="TOML file of settings.")
@click.option("--set", "pairs", multiple=True, type=KeyValue(), help="A setting of the network, like palette_size=64.")
@_setting("--loss", "mse", "What a regressing network minimises.", click.Choice(["mse", "mae", "msle"]))
@_setting("--target", "ab", "What pix2pix predicts.", click.Choice(["ab", "rgb"]))
@_setting("--classifier", "inception_resnet_v2", "Whose vector fusion-koala and fusion-faces fuse.")
@click.option("--encoder-weights", metavar="FILE|torchvision|timm|none", help="Where the pretrained part comes from.")
@_setting(
    "--encoder-padding", "torch", "Padding those weights were trained with.", click.Choice(["torch", "tensorflow"])
)
@click.option(
    "--out",
    default=Path("run"),
    show_default=True,
    type=TYPED_PATH,
    help="Folder for the model, its settings, curves and sheets, and the state to resume from.",
)
@click.option("--name", help="Name of the model; default: the network's.")
@_setting("--epochs", "10", "Passes over the pictures.", int)
@_setting("--minutes", "none", "Length of the run by the clock, instead of --epochs.", float)
@_setting("--size", "160", "Side of the training crops, in pixels.", int)
@_setting(
    "--grey",
    "709",
    "What the network is shown of a colour picture.",
    click.Choice(["601", "709", "mean", "report", "lstar"]),
)
@_setting("--batch-size", "32", "Pictures in a step, of all processes together.", int)
@_setting("--optimizer", "adamw", "What moves the weights.", click.Choice(["adamw", "adam", "adadelta"]))
@_setting("--rate", "0.0015", "Peak learning rate; those of later stages change in proportion.", float)
@_setting("--schedule", "cosine", "How the rate falls.", click.Choice(["cosine", "plateau", "constant"]))
@_setting("--patience", "3", "Checks without improvement before a plateau lowers the rate.", int)
@_setting("--early-stop", "0", "End after so many checks without improvement; 0: never.", int)
@_setting("--precision", "auto", "Of the arithmetic.", click.Choice(["auto", "float32", "bfloat16"]))
@_setting("--free-share", "0.25", "Last part of the run, in which the encoder is trained too.", float)
@_setting("--critic-share", "0", "Part of the run in which a critic learns alone.", float)
@_setting("--joint-share", "0", "End of the run, in which network and critic learn against each other.", float)
@_setting("--gan-weight", "0.1", "Weight of the critic's verdict.", float)
@_setting("--perceptual", "0", "Weight of a perceptual loss.", float)
@_setting("--perceptual-weights", "torchvision", "Where its SqueezeNet comes from.", metavar="FILE|torchvision")
@_setting("--colorfulness", "0", "Weight of the distance to the truth's colourfulness.", float)
@_setting("--stability", "0", "Weight of the distance to the same picture, shifted, grained and dimmed.", float)
@_flag("--layer-wise", "Train the last layer first; the others join one by one.")
@_setting("--film-look", "0.5", "Share of the pictures made to look like old film.", float)
@_flag("--cache-features", "Compute the frozen encoder's features once, keep them on disk.")
@_setting("--cache-views", "1", "Different crops of every picture that are cached.", int)
@_setting("--held-out", "512", "Pictures to score on, at most a tenth of all.", int)
@_setting("--check-every", "8192", "Pictures between two checks and sample sheets.", int)
@_setting("--keep-every", "0", "Keep the model of every so many epochs.", int)
@_flag("--overfit-one", "Learn the first picture alone, to see that the network can.")
@_setting("--workers", "2", "Processes that decode pictures.", int)
@_setting("--seed", "0", "Of order, crops and first weights.", int)
@device_option
@click.option("--resume", is_flag=True, help="Go on from the state in --out, with the settings there.")
@quiet_option
@json_option
def train(
    sources: tuple[Path, ...],
    network: str | None,
    start_from: str | None,
    config: Path | None,
    pairs: tuple[tuple[str, str], ...],
    encoder_weights: str | None,
    out: Path,
    name: str | None,
    device: str,
    resume: bool,
    quiet: bool,
    as_json: bool,
    **typed: Any,
) -> None:
    """Train a colorizer on FRAMES: folders of pictures, tar and zip archives, videos."""
    from vidcolor import console
    from vidcolor.device import pick_device
    from vidcolor.errors import VidcolorError
    from vidcolor.parallel import launched_group
    from vidcolor.training import set_up, train
    from vidcolor.tree import RUN_STATE, refuse_missing

    given = {key: value for key, value in typed.items() if value is not None}
    of_network = {key: given.pop(key) for key in NETWORK_SETTINGS if key in given}
    refuse_missing(sources)  # before weights are fetched
    picked = pick_device(device)
    setup = set_up(
        out,
        given,
        network=network,
        network_settings={key: _parsed(value) for key, value in pairs} | of_network,
        encoder_weights=encoder_weights,
        start_from=start_from,
        file=config,
        name=name,
        resume=resume,
    )
    reports = launched_group().is_first
    silent = quiet or not reports
    try:
        with console.training_bar(silent) as show, stopped_between_steps(show) as on_step:
            report = train(
                setup.network,
                sources,
                out,
                setup.config,
                setup.meta,
                device=picked,
                resume=resume,
                knows_colors=setup.knows_colors,
                on_step=on_step,
            )
    except KeyboardInterrupt as interrupt:
        if not (out / RUN_STATE).exists():
            raise
        if not silent:
            click.echo(f"Interrupted: the run so far is in {out}, go on with --resume.", err=True)
        sys.exit(exit_code(interrupt))
    except VidcolorError:
        if not reports:  # the first process says it
            sys.exit(FAILED)
        raise
    if as_json and reports:
        console.print_json(report)
    elif not silent:
        console.print_training(report)


def _parsed(value: str) -> Any:
    """Numbers, lists and truth values as JSON writes them; anything else is a word."""
    try:
        return json.loads(value)
    except ValueError:
        return value
