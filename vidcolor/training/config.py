"""The numbers of a training run."""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vidcolor.color import GREYS
from vidcolor.data import ZOOM
from vidcolor.errors import ConfigError
from vidcolor.networks.settings import check_kinds, check_names
from vidcolor.photos import LEAST_SIDE

OPTIMIZERS = ("adamw", "adam", "adadelta")
SCHEDULES = ("cosine", "plateau", "constant")
PRECISIONS = ("auto", "float32", "bfloat16")
PERCEPTUAL_NETWORKS = ("squeezenet1_0", "vgg16")
LATER_RATES = ("free_rate", "encoder_rate", "joint_rate")
"""Of the stages after the frozen one."""


@dataclass(frozen=True)
class TrainConfig:
    """Plain numbers and strings. Where the user says nothing, a network's own `recipe` speaks before these defaults."""

    epochs: int = 10
    minutes: float | None = None
    """Measure the run by the clock instead of by epochs."""
    size: int = 160
    """Side of the training crops in pixels, a multiple of the network's."""
    grey: str = "709"
    """What the network is shown of a colour picture, one of `color.GREYS`."""
    batch_size: int = 32
    free_batch_size: int | None = None
    """Pictures in a step once the encoder is free; None: as many as else."""

    optimizer: str = "adamw"
    momentum: float = 0.9
    """The first beta of Adam and AdamW."""
    weight_decay: float = 0.02
    rate: float = 1.5e-3
    """Learning rate until the encoder is free, or where there is none. `compose` lets the LATER_RATES follow it."""
    free_rate: float = 3e-4
    """Of everything but the encoder, once that is free."""
    encoder_rate: float = 1e-4
    """Of the encoder, once that is free."""
    schedule: str = "cosine"
    """How rates change within a stage: "cosine" and "constant" warm up, "plateau" divides by ten when checks get no
    better."""
    patience: int = 3
    """Checks without improvement before a plateau is called one."""
    early_stop: int = 0
    """End the run after so many checks without improvement; 0: never."""
    ema: float = 0.999
    """Share of the past in the running average of the weights, which is scored and kept; less in the first steps."""
    precision: str = "auto"
    """Of the network's arithmetic; "auto" is bfloat16 on CUDA and float32 elsewhere. Losses are float32."""

    free_share: float = 0.25
    """Share of the run, the last part before any critic, in which the encoder is trained too."""
    hold_shallow: bool = False
    """Leave the encoder's `shallow_parts` as they are, for faster steps."""
    critic_share: float = 0.0
    """Share of the run in which the critic is trained alone."""
    joint_share: float = 0.0
    """Share of the run, its end, in which network and critic are trained against each other."""
    joint_rate: float = 2e-5
    """Of the whole network, against the critic."""
    critic_rate: float = 2e-4
    """Of the critic, whenever it learns."""
    gan_weight: float = 0.1
    """Weight of the critic's verdict in the network's loss."""
    layer_wise: bool = False
    """Train the last layer first; the others join one at a time over the first half of the first stage."""

    perceptual: float = 0.0
    """Weight of the distance between features of a classifier."""
    perceptual_network: str = "squeezenet1_0"
    perceptual_weights: str = "torchvision"
    """A file of weights, or torchvision's own."""
    colorfulness: float = 0.0
    """Weight of the distance to the truth's colourfulness."""
    stability: float = 0.0
    """Weight of the distance to the colours of the same picture shifted, grained and dimmed."""

    zoom: float = ZOOM
    """Views are pieces of a picture whose sides are shorter than its own by up to this factor."""
    film_look: float = 0.5
    """Share of the views that are made to look like old film."""
    cache_features: bool = False
    cache_views: int = 1
    """Different views of every picture that are kept while features are cached."""
    held_out: int = 512
    """Pictures to score on."""
    held_out_share: float = 0.1
    """At most this share of all pictures is held out."""
    check_every: int = 8192
    """Samples between two checks: score, sheet, checkpoint. There is one at the end of every epoch too."""
    keep_every: int = 0
    """Keep the model of every so many epochs; 0: the best alone."""
    overfit_one: bool = False
    """Learn the first picture and nothing else, to see that the network can."""
    workers: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            self._refuse(name, isinstance(value, float) and not math.isfinite(value), "must be finite")
        for name in ("epochs", "batch_size", "zoom", "cache_views", "held_out", "check_every", "patience"):
            self._refuse(name, getattr(self, name) < 1, "must be at least 1")
        for name in ("free_share", "critic_share", "joint_share", "film_look", "ema", "held_out_share"):
            self._refuse(name, not 0 <= getattr(self, name) <= 1, "must lie in 0..1")
        for name in ("rate", *LATER_RATES, "critic_rate"):
            self._refuse(name, not getattr(self, name) > 0, "must be above 0")
        for name in ("weight_decay", "gan_weight", "perceptual", "colorfulness", "stability"):
            self._refuse(name, not getattr(self, name) >= 0, "must not be negative")
        for name in ("early_stop", "keep_every", "workers", "seed"):
            self._refuse(name, getattr(self, name) < 0, "must not be negative")
        self._refuse("seed", self.seed >= 2**32, f"must be below {2**32}")
        self._refuse("momentum", not 0 <= self.momentum < 1, "must lie in 0..1, without 1")
        self._refuse("minutes", self.minutes is not None and not self.minutes > 0, "must be above 0")
        self._refuse(
            "free_batch_size", self.free_batch_size is not None and self.free_batch_size < 1, "must be at least 1"
        )
        for name, choices in (
            ("grey", GREYS),
            ("optimizer", OPTIMIZERS),
            ("schedule", SCHEDULES),
            ("precision", PRECISIONS),
            ("perceptual_network", PERCEPTUAL_NETWORKS),
        ):
            self._refuse(name, getattr(self, name) not in choices, f"must be one of {', '.join(choices)}")
        self._refuse("size", self.size < LEAST_SIDE, f"must be at least {LEAST_SIDE}")
        self._refuse("joint_share", self.critic_share + self.joint_share > 1, "and critic_share must not exceed 1")

    def _refuse(self, name: str, wrong: bool, rule: str) -> None:
        if wrong:
            raise ConfigError(f"{name} {rule}, got {getattr(self, name)}")

    @property
    def later_batch_size(self) -> int:
        return self.free_batch_size or self.batch_size

    @property
    def adversarial(self) -> bool:
        return self.critic_share + self.joint_share > 0


