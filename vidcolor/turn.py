"""How a stored picture is turned for display: one of the eight ways that display matrices and EXIF name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from torch import Tensor

_EXIF = {
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, False, True),
    7: (True, True, True),
    8: (True, True, False),
}


@dataclass(frozen=True)
class Turn:
    """From stored to upright: rows and columns change places first, then sides."""

    swapped: bool = False
    """Whether rows become columns."""
    upside_down: bool = False
    """Whether top and bottom then change places."""
    mirrored: bool = False
    """Whether left and right then change places."""

    @classmethod
    def from_matrix(cls, matrix: Sequence[int] | None) -> Self:
        """Of a display matrix (a b u, c d v, x y w; ISO/IEC 14496-12), x′ = ax + cy; slants go to the nearest turn."""
        if matrix is None:
            return cls()
        a, b, _, c, d = matrix[:5]
        swapped = abs(a) + abs(d) < abs(b) + abs(c)
        return cls(swapped, (b if swapped else d) < 0, (c if swapped else a) < 0)

    @classmethod
    def from_exif(cls, orientation: int) -> Self:
        """Of EXIF's tag 274; anything unknown is upright."""
        return cls(*_EXIF.get(orientation, ()))

    def upright(self, picture: Tensor) -> Tensor:
        """(..., H, W) as stored -> as shown."""
        return self._flip(picture.mT if self.swapped else picture)

    def stored(self, picture: Tensor) -> Tensor:
        """(..., H, W) as shown -> as stored."""
        picture = self._flip(picture)
        return picture.mT if self.swapped else picture

    def size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) as stored -> as shown, and back."""
        return (width, height) if self.swapped else (height, width)

    def _flip(self, picture: Tensor) -> Tensor:
        axes = [axis for axis, flips in ((-2, self.upside_down), (-1, self.mirrored)) if flips]
        return picture.flip(axes) if axes else picture
