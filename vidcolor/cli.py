"""The command line. Commands translate options into one library call; they never compute.

Heavy imports stand inside the commands, so that `--help` answers at once.
"""

from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from vidcolor.errors import VidcolorError

FAILED, DAMAGED, INTERRUPTED = 1, 3, 130


class _Commands(click.Group):
    """The one place where vidcolor's errors become click's: one line, exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except VidcolorError as error:
            raise click.ClickException(str(error)) from None
        except KeyboardInterrupt:
            click.echo("Interrupted: nothing half-finished was left behind.", err=True)
            ctx.exit(INTERRUPTED)


class _Seconds(click.ParamType[Fraction]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        if isinstance(value, Fraction):
            return value
        try:
            parts = [Fraction(part) for part in str(value).split(":")]
        except (ValueError, ZeroDivisionError):
            parts = []
        if not 1 <= len(parts) <= 3 or min(parts) < 0:
            self.fail(f"{value!r} is no time: give seconds or HH:MM:SS", param, ctx)
        return sum((part * 60**power for power, part in enumerate(reversed(parts))), Fraction(0))


class _KeyValue(click.ParamType[tuple[str, str]]):
    name = "K=V"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, equals, setting = str(value).partition("=")
        if not key or not equals:
            self.fail(f"{value!r} is not of the form KEY=VALUE", param, ctx)
        return key, setting


device_option = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]|mps", help="Where to compute."
)
quiet_option = click.option("--quiet", is_flag=True, help="Say nothing but errors.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout, nothing else.")


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="vidcolor")
def main() -> None:
    """Turn black-and-white film into believable colour film."""


@main.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.argument("output", type=click.Path(path_type=Path))
@click.option("--model", default="fusion", show_default=True, metavar="NAME|FILE", help="Released model or checkpoint.")
@device_option
@click.option("--batch-size", type=click.IntRange(1), help="Frames at once; default: what suits the device.")
@click.option("--work-size", type=click.IntRange(32), help="Side of the square the network sees; default: the model's.")
@click.option("--smooth", type=click.FloatRange(0, 1), help="Strength of the temporal filter, 0 is off.")
@click.option("--saturation", default=1.0, show_default=True, type=click.FloatRange(0, 4), help="Gain on the colour.")
@click.option("--codec", help="Video encoder; default: libx264, in .webm libvpx-vp9.")
@click.option("--crf", default=18.0, show_default=True, type=click.FloatRange(0, 63), help="Quality, lower is better.")
@click.option("--preset", default="medium", show_default=True, help="Speed of the encoder.")
@click.option("--encoder-opt", "encoder_options", multiple=True, type=_KeyValue(), help="Any option of the encoder.")
@click.option("--start", type=_Seconds(), help="Begin here: seconds or HH:MM:SS.")
@click.option("--end", type=_Seconds(), help="Stop here: seconds or HH:MM:SS.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--skip-existing", is_flag=True, help="Leave outputs that exist, colour the rest.")
@quiet_option
@json_option
def run(
    inputs: tuple[str, ...],
    output: Path,
    model: str,
    device: str,
    batch_size: int | None,
    work_size: int | None,
    smooth: float | None,
    saturation: float,
    codec: str | None,
    crf: float,
    preset: str,
    encoder_options: tuple[tuple[str, str], ...],
    start: Fraction | None,
    end: Fraction | None,
    overwrite: bool,
    skip_existing: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Colour INPUT into OUTPUT: films, stills, folders, globs. Several inputs need a folder as OUTPUT.

    Exit codes: 0 all done, 1 something failed, 2 wrong usage, 3 a damaged source was coloured as far as it decodes,
    130 interrupted.
    """
    from vidcolor import console
    from vidcolor.colorizer import load_colorizer
    from vidcolor.jobs import plan_jobs, run_jobs
    from vidcolor.pipeline import RunSettings, colorize_video
    from vidcolor.smooth import Smoother
    from vidcolor.video import Encoding, Span

    settings = RunSettings(
        smoother=Smoother() if smooth is None else Smoother(smooth),
        saturation=saturation,
        batch_size=batch_size,
        span=Span(start, end),
        encoding=Encoding(codec or "", crf, preset, dict(encoder_options)),
        overwrite=overwrite,
    )
    jobs = plan_jobs(inputs, output)
    colorizer = load_colorizer(model, device, work_size)
    with console.run_bar(quiet) as bar:
        outcomes = []
        for outcome in run_jobs(
            jobs,
            lambda job: colorize_video(job.source, job.target, colorizer, settings, bar.follow(job.source.name)),
            skip_existing=skip_existing,
        ):
            bar.conclude(outcome)
            outcomes.append(outcome)
    if as_json:
        console.print_json([outcome.to_dict() for outcome in outcomes])
    if any(outcome.error for outcome in outcomes):
        raise SystemExit(FAILED)
    if any(outcome.report and outcome.report.losses for outcome in outcomes):
        raise SystemExit(DAMAGED)


@main.command()
@json_option
def models(as_json: bool) -> None:
    """List the released models."""
    from vidcolor import console
    from vidcolor.checkpoint import read_meta
    from vidcolor.released import find_model, released_models

    metas = [read_meta(find_model(name)) for name in released_models()]
    console.print_json(metas) if as_json else console.print_models(metas)


@main.command()
@click.argument("source", required=False, type=click.Path(path_type=Path), metavar="INPUT")
@click.option("--env", is_flag=True, help="Describe this machine instead: versions, devices, threads, encoders.")
@json_option
def info(source: Path | None, env: bool, as_json: bool) -> None:
    """Show the streams of INPUT, or this machine with --env."""
    from vidcolor import console

    if (source is None) != env:
        raise click.UsageError("give either INPUT or --env")
    if source is None:
        from vidcolor.environment import describe_environment

        environment = describe_environment()
        console.print_json(environment) if as_json else console.print_environment(environment)
    else:
        from vidcolor.video import probe

        summary = probe(source)
        console.print_json(summary) if as_json else console.print_media(summary)


@main.command()
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
