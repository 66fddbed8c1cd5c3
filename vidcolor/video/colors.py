"""Colour pictures out of a film, for training."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.video.decoding import decode
from vidcolor.video.source import find_picture, opened


def sample_colors(source: Path, every: float = 1.0, short_side: int = 320) -> Iterator[NDArray[np.uint8]]:
    """One picture in `every` seconds, (H, W, 3) uint8 R′G′B′, shrunk to `short_side`. Raises InputError.

    Frames that do not decode are passed over.
    """
    with opened(source) as container:
        next_time: float | None = None
        for frame in decode(container, find_picture(container, source), lambda pts, what: None):
            time = frame.time or 0.0
            if next_time is not None and time < next_time:
                continue
            next_time = time + every
            scale = min(1.0, short_side / min(frame.width, frame.height))
            size: dict[str, Any] = {"width": round(frame.width * scale), "height": round(frame.height * scale)}
            yield np.asarray(frame.to_ndarray(format="rgb24", **size), np.uint8)
