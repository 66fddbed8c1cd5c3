"""Every network by its name."""

from typing import Any

import torch

from vidcolor.errors import ConfigError
from vidcolor.networks.base import Network, NetworkConfig
from vidcolor.networks.fusion import Fusion, FusionConfig

NETWORKS: dict[str, tuple[type[Network], type[NetworkConfig]]] = {
    "fusion": (Fusion, FusionConfig),
}


def build_network(arch: str, config: dict[str, Any]) -> Network:
    """The network `arch` with fresh weights. Raises ConfigError for an unknown name or setting."""
    if arch not in NETWORKS:
        raise ConfigError(f"unknown network {arch!r}: choose from {', '.join(NETWORKS)}")
    network, settings = NETWORKS[arch]
    known = {name: tuple(value) if isinstance(value, list) else value for name, value in config.items()}
    try:
        return network(settings(**known))
    except TypeError as error:
        raise ConfigError(f"network {arch} does not know a setting: {error}") from None


def new_network(
    arch: str, encoder_weights: str = "torchvision", encoder_padding: str = "torch", seed: int = 0
) -> Network:
    """The network `arch`, about to be trained: its encoder from torchvision, from a file, or fresh ("none").

    Raises ConfigError or CheckpointError.
    """
    torch.manual_seed(seed)
    network = build_network(arch, {"encoder_padding": encoder_padding} if encoder_padding != "torch" else {})
    if encoder_weights != "none":
        network.load_encoder(encoder_weights)
    return network
