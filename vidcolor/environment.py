"""What this machine brings: versions, devices, threads, encoders; for bug reports and for `vidcolor info --env`."""

import os
import platform
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from vidcolor.video import find_encoders

PACKAGES = (
    "vidcolor",
    "torch",
    "torchvision",
    "av",
    "numpy",
    "opencv-python",
    "opencv-python-headless",
    "openvino",
    "pillow",
    "safetensors",
)


@dataclass(frozen=True)
class Environment:
    python: str
    system: str
    processor: str
    cpu_count: int
    """Cores that this process may use."""
    torch_threads: int
    devices: tuple[str, ...]
    """What --device takes here, best first."""
    encoders: tuple[str, ...]
    """Video encoders that --codec takes here, of those people ask for."""
    packages: dict[str, str]


def describe_environment() -> Environment:
    cards = [f"cuda:{number} ({torch.cuda.get_device_name(number)})" for number in range(torch.cuda.device_count())]
    metal = ["mps"] if torch.backends.mps.is_available() else []
    return Environment(
        python=sys.version.split()[0],
        system=platform.platform(),
        processor=name_processor(),
        cpu_count=count_cores(),
        torch_threads=torch.get_num_threads(),
        devices=(*cards, *metal, "cpu"),
        encoders=find_encoders(),
        packages=installed(PACKAGES),
    )


def name_processor() -> str:
    """As its maker calls it, where the system knows; else what kind it is."""
    with suppress(OSError, IndexError):
        return Path("/proc/cpuinfo").read_text().split("model name")[1].split(":", 1)[1].split("\n", 1)[0].strip()
    return platform.processor() or platform.machine()


def count_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The version of every package that is there."""
    found = {}
    for package in packages:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
