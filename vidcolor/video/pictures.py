"""Films and stills in their own colours, for looking at: 8 bits, any size."""

from collections.abc import Iterator

import numpy as np
import torch
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.video.planes import SWSCALE_THREADS, samples_of
from vidcolor.video.reader import VideoReader
from vidcolor.video.stills import StillReader

DEPTH = 8
_FORMATS = {
    (0, 0): "yuv444p", (1, 0): "yuv422p", (1, 1): "yuv420p", (0, 1): "yuv440p", (2, 0): "yuv411p", (2, 2): "yuv410p"
}  # fmt: skip
_COLORSPACES = {"601": Colorspace.ITU601, "709": Colorspace.ITU709, "2020": Colorspace.BT2020}


def read_pictures(reader: VideoReader | StillReader, info: VideoInfo, planes: PlaneFormat) -> Iterator[FrameBatch]:
    """Every frame, one to a batch, in the size, matrix and range of `info`; pts stay the reader's.

    luma (1, 1, H, W) uint8; chroma (1, 2, Hc, Wc) as `planes` says, of 8 significant bits. What has all that already is
    handed out bit for bit.
    """
    reformatter = VideoReformatter()
    for frame, pts, duration in reader.frames():
        fitted = _fit(frame, reformatter, reader.info, info, _FORMATS[planes.chroma_shift])
        samples = [samples_of(plane, fitted.format)[:, : plane.width] for plane in fitted.planes]
        luma, chroma = torch.from_numpy(samples[0].copy()), torch.from_numpy(np.stack(samples[1:]))
        chroma = (chroma.int() << planes.bit_depth - DEPTH).to(planes.dtype)
        yield FrameBatch(luma[None, None], (pts,), (duration,), chroma=chroma[None])


def _fit(
    frame: VideoFrame, reformatter: VideoReformatter, source: VideoInfo, target: VideoInfo, pix_fmt: str
) -> VideoFrame:
    """The frame in another size and format, by the areas of its pixels where it shrinks."""
    shrinks = target.width * target.height < frame.width * frame.height
    return reformatter.reformat(
        frame,
        target.width,
        target.height,
        pix_fmt,
        src_colorspace=colorspace(source.planes),
        dst_colorspace=colorspace(target.planes),
        src_color_range=color_range(source.planes),
        dst_color_range=color_range(target.planes),
        interpolation=(Interpolation.AREA if shrinks else Interpolation.LANCZOS) | Interpolation.ACCURATE_RND,
        threads=SWSCALE_THREADS,
    )


def colorspace(planes: PlaneFormat) -> Colorspace:
    """The matrix as swscale names it."""
    return _COLORSPACES[planes.matrix]


def color_range(planes: PlaneFormat) -> ColorRange:
    """The range as swscale names it."""
    return ColorRange.JPEG if planes.full_range else ColorRange.MPEG
