"""A grey film made up in code, with motion, detail and grain as real ones have: something to measure with anywhere."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.video.planes import build_frame
from vidcolor.video.target import translated

RATE = 24
SHOT = 96
"""Frames between two cuts."""
MARGIN = 1.25
"""Size of a scene by that of the picture: the camera moves and closes in within it."""
GRAIN, GRAIN_LINES = 2.0, 480
"""Standard deviation in levels of 255, and lines to the picture at which grains are a pixel: they grow with it."""
_GENTLE = {"preset": "veryfast", "crf": "18"}


def make_specimen(path: Path, height: int, frames: int) -> Path:
    """Write `frames` frames of H.264 in 16:9, `height` even; always the same ones. Raises OutputError."""
    random = np.random.default_rng(0)
    width = 2 * round(height * 8 / 9)
    grain = _grain(random, height, width)
    neutral = np.full((2, height // 2, width // 2), 128, np.uint8)
    with translated(path), av.open(f"file:{path}", "w") as output:
        stream: Any = output.add_stream("libx264", RATE, _GENTLE, width=width, height=height)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = stream.codec_context.color_range = 1  # BT.709, limited
        for number in range(frames):
            if number % SHOT == 0:
                scene = _scene(random, round(MARGIN * height), round(MARGIN * width))
            picture = _seen(scene, number % SHOT / SHOT, height, width)
            top, left = random.integers(0, (height, width))
            grained = cv2.add(picture, grain[top : top + height, left : left + width], dtype=cv2.CV_8U)
            frame = build_frame(grained.clip(16, 235), neutral, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def _grain(random: np.random.Generator, height: int, width: int) -> NDArray[np.int8]:
    """Twice the size of the picture, so that every frame takes another part."""
    lines = 2 * GRAIN_LINES
    grain = random.normal(0, GRAIN, (lines, lines * width // height)).astype(np.float32)
    return cv2.resize(grain, (2 * width, 2 * height), interpolation=cv2.INTER_AREA).round().astype(np.int8)


def _scene(random: np.random.Generator, height: int, width: int) -> NDArray[np.float32]:
    """Y′ (height, width) as stored: things with edges, shaded, at every size."""
    scene = np.zeros((height, width), np.float32)
    for cells in (4, 8, 16, 32, 64):
        random_cells = random.random((cells, 2 * cells), np.float32) - 0.5
        blobs = cv2.resize(random_cells, (width, height), interpolation=cv2.INTER_CUBIC)
        scene += (blobs + 0.4 * np.sign(blobs)) / cells**0.5
    return (126 + 110 * scene).clip(16, 235)


def _seen(scene: NDArray[np.float32], progress: float, height: int, width: int) -> NDArray[np.uint8]:
    """What a camera that pans and closes in sees of a scene, (height, width)."""
    zoom = 1 - 0.15 * progress
    room = np.array(scene.shape) - zoom * np.array((height, width)) - 1
    down, across = room * (0.3 + 0.4 * progress, progress)
    place = np.array([[zoom, 0, across], [0, zoom, down]])
    turn = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(scene, place, (width, height), flags=turn).round().astype(np.uint8)
