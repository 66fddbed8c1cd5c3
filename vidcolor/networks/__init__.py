"""Every network by its name."""

from dataclasses import fields
from typing import Any

import torch

from vidcolor.errors import ConfigError
from vidcolor.networks.base import Network, NetworkConfig
from vidcolor.networks.cnn import Cnn
from vidcolor.networks.faces import FusionFaces
from vidcolor.networks.fusion import Fusion, FusionConfig
from vidcolor.networks.kmeans import Kmeans, KmeansConfig
from vidcolor.networks.koala import FusionKoala, KoalaConfig
from vidcolor.networks.pix2pix import Pix2pix, Pix2pixConfig
from vidcolor.networks.regression import RegressionConfig
from vidcolor.networks.resnet18 import Resnet18
from vidcolor.networks.settings import check_kinds, check_names

NETWORKS: dict[str, tuple[type[Network], type[NetworkConfig]]] = {
    "fusion": (Fusion, FusionConfig),
    "fusion-koala": (FusionKoala, KoalaConfig),
    "fusion-faces": (FusionFaces, KoalaConfig),
    "kmeans": (Kmeans, KmeansConfig),
    "pix2pix": (Pix2pix, Pix2pixConfig),
    "cnn": (Cnn, RegressionConfig),
    "resnet18": (Resnet18, RegressionConfig),
}


def build_network(arch: str, config: dict[str, Any]) -> Network:
    """The network `arch` with fresh weights. Raises ConfigError for an unknown name, or settings that do not fit it."""
    if arch not in NETWORKS:
        raise ConfigError(f"unknown network {arch!r}: choose from {', '.join(NETWORKS)}")
    network, settings = NETWORKS[arch]
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}
    check_names(known, settings, f"network {arch} knows {', '.join(item.name for item in fields(settings))}")
    check_kinds(known, settings)
    fitting = settings(**known)
    try:
        return network(fitting)
    except (RuntimeError, TypeError) as error:  # sizes beyond memory, or beyond torch's integers
        raise ConfigError(f"network {arch} cannot be built as large as {fitting}: choose smaller settings") from error


def new_network(
    arch: str, settings: dict[str, Any] | None = None, encoder_weights: str | None = None, seed: int = 0
) -> Network:
    """The network `arch`, about to be trained.

    `settings` are of its config. Its encoder comes from a file, from the usual loader ("torchvision", "timm"), or is
    fresh ("none"); None is what its class calls usual. Raises ConfigError or CheckpointError.
    """
    torch.manual_seed(seed)
    network = build_network(arch, settings or {})
    source = network.usual_weights if encoder_weights is None else encoder_weights
    if source != "none":
        network.load_encoder(source)
    return network
