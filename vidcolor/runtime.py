"""What computes a network: torch itself, or on a processor OpenVINO, where that is installed.

OpenVINO compiles a network's parts one by one and leaves the sizes open, so that no film or batch waits for a compiler.
The decoder runs in bfloat16 where processor and model allow it, which moves ab by a fraction of a level; the encoder
stays in float32, because there it would be several.
"""

import sys
import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from importlib.metadata import version
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from vidcolor.errors import ConfigError
from vidcolor.networks.base import Features, Network

RUNTIMES = ("auto", "torch", "openvino")
ALLOWED = {"bf16": 0.5, "f32": 0.01}
"""Precision of the decoder, fastest first -> how far its ab may be from torch's on the picture it is tried with."""
ALLOWED_OF_HALF = 0.5
"""The same of torch in half precision."""


class Runtime(Protocol):
    """What `Colorizer` asks of a network; every `Network` is one."""

    def encode(self, lightness: Tensor) -> Features: ...

    def embed(self, features: Features) -> Tensor | None: ...

    def decode(self, features: Features, context: Tensor | None = None) -> Tensor: ...

    def to_ab(self, raw: Tensor) -> Tensor: ...


class OpenVino:
    """A network on the CPU, compiled."""

    def __init__(self, network: Network, precision: str = "f32", threads: int = 1):
        """`precision` is the decoder's, one of ALLOWED. Raises what torch and OpenVINO raise of what they cannot do."""
        import_openvino()
        self.name, self.precision = f"openvino {version('openvino')} {precision}", precision
        self.embed = network.embed
        lightness = _picture(network, 2, 3)
        with torch.inference_mode():
            features = network.encode(lightness)
            inputs = _inputs(features, network.embed(features))
            raw = decoding(network, len(features))(*inputs)
        self._encode = _Part(network, network.encode, (lightness,), "f32", threads)
        self._decode = _Part(network, decoding(network, len(features)), inputs, precision, threads)
        self._to_ab = _Part(network, network.to_ab, (raw,), "f32", threads)

    def encode(self, lightness: Tensor) -> Features:
        return self._encode(lightness)

    def decode(self, features: Features, context: Tensor | None = None) -> Tensor:
        """As the network's, but for one with a global vector: that must be given."""
        return self._decode(*_inputs(features, context))[0]

    def to_ab(self, raw: Tensor) -> Tensor:
        return self._to_ab(raw)[0]


class _Part:
    """One step of a network, from contiguous float32 tensors to new ones."""

    def __init__(self, network: Network, step: Callable[..., Any], example: Features, precision: str, threads: int):
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": precision,
            "ENABLE_CPU_PINNING": False,  # two processes would share one core
            "CPU_RUNTIME_CACHE_CAPACITY": 256,  # kernels: a few sizes', not all that a folder of photos has
        }
        self._compiled = openvino_core().compile_model(convert(network, step, example), "CPU", settings)

    def __call__(self, *inputs: Tensor) -> Features:
        # Shared, an input that is handed through as an output would still be pointed at when it is gone.
        results = self._compiled([tensor.contiguous().numpy() for tensor in inputs], share_inputs=False)
        return tuple(torch.from_numpy(results[output]) for output in self._compiled.outputs)


class Step(nn.Module):
    """A step of a network as a module of its own, for what takes only modules."""

    def __init__(self, network: Network, step: Callable[..., Any]):
        super().__init__()
        self.network, self.step = network, step

    def forward(self, *inputs: Tensor) -> Any:
        return self.step(*inputs)


def decoding(network: Network, count: int) -> Callable[..., Tensor]:
    """`decode` of `count` features and, where the network has one, the global vector, all of them in a row."""
    return lambda *inputs: network.decode(inputs[:count], *inputs[count:])


def convert(network: Network, step: Callable[..., Any], example: Features) -> Any:
    """OpenVINO's model of a step, traced with `example`; its sizes are open.

    Not by `openvino.convert_model`, which does the same in several times as long.
    """
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing is deprecated in torch, and still what OpenVINO reads fastest
        traced = torch.jit.trace(Step(network, step).eval(), example, check_trace=False)  # type: ignore[no-untyped-call]
    decoder = TorchScriptPythonDecoder(traced, example_input=example)  # must outlive the conversion
    frontend = FrontEndManager().load_by_framework("pytorch")
    return frontend.convert(frontend.load(decoder))


