"""Colour pictures and films taken apart for an evaluation: their luma to be coloured, their chroma to compare with."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from vidcolor.color import chroma_to_rgb, luma_of, read_chroma, read_luma, rgb_to_chroma, store_chroma_
from vidcolor.errors import InputError
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.photos import ARCHIVES, Photo, find_photos
from vidcolor.tree import is_locked, refuse_missing, walk_originals
from vidcolor.video import USUAL, Limits, is_media, is_still, open_reader, read_pictures

LAYOUT = PlaneFormat(bit_depth=8, full_range=True, matrix="709", chroma_shift=(0, 0))
"""What everything is brought to."""
LEAST_SIDE = 32
"""Pixels on either side that LPIPS needs; SSIM needs 11."""


def find_originals(sources: Sequence[Path]) -> tuple[list[Photo], list[Path], list[str]]:
    """The pictures and the films in files, folders, tar and zip archives, and what is wrong with archives among them.

    Raises InputError where there is nothing to read.
    """
    refuse_missing(sources)
    files = [file for source in sources for file in _files_of(source)]
    photos: list[Photo] = []
    wrong = []
    for file in files:
        if is_locked(file) or (file.is_file() and (is_still(file) or file.suffix.lower() in ARCHIVES)):
            try:
                photos += find_photos([file])
            except InputError as error:
                wrong.append(str(error))
    films = [file for file in files if is_media(file) and not is_still(file) and file.is_file()]
    if not photos and not films:
        raise InputError("; ".join(wrong) or f"{', '.join(map(str, sources))}: no films and no pictures there")
    return photos, films, wrong


def _files_of(source: Path) -> Iterable[Path]:
    return walk_originals(source) if source.is_dir() and not is_locked(source) else [source]


def read_photo(photo: Photo, size: int, limits: Limits = USUAL) -> FrameBatch:
    """One photo at an area of at most size² pixels, in LAYOUT, with its own chroma. Raises InputError."""
    try:
        picture = photo.decode(limits=limits)
    except OSError as error:
        raise InputError(f"{photo.name}: cannot be read ({error.strerror})") from None
    if picture is None:
        raise InputError(f"{photo.name}: is no picture that can be read")
    height, width = _fitted(photo.name, picture.shape[0], picture.shape[1], size)
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    rgb = torch.from_numpy(small).movedim(-1, 0)[None].float() / 255
    luma = (luma_of(rgb) * 255).round().byte()
    return FrameBatch(luma, (0,), (0,), (True,), chroma=store_chroma_(rgb_to_chroma(rgb, LAYOUT.matrix), LAYOUT))


def read_film(
    film: Path,
    size: int,
    batch_size: int,
    limits: Limits = USUAL,
    on_losses: Callable[[int], None] = lambda count: None,
) -> Iterator[tuple[FrameBatch, list[float]]]:
    """The frames of a film in the same way, and their times in seconds; in the end `on_losses` hears how many
    places were damaged.

    Raises InputError.
    """
    with open_reader(film, limits=limits) as reader:
        height, width = _fitted(film.name, reader.info.height, reader.info.width, size)
        info = VideoInfo(width, height, LAYOUT, reader.info.time_base)
        for batch in _gather(read_pictures(reader, info, LAYOUT), batch_size):
            yield batch, [float(pts * info.time_base) for pts in batch.pts]
        on_losses(len(reader.losses))


def to_rgb(batch: FrameBatch) -> Tensor:
    """R′G′B′ (N, 3, H, W) in 0..1 of a batch in LAYOUT."""
    if batch.chroma is None:
        raise ValueError("a batch needs chroma before it has colours")
    luma, chroma = read_luma(batch.luma.cpu(), LAYOUT), read_chroma(batch.chroma.cpu(), LAYOUT)
    return chroma_to_rgb(luma, chroma, LAYOUT.matrix).clamp(0, 1)


def to_pixels(rgb: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """R′G′B′ (3, H, W) in 0..1 -> (H, W, 3) uint8."""
    return np.ascontiguousarray((rgb * 255).round().byte().movedim(0, -1).numpy())


def _fitted(name: str, height: int, width: int, size: int) -> tuple[int, int]:
    scale = min(1.0, size / (height * width) ** 0.5)
    fitted = round(height * scale), round(width * scale)
    if min(fitted) < LEAST_SIDE:
        raise InputError(f"{name}: {width} x {height} is too small or too narrow to compare at a size of {size}")
    return fitted


def _gather(frames: Iterable[FrameBatch], size: int) -> Iterator[FrameBatch]:
    """Batches of one, put together to batches of `size`."""
    waiting: list[FrameBatch] = []
    for frame in frames:
        waiting.append(frame)
        if len(waiting) == size:
            yield _join(waiting)
            waiting = []
    if waiting:
        yield _join(waiting)


def _join(frames: Sequence[FrameBatch]) -> FrameBatch:
    return FrameBatch(
        luma=torch.cat([frame.luma for frame in frames]),
        pts=tuple(frame.pts[0] for frame in frames),
        durations=tuple(frame.durations[0] for frame in frames),
        chroma=torch.cat([frame.chroma for frame in frames if frame.chroma is not None]),
    )