@dataclass(frozen=True)
class TrainFile:
    """A TOML file of settings, as `--config` takes it and as every run leaves it behind."""

    name: str | None = None
    """Of the model."""
    network: str | None = None
    network_settings: dict[str, Any] = field(default_factory=dict)
    """Of the network's own config."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of TrainConfig."""


def compose(recipe: Mapping[str, Any], *layers: Mapping[str, Any]) -> TrainConfig:
    """Defaults, overruled by the network's recipe, then by each layer. Raises ConfigError for an unknown name.

    A layer that gives epochs and no minutes takes back the minutes of those below. One that gives a rate changes the
    LATER_RATES in proportion, but for those that it gives itself.
    """
    merged: dict[str, Any] = dict(recipe)
    for layer in layers:
        check_names(layer, TrainConfig, "`vidcolor train --help` lists what there is")
        check_kinds(layer, TrainConfig)
        if "epochs" in layer:
            merged.pop("minutes", None)
        if "rate" in layer:
            merged |= _in_proportion(merged, layer["rate"])
        merged |= layer
    return TrainConfig(**merged)


def _in_proportion(below: dict[str, Any], rate: float) -> dict[str, float]:
    """LATER_RATES, as much higher or lower than those below as `rate` is than the one there."""
    usual = asdict(TrainConfig()) | below
    gain = rate / usual["rate"] if 0 < usual["rate"] < math.inf else 1.0
    return {name: usual[name] * gain for name in LATER_RATES}


def read_file(path: Path) -> TrainFile:
    """Raises ConfigError where there is no such file, it is no TOML, or a name in it is no word."""
    try:
        values = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not a TOML file ({error})") from None
    network = values.pop("network", {})
    if not isinstance(network, dict):
        raise ConfigError(f"{path}: write the network as a table: [network], and below it name = {network!r}")
    names = {"name": values.pop("name", None), "network": network.pop("name", None)}
    check_kinds(names, TrainFile)
    return TrainFile(**names, network_settings=network, settings=values)


def to_toml(file: TrainFile) -> str:
    """What `read_file` reads back; of epochs and minutes only what measures the run."""
    unused = {"epochs"} if file.settings.get("minutes") is not None else set()
    settings = {name: value for name, value in file.settings.items() if name not in unused}
    top, network = {"name": file.name} | settings, {"name": file.network} | file.network_settings
    return "\n".join([*_lines(top), "", "[network]", *_lines(network)]) + "\n"


def _lines(values: Mapping[str, Any]) -> list[str]:
    """Strings, numbers, booleans and flat lists are written alike in TOML and JSON; TOML has no null."""
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items() if value is not None]