def reason_of(error: Exception) -> str:
    """One sentence of what torch's exporters and OpenVINO say of what they cannot do.

    The first, without the places in OpenVINO's source that it comes through, and lines that announce the next.
    """
    for line in str(error).splitlines():
        if line.strip() and " at src/" not in line and " from src/" not in line and not line.endswith(":"):
            return line.strip().split(". ")[0]
    return type(error).__name__


def import_openvino() -> Any:
    """OpenVINO without its telemetry, which tells its makers of every import. Raises ConfigError without it."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError:
        raise ConfigError("openvino is not installed: pip install 'vidcolor[openvino]'") from None
    return openvino


@cache
def openvino_core() -> Any:
    """OpenVINO's own state, once for the process.

    Each has a stack for signal handlers. Of several that go in the order in which they came, the last would put back
    one that is gone, and the next signal end the process.
    """
    return import_openvino().Core()


def pick_runtime(
    name: str, network: Network, device: torch.device, half_ok: bool, threads: int = 1
) -> tuple[Runtime, tuple[str, ...]]:
    """What computes `network`, which lies on `device`, and warnings.

    `name` is one of RUNTIMES; "auto" is OpenVINO on a CPU where it is installed and can compute the network. `threads`
    are OpenVINO's. Raises ConfigError where openvino is asked for by name and cannot be had.
    """
    if name not in RUNTIMES:
        raise ConfigError(f"unknown runtime {name!r}: choose {', '.join(RUNTIMES)}")
    if name == "openvino" and device.type != "cpu":
        raise ConfigError(f"runtime openvino computes on the CPU, not on {device}: add --device cpu")
    if name == "torch" or device.type != "cpu":
        return network, ()
    try:
        return _fastest(network, half_ok, threads), ()
    except ConfigError:
        if name == "openvino":
            raise
        return network, ()
    except Exception as error:  # of whatever kind torch's tracer and OpenVINO have for what they cannot do
        reason = reason_of(error)
        if name == "openvino":
            raise ConfigError(f"openvino cannot compute this network ({reason}): use --runtime torch") from None
        return network, (f"openvino cannot compute this network ({reason}): torch does",)


@torch.inference_mode()
def sound_dtype(network: Network, dtype: torch.dtype) -> tuple[torch.dtype, tuple[str, ...]]:
    """`dtype` where the ab of this float32 network stays nearly the same in it, else float32; and warnings."""
    if dtype == torch.float32:
        return dtype, ()
    lightness = _picture(network, 3, 2).to(next(network.parameters()).device)
    narrowed = deepcopy(network).to(dtype)
    difference = narrowed.to_ab(narrowed(lightness.to(dtype))).float() - network.to_ab(network(lightness))
    if difference.abs().max().item() <= ALLOWED_OF_HALF:
        return dtype, ()
    return torch.float32, ("half precision would change this network's colours: float32 is used, which is slower",)


def _fastest(network: Network, half_ok: bool, threads: int) -> OpenVino:
    """The first precision that gives nearly the ab of torch."""
    capable = openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    for precision, allowed in ALLOWED.items():
        if precision == "f32" or (half_ok and precision.upper() in capable):
            runtime = OpenVino(network, precision, threads)
            if (difference := _difference(network, runtime)) <= allowed:
                return runtime
    raise RuntimeError(f"its ab is {difference:.2g} off")


@torch.inference_mode()
def _difference(network: Network, runtime: OpenVino) -> float:
    """How far ab is off on a picture of another size and aspect than the network was traced with."""
    lightness = _picture(network, 3, 2)
    features = runtime.encode(lightness)
    ab = runtime.to_ab(runtime.decode(features, runtime.embed(features)))
    return (ab - network.to_ab(network(lightness))).abs().max().item()


def _picture(network: Network, rows: int, columns: int) -> Tensor:
    """Grain, lightness (rows - 1, 1, h, w) in -1..1, the same every time."""
    size = (rows - 1, 1, rows * network.multiple, columns * network.multiple)
    return torch.rand(size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def _inputs(features: Features, vectors: Tensor | None) -> Features:
    return features if vectors is None else (*features, vectors)
