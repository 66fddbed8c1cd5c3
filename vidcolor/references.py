"""Colours that somebody has set right: pictures in colour, which a film takes after wherever it shows the same things.

Every cell of a frame looks for the cells of a reference that the network's encoder takes for the same thing in the same
light, every quarter of it for the quarters of these, and moves to the mean of their colours (correspondence in deep
features, from coarse to fine: He et al. 2018, Deep Exemplar-based Colorization). Where nothing is like it, the
network's colour stays.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor.errors import InputError
from vidcolor.frames import NOTHING, Memory
from vidcolor.networks.base import Features
from vidcolor.sampling import enlarge, shrink
from vidcolor.video import StillReader, open_reader, read_colors

NEAR = 2.6
"""Squared distance up to which two cells of any films show the same thing: half of the cells of a clip's frames are
nearer than 1.1 to one of its middle frame, 95 % are further than 3.3 from those of another clip."""
FURTHEST, DOUBT = 3.4, 0.4
"""Squared distance at which that is as likely as not where the whole frame shows the same scene, and how much more
makes it e times less likely."""
CHOICE = 0.15
"""How much further one quarter may be than another, and say 1/e as much."""
NEAREST = 8
"""Cells whose quarters are looked at."""
OTHER, SAME = 0.2, 0.35
"""Share of a frame's cells that must be near: up to which it shows something else, and from which the same. It was 0.4
and more within a shot, and at most 0.19 between clips."""
LIGHT = 2.0
"""Weight of the light where quarters are told apart."""
GREY = 1.5
"""Chroma in ab units below which a pixel is grey."""
NEXT_TO_NOTHING = 1e-6


def read_reference(file: Path) -> Tensor:
    """R′G′B′ (1, 3, H, W) uint8 of a picture, upright and with square pixels. Raises InputError."""
    with open_reader(file) as reader:
        if not isinstance(reader, StillReader):
            raise InputError(f"{file}: a reference is a picture, like a .png of one frame")
        picture = next(read_colors(reader)).picture(reader.info.height)
        return torch.from_numpy(picture).movedim(-1, 0)[None]


@dataclass(frozen=True)
class Cells:
    """What one picture shows where: Q cells, and of each its quarters."""

    whole: Tensor
    """(Q, D)"""
    quarters: Tensor
    """(Q, 4, C)"""
    size: tuple[int, int]
    """Rows and columns of quarters."""

    @classmethod
    def of(cls, landmarks: Features, lightness: Tensor) -> Self:
        """From a network's landmarks, of which the finest have quarters for pixels, and its lightness (1, 1, h, w)."""
        fine, *coarse = (one.float() for one in landmarks)
        whole = torch.cat((*_directions(coarse), shrink(lightness, _size(coarse[0]))), dim=1)
        quarters = torch.cat((*_directions([fine]), shrink(lightness, _size(fine)) * LIGHT), dim=1)
        return cls(whole[0].flatten(1).T.contiguous(), to_quarters(quarters), _size(fine))


