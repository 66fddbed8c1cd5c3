"""Pretrained classifiers for the encoders: from torchvision's own loader, or from a local file."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from vidcolor.errors import ConfigError, DamagedCheckpoint, MismatchedCheckpoint


def load_weights(torchvision_name: str, source: str) -> dict[str, torch.Tensor]:
    """The state dict of a torchvision classifier.

    `source` is "torchvision" (its default weights, downloaded once and kept by torch.hub) or a .safetensors or .pth
    file in torchvision's naming. Raises ConfigError or DamagedCheckpoint.
    """
    if source == "torchvision":
        return _from_torchvision(torchvision_name)
    path = Path(source)
    if not path.is_file():
        raise ConfigError(f"--encoder-weights {source}: no such file; give a file, torchvision or none")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise DamagedCheckpoint(f"{path}: cannot be read as weights (it holds something else)") from None
    except (SafetensorError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise DamagedCheckpoint(f"{path}: cannot be read as weights ({str(error).splitlines()[0]})") from None
    if not isinstance(state, dict):
        raise DamagedCheckpoint(f"{path}: cannot be read as weights (it holds something else)")
    return state


def load_into(module: nn.Module, weights: dict[str, torch.Tensor], source: str) -> None:
    """Strictly, in one line of blame. Raises MismatchedCheckpoint."""
    try:
        module.load_state_dict(weights, strict=True)
    except RuntimeError:
        raise MismatchedCheckpoint(f"--encoder-weights {source}: these weights belong to another classifier") from None


def _from_torchvision(name: str) -> dict[str, Any]:
    from torchvision.models import get_model_weights

    weights = get_model_weights(name)["IMAGENET1K_V1"]
    try:
        state: dict[str, Any] = weights.get_state_dict(progress=False)
        return state
    except OSError as error:
        raise ConfigError(
            f"cannot download {weights.url} ({error}): give a local file with --encoder-weights FILE, or none"
        ) from None
