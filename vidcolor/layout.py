"""Two films in one picture: side by side, or parted by a line that sweeps to and fro.

Everything is placed as it is shown: what is stored turned is turned upright for it, and back.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor

from vidcolor.color import luma_level
from vidcolor.errors import ConfigError
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.turn import Turn

SWEEP = 4
"""Seconds of presentation time in which the line of a split goes to both sides and back."""
LINES_A_PIXEL = 270
"""Lines of the picture for each pixel of the dividing line's width."""


@dataclass(frozen=True)
class Pen:
    """How one kind of plane is drawn on."""

    shift: int
    """log2 of its subsampling along the shown width."""
    white: int
    """White as such a plane stores it: of chroma the neutral sample."""
    black: int
    """Black likewise."""


class Layout(ABC):
    """How two films share a picture. Made by `lay_out`."""

    def __init__(self, left: VideoInfo, right: VideoInfo, turn: Turn) -> None:
        self._left, self._right, self._turn = left, right, turn
        self._grid = 1 << max(1, left.planes.chroma_shift[turn.swapped])
        """Pixels to whose multiples seams are moved: whole chroma samples, and sizes that encoders take."""
        shape = self._shape(turn.size(left.height, left.width), turn.size(right.height, right.width))
        height, width = turn.size(*shape)
        self.info = replace(left, height=height, width=width)
        """Of the film that `join` makes."""

    def beside_grey(self, batches: Iterable[FrameBatch], planes: PlaneFormat) -> Iterator[FrameBatch]:
        """The pipeline's last stage: coloured batches -> the same with their grey at the left.

        chroma is as `planes` says. The one place where luma is altered, on purpose: doubled, or a line drawn on it.
        """
        for batch in batches:
            assert batch.chroma is not None
            grey = replace(batch, chroma=torch.full_like(batch.chroma, planes.neutral, device="cpu"))
            yield self.join(grey, batch, planes)

    def join(self, left: FrameBatch, right: FrameBatch, planes: PlaneFormat) -> FrameBatch:
        """Frame upon frame of two films, turned like the left one, times and everything else the left one's.

        luma (N, 1, H, W) as the left film's planes say, chroma (N, 2, Hc, Wc) as `planes` says.
        """
        assert left.chroma is not None and right.chroma is not None
        bright = Pen(0, *(luma_level(brightness, self._left.planes) for brightness in (1, 0)))
        neutral = Pen(planes.chroma_shift[self._turn.swapped], planes.neutral, planes.neutral)
        return replace(
            left,
            luma=self._join(left.luma, right.luma, bright, left.pts),
            chroma=self._join(left.chroma.cpu(), right.chroma.cpu(), neutral, left.pts),
        )

    def _join(self, left: Tensor, right: Tensor, pen: Pen, pts: tuple[int, ...]) -> Tensor:
        planes = zip(self._turn.upright(left), self._turn.upright(right), pts, strict=True)
        joined = [self._place(one, other, pen, time * self._left.time_base) for one, other, time in planes]
        return self._turn.stored(torch.stack(joined))

    @abstractmethod
    def _shape(self, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        """(H, W) of two pictures as shown -> of both together."""

    @abstractmethod
    def _place(self, left: Tensor, right: Tensor, pen: Pen, seconds: Fraction) -> Tensor:
        """One plane each (C, H, W) as shown -> both together at that presentation time."""


class Alone(Layout):
    """The right film by itself, untouched."""

    def beside_grey(self, batches: Iterable[FrameBatch], planes: PlaneFormat) -> Iterator[FrameBatch]:
        yield from batches

    def _shape(self, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        return right

    def _place(self, left: Tensor, right: Tensor, pen: Pen, seconds: Fraction) -> Tensor:
        return right


class Side(Layout):
    """One beside the other, each drawn out to an even width by its last column."""

    def _shape(self, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        return left[0], sum(-(-width // self._grid) * self._grid for _, width in (left, right))

    def _place(self, left: Tensor, right: Tensor, pen: Pen, seconds: Fraction) -> Tensor:
        return torch.cat([_drawn_out(plane, self._grid >> pen.shift) for plane in (left, right)], dim=-1)


class Split(Layout):
    """One on each side of a white line, which sweeps like a pendulum and stands in the middle at time 0."""

    def _shape(self, left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        return left

    def _place(self, left: Tensor, right: Tensor, pen: Pen, seconds: Fraction) -> Tensor:
        start, end = (edge >> pen.shift for edge in self._line(seconds))
        joined = _centred(right, left.shape[-1], self._margin >> pen.shift, pen.black)
        joined[..., :start] = left[..., :start]
        joined[..., start:end] = pen.white
        return joined

    @property
    def _margin(self) -> int:
        """Pixels at each side of the right film within the left one's width; negative where it is wider."""
        widths = [self._turn.size(film.height, film.width)[1] for film in (self._left, self._right)]
        return (widths[0] - widths[1]) // 2 // self._grid * self._grid

    def _line(self, seconds: Fraction) -> tuple[int, int]:
        """The first pixel of the line and the first behind it, both on the grid."""
        height, width = self._turn.size(self._left.height, self._left.width)
        thickness = max(1, round(height / LINES_A_PIXEL / self._grid)) * self._grid
        swing = math.sin(2 * math.pi * float(seconds / SWEEP % 1))
        start = max(0, width - thickness) * (1 + swing) / 2
        return round(start / self._grid) * self._grid, round(start / self._grid) * self._grid + thickness


LAYOUTS: dict[str | None, type[Layout]] = {None: Alone, "side": Side, "split": Split}


def lay_out(name: str | None, left: VideoInfo, turn: Turn, right: VideoInfo | None = None) -> Layout:
    """A layout by name for films of those sizes, both stored with `turn`; `right` is like `left` where not given.

    None is the right film alone. Raises ConfigError.
    """
    check_layout(name)
    return LAYOUTS[name](left, right or left, turn)


def check_layout(name: str | None) -> None:
    """Raises ConfigError for a name that is none of LAYOUTS."""
    if name not in LAYOUTS:
        raise ConfigError(f"unknown layout {name!r}, use {' or '.join(filter(None, LAYOUTS))}")


def _drawn_out(plane: Tensor, multiple: int) -> Tensor:
    """(C, H, W) -> W rounded up to a multiple by repeating the last column."""
    missing = -plane.shape[-1] % multiple
    return torch.cat((plane, plane[..., -1:].expand(*plane.shape[:-1], missing)), dim=-1) if missing else plane


def _centred(plane: Tensor, width: int, margin: int, level: int) -> Tensor:
    """(C, H, W) -> (C, H, width): `margin` samples of `level` before it, or as many cut off where that is negative."""
    centred = plane.new_full((*plane.shape[:-1], width), level)
    room, kept = centred[..., max(0, margin) :], plane[..., max(0, -margin) :]
    shared = min(room.shape[-1], kept.shape[-1])
    room[..., :shared] = kept[..., :shared]
    return centred
