"""A model as a file for other programs: ONNX, or OpenVINO's own, checked against torch before it is written."""

import io
import json
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor

from vidcolor import checkpoint
from vidcolor.checkpoint import CheckpointMeta
from vidcolor.color import luma_of, luma_to_input
from vidcolor.errors import ConfigError, OutputError
from vidcolor.files import check_place, write_bytes
from vidcolor.networks.base import Features, Network
from vidcolor.released import DEFAULT_MODEL, find_model
from vidcolor.runtime import Step, convert, import_openvino, openvino_core, reason_of

SUFFIXES = {"onnx": (".onnx",), "openvino": (".bin", ".xml")}
"""Of the files of a format; the last is the one that is named."""
ALLOWED = 0.01
"""How far ab may be from torch's."""
OPSET = 17
Call = Callable[..., list[Any]]


@dataclass(frozen=True)
class ExportReport:
    """What was written."""

    model: str
    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    difference: float
    """Largest, in units of ab, from torch on real frames."""


@dataclass(frozen=True)
class _Graph:
    """A network as one function from tensors to tensors, and how its inputs and outputs are called.

    lightness (N, 1, h, w) in -1..1 -> ab (N, 2, h, w). A network with a global vector (G) averages it in between, as
    `weights` (N, N + 1) say, over the one before these frames, `previous` (1, G), and their own; `context` (1, G) is
    the last frame's, and the next call's `previous`.
    """

    network: Network
    vector_size: int
    """G, or 0."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("lightness", "previous", "weights") if self.vector_size else ("lightness",)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("ab", "context") if self.vector_size else ("ab",)

    def __call__(self, lightness: Tensor, *averaging: Tensor) -> Features:
        features = self.network.encode(lightness)
        vectors = self.network.embed(features)
        if vectors is None:
            return (self.network.to_ab(self.network.decode(features)),)
        previous, weights = averaging
        context = weights @ torch.cat((previous, vectors))
        return self.network.to_ab(self.network.decode(features, context)), context[-1][None]

    def example(self, count: int, rows: int, columns: int) -> Features:
        """Inputs for `count` frames of grey that begin a shot."""
        multiple = self.network.multiple
        return self._with_average(torch.zeros(count, 1, rows * multiple, columns * multiple))

    def _with_average(self, lightness: Tensor, previous: Tensor | None = None, before: int = 0) -> Features:
        """Every frame of a shot counts alike: `before` are in `previous`."""
        if not self.vector_size:
            return (lightness,)
        rows = torch.arange(len(lightness))[:, None]
        own = (rows >= rows.T).float()
        weights = torch.cat((torch.full((len(lightness), 1), float(before)), own), dim=1)
        previous = torch.zeros(1, self.vector_size) if previous is None else previous
        return lightness, previous, weights / weights.sum(dim=1, keepdim=True)

    def difference(self, call: Call) -> float:
        """Of ab: two calls on three frames of a shot against torch, for a wide and for a high picture."""
        worst = 0.0
        for lightness in _photos(self.network.multiple):
            with torch.inference_mode():
                expected = self(*self._with_average(lightness))[0]
            first = call(*self._with_average(lightness[:2]))
            previous = torch.from_numpy(first[1]) if self.vector_size else None
            second = call(*self._with_average(lightness[2:], previous, before=2))
            worst = max(worst, float(np.abs(np.concatenate((first[0], second[0])) - expected.numpy()).max()))
        return worst


def export(target: Path, model: str = DEFAULT_MODEL, to: str = "onnx", overwrite: bool = False) -> ExportReport:
    """Write a released model, or a checkpoint by path, for other programs. `to` is a key of SUFFIXES.

    The file appears whole, and only where it gives the ab of torch on real frames. Raises ConfigError, CheckpointError
    or OutputError.
    """
    if to not in SUFFIXES:
        raise ConfigError(f"unknown format {to!r}: choose {', '.join(SUFFIXES)}")
    if target.suffix != (suffix := SUFFIXES[to][-1]):
        raise ConfigError(f"{target}: a file for {to} ends in {suffix}")
    targets = [target.with_suffix(suffix) for suffix in SUFFIXES[to]]
    if not overwrite and (existing := [file for file in targets if file.exists()]):
        raise OutputError(f"{existing[0]}: exists; use --overwrite")
    check_place(target)
    make = _to_onnx if to == "onnx" else _to_openvino
    network, meta = checkpoint.load(find_model(model))
    graph = _Graph(network, _vector_size(network))
    try:
        contents, call = make(graph, meta)
        difference = graph.difference(call)
    except ConfigError:
        raise
    except Exception as error:  # of whatever kind torch's exporter and the runtimes have for what they cannot do
        where = f"{meta.name}: its network, {meta.arch}"
        raise ConfigError(f"{where}, cannot be exported to {to} ({reason_of(error)})") from None
    if not difference <= ALLOWED:
        raise ConfigError(
            f"{meta.name}: exported to {to}, its ab is {difference:.2g} off, where {ALLOWED} is allowed; not written"
        )
    for file, content in zip(targets, contents, strict=True):
        write_bytes(file, content)
    return ExportReport(meta.name, tuple(map(str, targets)), graph.inputs, graph.outputs, difference)


def _to_onnx(graph: _Graph, meta: CheckpointMeta) -> tuple[list[bytes], Call]:
    """The content of the files, and what computes it."""
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ConfigError(f"{error.name} is not installed: pip install 'vidcolor[export]'") from None
    buffer, sizes = io.BytesIO(), {0: "frames", 2: "height", 3: "width"}
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this exporter is deprecated, but needs no further package
        torch.onnx.export(
            Step(graph.network, graph).eval(),
            graph.example(2, 2, 3),
            buffer,  # type: ignore[arg-type]
            input_names=graph.inputs,
            output_names=graph.outputs,
            dynamic_axes={"lightness": sizes, "ab": sizes, "weights": {0: "frames", 1: "frames + 1"}},
            opset_version=OPSET,
            dynamo=False,
        )
    model = onnx.load_from_string(buffer.getvalue())
    model.doc_string = _Graph.__doc__ or ""
    onnx.helper.set_model_props(model, {"vidcolor": json.dumps(asdict(meta))})
    onnx.checker.check_model(model, full_check=True)
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])

    def call(*inputs: Tensor) -> list[Any]:
        named = zip(graph.inputs, inputs, strict=True)
        return list(session.run(list(graph.outputs), {name: tensor.numpy() for name, tensor in named}))

    return [content], call


def _to_openvino(graph: _Graph, meta: CheckpointMeta) -> tuple[list[bytes], Call]:
    """The content of the files, and what computes it."""
    openvino = import_openvino()
    model = convert(graph.network, graph, graph.example(2, 2, 3))
    for port, name in zip((*model.inputs, *model.outputs), (*graph.inputs, *graph.outputs), strict=True):
        port.get_tensor().set_names({name})
    model.set_rt_info(json.dumps(asdict(meta)), "vidcolor")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.xml")
        openvino.save_model(model, file, compress_to_fp16=False)
        core = openvino_core()
        compiled = core.compile_model(core.read_model(file), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        contents = [file.with_suffix(suffix).read_bytes() for suffix in SUFFIXES["openvino"]]

    def call(*inputs: Tensor) -> list[Any]:
        results = compiled([tensor.numpy() for tensor in inputs], share_inputs=False)
        return [results[name] for name in graph.outputs]

    return contents, call


def _vector_size(network: Network) -> int:
    with torch.inference_mode():
        vector = network.embed(network.encode(torch.zeros(1, 1, network.multiple, network.multiple)))
    return 0 if vector is None else vector.shape[1]


def _photos(multiple: int) -> Iterator[Tensor]:
    """Real frames, lightness (3, 1, h, w) in -1..1: views of a wide photo and of a high one, a little apart."""
    short, long = (multiple * -(-side // multiple) for side in (160, 224))
    for photo, size in ((data.coffee, (short, long)), (data.astronaut, (long, short))):
        rgb = torch.from_numpy(photo()).movedim(-1, 0)[None] / 255  # type: ignore[no-untyped-call]
        luma = F.interpolate(luma_of(rgb), size, mode="area")
        yield luma_to_input(torch.cat([luma.roll(shift, dims=3) for shift in (0, 3, 6)]))