@dataclass(frozen=True)
class Reference:
    """The cells of a picture whose colours are known."""

    cells: Cells
    ab: Tensor
    """(Q, 4, 2), the mean over each quarter; what is not said counts as 0."""
    said: Tensor
    """(Q, 4, 1) in 0..1, the share of each quarter whose colour is said."""

    @classmethod
    def of(cls, cells: Cells, ab: Tensor) -> Self:
        """A picture's cells and its colours (1, 2, h, w).

        Where more than half of it is grey, it was grey and is painted in places, and only these say something.
        """
        said = (ab.norm(dim=1, keepdim=True) >= GREY).float()
        if said.mean() > 0.5:
            said = torch.ones_like(said)
        return cls(cells, *(to_quarters(shrink(planes, cells.size)) for planes in (ab * said, said)))

    @property
    def digest(self) -> str:
        """SHA-256 of all that colours depend on."""
        tensors = (self.cells.whole, self.cells.quarters, self.ab, self.said)
        return hashlib.sha256(b"".join(tensor.cpu().numpy().tobytes() for tensor in tensors)).hexdigest()

    def answer(self, cells: Cells, own: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A frame's cells and their ab (Q, 4, 2) -> how far the nearest is (Q, 1, 1), how far that is believed
        (Q, 1, 1) in 0..1, and what it adds to ab (Q, 4, 2)."""
        distances = torch.cdist(cells.whole, self.cells.whole).square()
        near, index = distances.topk(min(NEAREST, len(self.ab)), dim=1, largest=False)
        apart = torch.cdist(cells.quarters, self.cells.quarters[index].flatten(1, 2)).square()
        share = (-(apart + near.repeat_interleave(4, dim=1)[:, None]) / CHOICE).softmax(dim=2)
        ab, said = (share @ known[index].flatten(1, 2) for known in (self.ab, self.said))
        nearest = near[:, :1, None]
        belief = ((FURTHEST - nearest) / DOUBT).sigmoid()
        sameness = (((nearest < NEAR).float().mean() - OTHER) / (SAME - OTHER)).clamp(0, 1)
        return nearest, belief * sameness, ab - said * own


class References:
    """What a film takes after: references by their names, and which of them any of its frames followed."""

    def __init__(self, known: Mapping[str, Reference]) -> None:
        self._known = known
        self._followed = torch.zeros(len(known), dtype=torch.bool)

    def __bool__(self) -> bool:
        return bool(self._known)

    @property
    def digest(self) -> str:
        """SHA-256 of each; empty where there is none."""
        return " ".join(reference.digest for reference in self._known.values())

    @property
    def unused(self) -> tuple[str, ...]:
        """Those that no frame followed."""
        return tuple(compress(self._known, self._followed.logical_not().tolist()))

    @property
    def memory(self) -> Memory:
        return {"references.followed": self._followed} if self else NOTHING

    def recall(self, memory: Memory) -> None:
        """Begin a film, or go on with the one that `memory` was made of."""
        self._followed = memory.get("references.followed", torch.zeros(len(self._known), dtype=torch.bool))

    def recolor(self, cells: Cells, ab: Tensor) -> Tensor:
        """A frame's cells and its ab (1, 2, h, w) -> ab as the references ask for it.

        Of several that know a thing, the nearer one has more to say.
        """
        own = to_quarters(shrink(ab, cells.size))
        answers = (reference.answer(cells, own) for reference in self._known.values())
        nearest, belief, change = (torch.stack(parts) for parts in zip(*answers, strict=True))
        self._followed = self._followed.to(belief.device) | (belief.amax(dim=(1, 2, 3)) > 0.5)
        share = (belief.clamp_min(NEXT_TO_NOTHING).log() - nearest / CHOICE).softmax(dim=0)
        return ab + enlarge(from_quarters((share * belief * change).sum(dim=0), cells.size), like=ab)


def to_quarters(planes: Tensor) -> Tensor:
    """(1, C, 2 h', 2 w') -> (h' * w', 4, C)."""
    return F.pixel_unshuffle(planes, 2).view(planes.shape[1], 4, -1).permute(2, 1, 0).contiguous()


def from_quarters(quarters: Tensor, size: tuple[int, int]) -> Tensor:
    """(h' * w', 4, C) -> (1, C, *size), where size is (2 h', 2 w')."""
    height, width = size
    planes = quarters.permute(2, 1, 0).reshape(1, -1, height // 2, width // 2)
    return F.pixel_shuffle(planes, 2).contiguous()


def _size(planes: Tensor) -> tuple[int, int]:
    return planes.shape[2], planes.shape[3]


def _directions(maps: Sequence[Tensor]) -> list[Tensor]:
    """Maps at the size of the first, of which only the direction counts in which a place differs from the mean."""
    sized = (F.interpolate(one, _size(maps[0]), mode="bilinear", align_corners=False) for one in maps)
    return [F.normalize(one - one.mean((2, 3), keepdim=True)) for one in sized]
