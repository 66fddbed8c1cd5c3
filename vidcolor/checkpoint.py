"""A model on disk: safetensors (no pickle) whose header says everything that is needed to rebuild the network."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as serialize

from vidcolor.errors import ConfigError, DamagedCheckpoint, MismatchedCheckpoint, UnknownModel
from vidcolor.files import write_bytes
from vidcolor.networks import build_network
from vidcolor.networks.base import Network
from vidcolor.networks.settings import check_kinds

FORMAT = 1


@dataclass(frozen=True)
class CheckpointMeta:
    """Plain types only; stored as JSON in the file's header."""

    name: str
    arch: str
    """Key of networks.NETWORKS."""
    config: dict[str, Any]
    """Keyword arguments of the network's config."""
    work_size: int = 256
    """Working size: pictures are brought to an area of work_size² pixels."""
    half_ok: bool = True
    """Whether float16 and bfloat16 inference are sound."""
    trained_on: str = ""
    license: str = ""
    commit: str = ""
    created: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    format: int = FORMAT


def new_meta(name: str, arch: str, network: Network) -> CheckpointMeta:
    """The meta of a network about to be trained, stamped with today's date."""
    created = datetime.now(UTC).date().isoformat()
    return CheckpointMeta(name=name, arch=arch, config=network.config.to_dict(), created=created)


def save(path: Path, network: Network, meta: CheckpointMeta) -> None:
    """Write `network` in half precision, whole or not at all. Raises OutputError."""
    tensors = {name: _narrow(tensor) for name, tensor in network.state_dict().items()}
    save_tensors(path, tensors, {"vidcolor": json.dumps(asdict(meta))})


def save_tensors(path: Path, tensors: Mapping[str, torch.Tensor], header: dict[str, str]) -> None:
    """Write named tensors, whole or not at all. Raises OutputError."""
    plain = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
    write_bytes(path, serialize(plain, header))


def load_tensors(path: Path, device: torch.device) -> dict[str, torch.Tensor]:
    """What `save_tensors` wrote to a file that is known to be sound."""
    return load_file(path, str(device))


def read_meta(path: Path) -> CheckpointMeta:
    """Raises UnknownModel, DamagedCheckpoint or MismatchedCheckpoint."""
    return _read(path, with_tensors=False)[0]


def load(path: Path) -> tuple[Network, CheckpointMeta]:
    """The network in float32 on the CPU, in eval mode. Raises UnknownModel, Damaged- or MismatchedCheckpoint."""
    meta, tensors = _read(path, with_tensors=True)
    try:
        network = build_network(meta.arch, meta.config)
        network.load_state_dict({name: _widen(tensor) for name, tensor in tensors.items()}, strict=True)
    except ConfigError as error:
        raise MismatchedCheckpoint(f"{path}: {error}") from None
    except RuntimeError:
        raise MismatchedCheckpoint(f"{path}: the weights do not fit network {meta.arch} of this version") from None
    return network.eval(), meta


def _read(path: Path, with_tensors: bool) -> tuple[CheckpointMeta, Mapping[str, torch.Tensor]]:
    if not path.is_file():
        raise UnknownModel(f"{path}: no such model file")
    if not os.access(path, os.R_OK):
        raise UnknownModel(f"{path}: a model file that may not be read, check its rights")
    try:
        with safe_open(path, "pt") as file:
            header = (file.metadata() or {}).get("vidcolor")
            tensors = {name: file.get_tensor(name) for name in file.keys()} if with_tensors else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise DamagedCheckpoint(f"{path}: not a sound safetensors file ({error}); fetch it again") from None
    if header is None:
        raise MismatchedCheckpoint(f"{path}: a safetensors file, but not a vidcolor model")
    return _parse_meta(path, header), tensors


def _parse_meta(path: Path, header: str) -> CheckpointMeta:
    try:
        values = json.loads(header)
        if not isinstance(values, dict):
            raise ValueError("it is no table")
        if (made := values.get("format", FORMAT)) != FORMAT:
            raise MismatchedCheckpoint(f"{path}: format {made}, this vidcolor reads {FORMAT}; update vidcolor")
        check_kinds(values, CheckpointMeta)
        known = {item.name for item in fields(CheckpointMeta)}
        return CheckpointMeta(**{name: value for name, value in values.items() if name in known})
    except (TypeError, ValueError, RecursionError, ConfigError) as error:
        raise DamagedCheckpoint(f"{path}: its header cannot be read ({error}); fetch it again") from None


def _narrow(tensor: torch.Tensor) -> torch.Tensor:
    """float16 where the values fit."""
    fits = tensor.is_floating_point() and bool(tensor.abs().max() < torch.finfo(torch.float16).max)
    return tensor.half() if fits else tensor


def _widen(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
