"""Which processor to compute on, and in which precision."""

import torch

from vidcolor.errors import DeviceError


def pick_device(name: str = "auto") -> torch.device:
    """auto, cpu, cuda, cuda:N or mps -> the device. Raises DeviceError where this machine has none such."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise DeviceError(f"unknown device {name!r}: choose auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(
            f"no such device: {name} (CUDA devices found: {torch.cuda.device_count()}); use --device auto"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceError("no such device: mps (this machine has no Metal); use --device auto")
    return device


def pick_dtype(device: torch.device, half_ok: bool) -> torch.dtype:
    """Half precision on a CUDA card where the model allows it, else float32."""
    return torch.float16 if device.type == "cuda" and half_ok else torch.float32
