"""Options that several commands share, and the types of what is typed."""

import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import click

from vidcolor.released import DEFAULT_MODEL

C = TypeVar("C", bound=Callable[..., Any])
TYPED_PATH = click.Path(readable=False, path_type=Path)
"""Left as it is: the library says what is wrong with a file."""


_NUMBER = re.compile(r"[0-9]{1,7}(\.[0-9]{0,9})?|\.[0-9]{1,9}")
"""What no clock of a film counts beyond."""


class Seconds(click.ParamType[Fraction]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        if isinstance(value, Fraction):
            return value
        parts = str(value).split(":")
        if len(parts) > 3 or not all(map(_NUMBER.fullmatch, parts)):
            self.fail(f"{value!r} is no time: give seconds or HH:MM:SS", param, ctx)
        return sum((Fraction(part) * 60**power for power, part in enumerate(reversed(parts))), Fraction(0))


class KeyValue(click.ParamType[tuple[str, str]]):
    name = "K=V"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, equals, setting = str(value).partition("=")
        if not key or not equals:
            self.fail(f"{value!r} is not of the form KEY=VALUE", param, ctx)
        return key, setting


model_option = click.option(
    "--model", default=DEFAULT_MODEL, show_default=True, metavar="NAME|FILE", help="Released model or checkpoint."
)
device_option = click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]|mps", help="Where to compute."
)
runtime_option = click.option(
    "--runtime",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "torch", "openvino"]),
    help="What computes the network; auto: openvino on a CPU where it is installed.",
)
batch_size_option = click.option(
    "--batch-size", type=click.IntRange(1), help="Frames at once; default: what suits the device."
)
work_size_option = click.option(
    "--work-size", type=click.IntRange(1), help="Side of the square the network sees; default: the model's."
)
smooth_option = click.option("--smooth", type=click.FloatRange(0, 1), help="Strength of the temporal filter, 0 is off.")
fast_option = click.option(
    "--fast", is_flag=True, help="The network sees key frames only; the temporal filter carries their colours on."
)
saturation_option = click.option(
    "--saturation", default=1.0, show_default=True, type=click.FloatRange(0, 4), help="Gain on the colour."
)
reference_option = click.option(
    "--reference",
    "references",
    multiple=True,
    type=TYPED_PATH,
    metavar="FILE",
    help="A picture in colour, to take after where the film shows the same things; may be repeated.",
)
codec_option = click.option("--codec", help="Video encoder; default: libx264, in .webm libvpx-vp9.")
quiet_option = click.option("--quiet", is_flag=True, help="Say nothing but errors.")
no_progress_option = click.option("--quiet", is_flag=True, help="Say nothing but what was measured, and errors.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout, nothing else.")


def quality_options(command: C) -> C:
    """--crf and --preset, of the video encoder."""
    quality = click.option(
        "--crf", default=18.0, show_default=True, type=click.FloatRange(0, 63), help="Quality, lower is better."
    )
    speed = click.option("--preset", default="medium", show_default=True, help="Speed of the encoder.")
    return quality(speed(command))


def limit_options(command: C) -> C:
    """--max-pixels and --max-hours, which a source must not exceed."""
    pixels = click.option(
        "--max-pixels",
        default=200_000_000,
        show_default=True,
        type=click.IntRange(1),
        help="Refuse larger pictures, as a header claims them.",
    )
    hours = click.option(
        "--max-hours",
        default=100.0,
        show_default=True,
        type=click.FloatRange(0, min_open=True),
        help="Refuse longer films, as a header claims them.",
    )
    return pixels(hours(command))
