"""Scenes that move and have colours, of scikit-image's photos and of noise, and films of them; for tests over time."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
import torch.nn.functional as F
from skimage import data
from torch import Tensor

from vidcolor.color import luma_of, rgb_to_chroma, store_chroma_
from vidcolor.frames import PlaneFormat

STORED = PlaneFormat(bit_depth=8, full_range=False, matrix="709", chroma_shift=(0, 0))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def texture(height: int, width: int, seed: int = 0) -> Tensor:
    """Y′ (1, 1, height, width) in 0..1 with things to see at every size from 6 to 48 pixels, as photos have."""
    picture = torch.zeros(1, 1, height, width)
    for cell in (48, 24, 12, 6):
        blobs = torch.rand(1, 1, height // cell + 3, width // cell + 3, generator=seeded(seed + cell)) - 0.5
        picture += cell**0.7 * F.interpolate(blobs, (height, width), mode="bicubic")
    return (0.5 + picture / 35).clamp(0, 1)


def moved_pair(across: float, down: float, height: int = 96, width: int = 128) -> tuple[Tensor, Tensor]:
    """Two pictures (1, 1, height, width): what is at x, y of the first is at x + across, y + down of the second.

    In steps of a quarter of a pixel.
    """
    margin, fine = 16, 4
    wide = texture(height + 2 * margin, width + 2 * margin)
    large = F.interpolate(wide, scale_factor=fine, mode="bicubic").clamp(0, 1)

    def seen_from(x: float, y: float) -> Tensor:
        top, left = round((margin + y) * fine), round((margin + x) * fine)
        return F.avg_pool2d(large[..., top : top + height * fine, left : left + width * fine], fine)

    return seen_from(0, 0), seen_from(-across, -down)


def photo(name: str, height: int, width: int) -> Tensor:
    """The middle of one of scikit-image's photos, R′G′B′ (3, height, width) in 0..1."""
    rgb = torch.from_numpy(getattr(data, name)()).movedim(-1, 0)[None].float() / 255
    scale = max(height / rgb.shape[2], width / rgb.shape[3])
    size = [max(side, round(scale * given)) for side, given in zip((height, width), rgb.shape[2:], strict=True)]
    small = F.interpolate(rgb, size, mode="area")[0]
    top, left = (size[0] - height) // 2, (size[1] - width) // 2
    return small[:, top : top + height, left : left + width]


def glide(name: str, frames: int, height: int, width: int) -> Tensor:
    """A photo seen by a camera that slowly moves and closes in, (frames, 3, height, width)."""
    rgb = photo(name, round(1.3 * height), round(1.3 * width)).expand(frames, -1, -1, -1)
    progress = torch.arange(frames) / 100
    theta = torch.zeros(frames, 2, 3)
    theta[:, 0, 0] = theta[:, 1, 1] = 0.78 - 0.2 * progress
    theta[:, 0, 2], theta[:, 1, 2] = 0.6 * progress - 0.1, 0.1 - 0.3 * progress
    places = F.affine_grid(theta, [frames, 3, height, width], align_corners=False)
    return F.grid_sample(rgb, places, align_corners=False)


def with_grain(pictures: Tensor, levels: float, seed: int = 0) -> Tensor:
    """Pictures (N, 1, H, W) in 0..1 under grain of a deviation of so many levels of 255, another in each."""
    return (pictures + levels / 255 * torch.randn(pictures.shape, generator=seeded(seed))).clamp(0, 1)


def write_film(path: Path, pictures: Tensor) -> Path:
    """A lossless film in BT.709 at 25 frames/s: R′G′B′ (N, 3, H, W) in 4:4:4, Y′ (N, 1, H, W) in 4:2:0 and grey."""
    is_grey = pictures.shape[1] == 1
    luma = ((pictures if is_grey else luma_of(pictures)) * 219 + 16).round().byte()
    chroma = luma.new_full((len(luma), 2, *(-(-side // 2) for side in luma.shape[2:])), 128)
    if not is_grey:
        chroma = store_chroma_(rgb_to_chroma(pictures, STORED.matrix), STORED)
    with av.open(str(path), "w") as output:
        height, width = luma.shape[2:]
        stream: Any = output.add_stream("ffv1", 25, width=width, height=height)
        stream.pix_fmt = "yuv420p" if is_grey else "yuv444p"
        stream.codec_context.colorspace = stream.codec_context.color_range = 1  # BT.709, limited
        for index, planes in enumerate(zip(luma[:, 0], *chroma.unbind(1), strict=True)):
            frame = av.VideoFrame(width, height, stream.pix_fmt)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            for plane, samples in zip(frame.planes, planes, strict=True):
                _samples(plane)[:, : plane.width] = samples.numpy()
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def read_planes(path: Path) -> tuple[Tensor, Tensor]:
    """Y′ (N, 1, H, W), and Cb and Cr (N, 2, Hc, Wc), of all frames of a film, as stored, int32."""
    lumas, chromas = [], []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            luma, *chroma = (_samples(plane)[:, : plane.width].copy() for plane in frame.planes)
            lumas.append(luma[None])
            chromas.append(np.stack(chroma))
    return torch.from_numpy(np.stack(lumas)).int(), torch.from_numpy(np.stack(chromas)).int()


def _samples(plane: Any) -> Any:
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
