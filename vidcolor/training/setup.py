"""From what was typed, and what lies in files, to a network and the settings of its run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcolor import checkpoint
from vidcolor.checkpoint import CheckpointMeta, new_meta
from vidcolor.errors import ConfigError
from vidcolor.networks import new_network
from vidcolor.networks.base import Network
from vidcolor.released import find_model
from vidcolor.training.config import TrainConfig, TrainFile, compose, read_file
from vidcolor.training.folder import RunFolder

DEFAULT_NETWORK = "fusion"


@dataclass(frozen=True)
class Setup:
    network: Network
    config: TrainConfig
    meta: CheckpointMeta
    knows_colors: bool = False
    """Whether the network brings along what it has learned about colours."""


def set_up(
    out: Path,
    settings: Mapping[str, Any],
    *,
    network: str | None = None,
    network_settings: Mapping[str, Any] | None = None,
    encoder_weights: str | None = None,
    start_from: str | None = None,
    file: Path | None = None,
    name: str | None = None,
    resume: bool = False,
) -> Setup:
    """What is typed (`settings`, `network_settings`) overrules the TOML `file`, which overrules the network's recipe.

    A resumed run starts from the settings that it left in `out`, and its weights lie there; `start_from` is a model to
    go on from. Raises ConfigError or CheckpointError.
    """
    if name is not None and not name.isprintable():
        raise ConfigError(f"the name of a model must be printable, got {name!r}")
    if "epochs" in settings and settings.get("minutes") is not None:
        raise ConfigError("a run is measured by epochs or by minutes: leave out one of them")
    left = RunFolder(out).settings_to_resume() if resume else TrainFile()
    written = read_file(file) if file else TrainFile()
    arch = network or written.network or left.network
    if resume and arch != left.network:
        raise ConfigError(f"the run in {out} trains {left.network}, not {arch}: leave out --network")
    wanted: dict[str, Any] = {}
    for known in (left, written, TrainFile(network_settings=dict(network_settings or {}))):
        wanted |= known.network_settings if known.network in (None, arch) else {}
    layers = left.settings, written.settings, settings
    if start_from and not resume:
        if encoder_weights is not None:
            raise ConfigError(f"a network that starts from {start_from} has its encoder: leave out --encoder-weights")
        built, arch = _take_over(start_from, arch, wanted)
    else:
        arch = arch or DEFAULT_NETWORK
        built = new_network(arch, wanted, "none" if resume else encoder_weights, compose({}, *layers).seed)
    config = compose(built.recipe, *layers)
    meta = new_meta(name or written.name or left.name or arch, arch, built)
    return Setup(built, config, meta, knows_colors=bool(start_from))


def _take_over(model: str, arch: str | None, wanted: Mapping[str, Any]) -> tuple[Network, str]:
    """The network of a model, and what it is called."""
    network, meta = checkpoint.load(find_model(model))
    if arch not in (None, meta.arch):
        raise ConfigError(f"{model} is a {meta.arch} network, not {arch}: leave out --network, or give another model")
    others = [key for key, value in wanted.items() if meta.config.get(key) != value]
    if others:
        raise ConfigError(f"a network that starts from {model} keeps its settings: leave out {', '.join(others)}")
    return network, meta.arch
