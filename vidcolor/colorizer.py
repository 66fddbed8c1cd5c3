"""A network made ready for use: everything about shapes, sizes, types and devices that callers need not know."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from fractions import Fraction
from itertools import compress
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from vidcolor import checkpoint
from vidcolor.cards import colorable
from vidcolor.checkpoint import CheckpointMeta
from vidcolor.color import luma_of, luma_to_input, read_luma_, rgb_to_lab
from vidcolor.context import ShotContext
from vidcolor.device import Portions, memory_watched, pick_device, pick_dtype
from vidcolor.errors import ConfigError
from vidcolor.frames import NOTHING, FrameBatch, Memory, PlaneFormat
from vidcolor.keys import mark_keys
from vidcolor.motion import follow_motion
from vidcolor.networks.base import Features, Network
from vidcolor.references import Cells, Reference, References, read_reference
from vidcolor.released import DEFAULT_MODEL, find_model
from vidcolor.runtime import OpenVino, pick_runtime, sound_dtype
from vidcolor.sampling import shrink
from vidcolor.turn import Turn

GRID = 2
"""Pixels at working size, in each direction, that are steadied as one and share a colour of their own."""
LARGEST_CPU_BATCH, LARGEST_GPU_BATCH = 4, 32
UPRIGHT, SQUARE = Turn(), Fraction(1)


class Colorizer:
    """Luma in, ab out, for any network. Made by `load_colorizer`."""

    def __init__(
        self,
        network: Network,
        meta: CheckpointMeta,
        device: torch.device,
        work_size: int | None = None,
        runtime: str = "torch",
        fast: bool = False,
    ):
        """`work_size`: pictures are brought to about work_size² pixels in about their aspect; None is the model's own.

        `fast`: the network sees key frames only; `Smoother` carries their colours to the others.

        Raises ConfigError where it is too small for the network, or where the runtime, one of RUNTIMES, is not there.
        """
        self.work_size = meta.work_size if work_size is None else work_size
        if self.work_size < network.multiple:
            raise ConfigError(f"work size must be at least {network.multiple}, got {self.work_size}")
        self.meta, self.device, self.fast = meta, device, fast
        self._portions = Portions()
        network = network.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.dtype, widened = sound_dtype(network, pick_dtype(device, meta.half_ok))
        self.network = network.to(self.dtype)
        threads = torch.get_num_threads()
        threads = max(1, threads // 2) if fast else threads  # a lone frame does not keep many busy, the codec does
        self.runtime, replaced = pick_runtime(runtime, self.network, device, meta.half_ok, threads)
        self.warnings = (*widened, *replaced)
        self.references = References({})
        self._pictures: dict[str, Tensor] = {}

    def with_references(self, files: Sequence[Path | str]) -> Self:
        """The same, taking after these pictures where a frame shows what they show. None: after no picture.

        Raises InputError, or ConfigError where the network cannot tell things apart.
        """
        other = copy(self)
        other._pictures = {str(file): read_reference(Path(file)) for file in files}
        return other.suited_to()

    def suited_to(self, turn: Turn = UPRIGHT, pixel_aspect: Fraction = SQUARE, saturation: float = 1) -> Self:
        """The same for films that are stored like this, where references are as shown, and whose ab has a gain to come,
        which those of references are to outlast."""
        other = copy(self)
        other.references = References(
            {
                name: self._learn(turn.stored(picture), pixel_aspect, saturation or 1)
                for name, picture in self._pictures.items()
            }
        )
        return other

    @property
    def batch_size(self) -> int:
        """Frames at once that suit the device."""
        return LARGEST_GPU_BATCH if self.device.type == "cuda" else LARGEST_CPU_BATCH

    @property
    def torch_threads(self) -> int:
        """How many torch needs where `stream` runs: OpenVINO has its own."""
        return 1 if isinstance(self.runtime, OpenVino) else torch.get_num_threads()

    @property
    def maker(self) -> str:
        """What computes the network, in words."""
        return self.runtime.name if isinstance(self.runtime, OpenVino) else "torch"

    @property
    def place(self) -> str:
        """Where the network is computed, in words."""
        return f"{self.device} ({self.maker})" if isinstance(self.runtime, OpenVino) else str(self.device)

    @property
    def digest(self) -> str:
        """SHA-256 of all in it that colours depend on: network, weights, working size, kind of number, fast."""
        plain = (self.meta.arch, self.meta.config, self.work_size, str(self.dtype), self.fast)
        digest = hashlib.sha256(repr(plain).encode())
        for name, weights in self.network.state_dict().items():
            digest.update(name.encode())
            digest.update(weights.cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    def stream(
        self, batches: Iterable[FrameBatch], planes: PlaneFormat, memory: Memory = NOTHING
    ) -> Iterator[FrameBatch]:
        """Batches with luma as `planes` says (and shots, if marked) -> the same with guide and ab.

        These are means over GRID² pixels at working size: the network's colours hold no finer detail. `fast` finds the
        motion and marks key frames with `is_key`; the others' ab is that of the key frame before.
        """
        guided = self._guide(batches, planes)
        marked = mark_keys(follow_motion(guided, memory), memory) if self.fast else guided
        return self._color(marked, planes, memory)

    def _guide(self, batches: Iterable[FrameBatch], planes: PlaneFormat) -> Iterator[FrameBatch]:
        for batch in batches:
            size = _coarse_size(*self.working_size(*batch.luma.shape[2:]))
            yield replace(batch, guide=self._shrink(batch.luma, size, planes))

    def _color(self, batches: Iterable[FrameBatch], planes: PlaneFormat, memory: Memory) -> Iterator[FrameBatch]:
        context, held = ShotContext.recall(memory), memory.get("colorizer.held")
        self.references.recall(memory)
        for batch in batches:
            assert batch.guide is not None
            if batch.in_color and all(batch.in_color):
                ab = torch.zeros_like(batch.guide).expand(-1, 2, -1, -1)  # nobody will see it
            elif batch.is_key is None:
                first_of_shot = batch.first_of_shot or (False,) * len(batch)
                ab, context = self._predict(self._sight(batch.luma, planes), _grid_of(batch), first_of_shot, context)
            else:
                ab, context = self._predict_keys(batch, planes, context, held)
                held = ab[-1:].clone()  # the filter remembers a view of ab, and files take no memory twice
            known = context.memory if held is None else {**context.memory, "colorizer.held": held}
            known = {**known, **self.references.memory}
            yield replace(batch, ab=ab * colorable(batch.guide)).remember(known)

    def _predict_keys(
        self, batch: FrameBatch, planes: PlaneFormat, context: ShotContext, held: Tensor | None
    ) -> tuple[Tensor, ShotContext]:
        assert batch.guide is not None and batch.is_key is not None and batch.first_of_shot is not None
        known = torch.zeros_like(batch.guide[:1]).expand(-1, 2, -1, -1) if held is None else held
        if any(batch.is_key):
            luma = torch.stack(tuple(compress(batch.luma, batch.is_key)))
            first_of_shot = tuple(compress(batch.first_of_shot, batch.is_key))
            ab, context = self._predict(self._sight(luma, planes), _grid_of(batch), first_of_shot, context)
            known = torch.cat((known, ab))
        return known[torch.tensor(batch.is_key).cumsum(0).to(self.device)], context

    def working_size(self, height: int, width: int) -> tuple[int, int]:
        """(h, w) of about work_size² pixels in the aspect of (height, width); never larger than the picture."""
        scale = min(1.0, self.work_size / (height * width) ** 0.5)
        return max(1, round(height * scale)), max(1, round(width * scale))

    def _sight(self, luma: Tensor, planes: PlaneFormat) -> Tensor:
        """What the network sees of stored luma."""
        return self._shrink(luma, self._sight_size(*luma.shape[2:]), planes)

    def _sight_size(self, height: int, width: int) -> tuple[int, int]:
        """Those multiples of the network's that come closest to the working size."""
        multiple = self.network.multiple
        h, w = (max(1, round(side / multiple)) * multiple for side in self.working_size(height, width))
        return h, w

    def _shrink(self, luma: Tensor, size: tuple[int, int], planes: PlaneFormat) -> Tensor:
        """Stored luma -> (N, 1, *size) Y′ in 0..1."""
        return read_luma_(shrink(luma.to(self.device), size), planes)

    @torch.inference_mode()
    def _predict(
        self, sight: Tensor, grid: tuple[int, int], first_of_shot: tuple[bool, ...], context: ShotContext
    ) -> tuple[Tensor, ShotContext]:
        def predict(part: slice) -> Tensor:
            nonlocal context
            ab, context = self._predict_at_once(sight[part], first_of_shot[part], context)
            return shrink(ab, grid)

        with memory_watched(self.device, "with one frame at once", "a smaller --work-size"):
            return torch.cat(self._portions.run(len(sight), predict)), context

    def _predict_at_once(
        self, sight: Tensor, first_of_shot: tuple[bool, ...], context: ShotContext
    ) -> tuple[Tensor, ShotContext]:
        lightness, features = self._encode(sight)
        vectors = self.runtime.embed(features)
        if vectors is not None:
            averaged, context = context.follow(vectors.float(), first_of_shot)
            vectors = averaged.to(vectors.dtype)
        ab = self.runtime.to_ab(self.runtime.decode(features, vectors)).float()
        if self.references:
            frames = zip(self._cells(features, lightness), torch.split(ab, 1), strict=True)
            ab = torch.cat([self.references.recolor(*frame) for frame in frames])
        return ab, context

    def _encode(self, sight: Tensor) -> tuple[Tensor, Features]:
        """Y′ in 0..1 -> the network's input and features."""
        lightness = luma_to_input(sight).to(self.dtype, memory_format=torch.channels_last)
        return lightness, self.runtime.encode(lightness)

    def _cells(self, features: Features, lightness: Tensor) -> Iterator[Cells]:
        """Of every frame."""
        landmarks = self.network.landmarks(features)
        for index in range(len(lightness)):
            frame = slice(index, index + 1)
            yield Cells.of(tuple(one[frame] for one in landmarks), lightness[frame].float())

    @torch.inference_mode()
    def _learn(self, picture: Tensor, pixel_aspect: Fraction, saturation: float) -> Reference:
        """From R′G′B′ (1, 3, H, W) uint8."""
        height, width = picture.shape[2:]
        rgb = shrink(picture.to(self.device), self._sight_size(height, round(width / pixel_aspect))) / 255
        lightness, features = self._encode(luma_of(rgb))
        if not self.network.landmarks(features):
            raise ConfigError(f"{self.meta.name}: a network like {self.meta.arch} cannot follow references: use fusion")
        reference = Reference.of(next(self._cells(features, lightness)), rgb_to_lab(rgb)[:, 1:])
        return replace(reference, ab=reference.ab / saturation)


def _grid_of(batch: FrameBatch) -> tuple[int, int]:
    """The height and width of its guide, which its ab shares."""
    assert batch.guide is not None
    height, width = batch.guide.shape[2:]
    return height, width


def _coarse_size(height: int, width: int) -> tuple[int, int]:
    """Working size -> that of the grid of guide and ab."""
    return -(-height // GRID), -(-width // GRID)


def load_colorizer(
    model: str = DEFAULT_MODEL,
    device: str = "auto",
    work_size: int | None = None,
    runtime: str = "auto",
    fast: bool = False,
    references: Sequence[Path | str] = (),
) -> Colorizer:
    """A released model by name, or any checkpoint by path, on a device, computed by one of RUNTIMES.

    `references`: pictures in colour, which films take after where they show the same things.

    Raises CheckpointError, DeviceError, ConfigError, or InputError of a reference.
    """
    picked = pick_device(device)
    network, meta = checkpoint.load(find_model(model))
    with memory_watched(picked, "while the model is made ready", "a smaller model"):
        return Colorizer(network, meta, picked, work_size, runtime, fast).with_references(references)
