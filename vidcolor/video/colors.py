"""The frames of a film one by one, each with its luma at hand and its colours for the asking."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from av import VideoFrame
from av.video.reformatter import ColorRange, Interpolation
from numpy.typing import NDArray
from torch import Tensor

from vidcolor.video import planes
from vidcolor.video.pictures import color_range, colorspace
from vidcolor.video.reader import VideoReader
from vidcolor.video.stills import StillReader


@dataclass(frozen=True)
class ColorFrame:
    """One decoded frame; only what is asked for is converted."""

    seconds: float
    """From the start of the film."""
    frame: VideoFrame
    reader: VideoReader | StillReader

    @property
    def luma(self) -> Tensor:
        """(1, 1, H, W) as the reader's `info.planes` says."""
        plane = planes.read_luma(self.frame)
        return torch.from_numpy(plane.astype(plane.dtype.newbyteorder("=")))[None, None]

    def picture(self, short_side: int) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 R′G′B′, upright and with square pixels, shrunk to at most `short_side`."""
        wide = float(self.frame.width * self.reader.pixel_aspect)
        scale = min(1.0, short_side / min(wide, self.frame.height))
        shown = self.frame.reformat(
            max(1, round(wide * scale)),
            max(1, round(self.frame.height * scale)),
            "rgb24",
            src_colorspace=colorspace(self.reader.info.planes),
            src_color_range=color_range(self.reader.info.planes),
            dst_color_range=ColorRange.JPEG,
            interpolation=Interpolation.AREA | Interpolation.ACCURATE_RND,
            threads=planes.SWSCALE_THREADS,
        )
        upright = self.reader.turn.upright(torch.from_numpy(shown.to_ndarray()).movedim(-1, 0))
        return np.ascontiguousarray(upright.movedim(0, -1).numpy())


def read_colors(reader: VideoReader | StillReader) -> Iterator[ColorFrame]:
    """Every frame of a film or still, in order."""
    for frame, pts, _ in reader.frames():
        yield ColorFrame(float(pts * reader.info.time_base), frame, reader)
