"""The value types that travel down the pipeline. All are frozen and check themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

MATRICES = ("601", "709", "2020")

Memory = Mapping[str, Tensor]
"""What stages remember of the frames that went through them, by names like `shots.last`."""
NOTHING: Memory = MappingProxyType({})


@dataclass(frozen=True)
class PlaneFormat:
    """How a Y′CbCr picture is stored: what `color` must know to read luma and write chroma."""

    bit_depth: int
    """Bits of one sample, 8 to 16; samples of more than 8 bits lie in the low bits of a uint16."""
    full_range: bool
    """True: 0 .. 2^n - 1. False: 16 .. 235 (luma) and 16 .. 240 (chroma), times 2^(n-8)."""
    matrix: str
    """Y′CbCr matrix, one of MATRICES."""
    chroma_shift: tuple[int, int] = (1, 1)
    """log2 of the horizontal and vertical chroma subsampling: (1, 1) is 4:2:0, (0, 0) is 4:4:4."""
    interlaced: bool = False
    """Whether even and odd lines are two fields; each then has chroma lines of its own."""
    left_sited: bool = False
    """True: chroma lies on every 2^n-th column of luma, as H.264 and most others have it. False: between columns."""

    def __post_init__(self) -> None:
        if not 8 <= self.bit_depth <= 16:
            raise ValueError(f"bit_depth must be 8 to 16, got {self.bit_depth}")
        if self.matrix not in MATRICES:
            raise ValueError(f"matrix must be one of {MATRICES}, got {self.matrix!r}")

    @property
    def dtype(self) -> torch.dtype:
        """dtype of a stored sample."""
        return torch.uint8 if self.bit_depth == 8 else torch.uint16

    @property
    def neutral(self) -> int:
        """The stored chroma sample of grey."""
        return 1 << (self.bit_depth - 1)

    def chroma_size(self, height: int, width: int) -> tuple[int, int]:
        """(Hc, Wc) of the chroma planes under a luma plane of (height, width), rounded up."""
        across, down = self.chroma_shift
        return -(-height >> down), -(-width >> across)


@dataclass(frozen=True)
class VideoInfo:
    """What a source says about its picture. Stills have one frame, rate None and time_base 1."""

    width: int
    height: int
    planes: PlaneFormat
    """Layout of the luma as it is handed out by the reader."""
    time_base: Fraction
    """Seconds a tick: the unit of every pts and duration."""
    rate: Fraction | None = None
    """Frames a second as the header hints; never used for timing."""
    frame_count: int | None = None
    """Frames as the header hints; for progress only."""

    @property
    def usual_rate(self) -> Fraction:
        """`rate`, or that of film on television where the header has none."""
        return self.rate or Fraction(25)

    @property
    def usual_duration(self) -> int:
        """Ticks from frame to frame at that rate, at least 1."""
        return max(1, round(1 / (self.usual_rate * self.time_base)))

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"a picture must have a size, got {self.width}x{self.height}")
        if self.time_base <= 0:
            raise ValueError(f"time_base must be positive, got {self.time_base}")


@dataclass(frozen=True, kw_only=True)
class Remembered:
    """What travels together with what the stages it went through remember of it."""

    memory: Memory | None = None
    """Where a span ends here, what to go on from behind it; None everywhere else."""

    def remember(self, memory: Memory) -> Self:
        """The same with a stage's memory added, where a span ends."""
        return self if self.memory is None else replace(self, memory={**self.memory, **memory})


@dataclass(frozen=True)
class Motion:
    """How to fetch the pixels of N pictures to where they are in N others."""

    places: Tensor
    """(N, h, w, 2) float32: where each pixel lies in the other picture, as `grid_sample` wants it."""
    confidence: Tensor
    """(N, 1, h, w) in 0..1: near 1 where the luma fetched is the luma here."""

    def fetch(self, planes: Tensor) -> Tensor:
        """(N, C, h, w) of the other pictures -> (N, C, h, w), moved; 0 where it comes from outside."""
        return F.grid_sample(planes, self.places, align_corners=True)

    def every(self, step: int) -> Self:
        """The same for every `step`-th pixel of every `step`-th row."""
        return type(self)(self.places[:, ::step, ::step], self.confidence[..., ::step, ::step])

    def __getitem__(self, pictures: slice) -> Self:
        return type(self)(self.places[pictures], self.confidence[pictures])


@dataclass(frozen=True)
class FrameBatch(Remembered):
    """Consecutive frames of one video, in display order."""

    luma: Tensor
    """(N, 1, H, W) uint8 or uint16: the decoded Y′ plane, altered by nothing but `layout`."""
    pts: tuple[int, ...]
    """N presentation times in ticks of VideoInfo.time_base, strictly rising."""
    durations: tuple[int, ...]
    """N display durations in the same ticks; 0 where the source does not say."""
    first_of_shot: tuple[bool, ...] | None = None
    """N flags, True on a cut; None before `shots`."""
    guide: Tensor | None = None
    """(N, 1, h, w) float32 Y′ in 0..1 on the grid of ab; None before `colorizer`."""
    to_previous: Motion | None = None
    """Fetches from the frame before to each; means nothing on the first of a shot. None before `motion`."""
    from_previous: Motion | None = None
    """Fetches from each to the frame before."""
    ab: Tensor | None = None
    """(N, 2, h, w) float32 CIE a*b*; None before `colorizer`."""
    is_key: tuple[bool, ...] | None = None
    """N flags, False where the network did not see the frame and ab waits to be carried there; None: it saw all."""
    chroma: Tensor | None = None
    """(N, 2, Hc, Wc) Cb and Cr as stored, dtype of luma; None before `upsample`."""
    own_chroma: Tensor | None = None
    """(N, 2, Hc, Wc) the decoded Cb and Cr, dtype of luma; None where nobody asked, and of grey sources."""
    in_color: tuple[bool, ...] | None = None
    """N flags, True where the shot is in colour already and keeps its own; None before `keeper`."""

    def __post_init__(self) -> None:
        count = len(self.pts)
        if count == 0:
            raise ValueError("a batch holds at least one frame")
        if self.luma.ndim != 4 or self.luma.shape[:2] != (count, 1):
            raise ValueError(f"luma must be ({count}, 1, H, W), got {tuple(self.luma.shape)}")
        for name in ("durations", "first_of_shot", "is_key", "in_color"):
            value = getattr(self, name)
            if value is not None and len(value) != count:
                raise ValueError(f"{name} must have {count} entries, got {len(value)}")
        for name, channels in (("guide", 1), ("ab", 2), ("chroma", 2), ("own_chroma", 2)):
            value = getattr(self, name)
            if value is not None and (value.ndim != 4 or value.shape[:2] != (count, channels)):
                raise ValueError(f"{name} must be ({count}, {channels}, ., .), got {tuple(value.shape)}")

    def __len__(self) -> int:
        return len(self.pts)
