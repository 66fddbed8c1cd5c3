"""Features of a frozen encoder, kept on disk: computed the first time a view is asked for, read back ever after."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vidcolor.errors import OutputError


class FeatureCache:
    """Rows of float16 feature maps and their targets, one row a view, in memory-mapped files under `folder`.

    Their space is reserved at the start: a disk that is too small is noticed before the run, not in the middle of it.
    """

    def __init__(self, folder: Path, rows: int, shapes: Sequence[tuple[int, ...]]):
        """`shapes`: of one row of every tensor that is kept. Raises OutputError where `folder` cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._columns = [
                _open_reserved(folder / f"{number}-{'x'.join(map(str, shape))}.f16", np.float16, (rows, *shape))
                for number, shape in enumerate(shapes)
            ]
            self._filled = _open_reserved(folder / "filled.u1", np.uint8, (rows,))
        except OSError as error:
            raise OutputError(
                f"{folder}: cannot keep features there ({error.strerror}); check space and rights"
            ) from None

    def has(self, rows: Sequence[int]) -> bool:
        """Whether all the rows were written."""
        return bool(self._filled[list(rows)].all())

    def write(self, rows: Sequence[int], tensors: Sequence[Tensor]) -> None:
        """Keep tensors, each (len(rows), *shape)."""
        for column, tensor in zip(self._columns, tensors, strict=True):
            column[list(rows)] = tensor.to(torch.float16).cpu().numpy()
        self._filled[list(rows)] = 1

    def read(self, rows: Sequence[int]) -> tuple[Tensor, ...]:
        """What `write` kept, float32 after a trip through float16."""
        return tuple(torch.from_numpy(column[list(rows)].astype(np.float32)) for column in self._columns)


def drop_features(folder: Path) -> None:
    """Delete what a FeatureCache keeps in `folder`, and the folder if nothing else is in it."""
    for path in (*folder.glob("*.f16"), folder / "filled.u1"):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # missing, or it holds somebody else's files
        folder.rmdir()


def _open_reserved(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> np.memmap:
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if not path.exists() or path.stat().st_size != size:
        with open(path, "wb") as file:
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
    return np.memmap(path, dtype, "r+", shape=shape)
