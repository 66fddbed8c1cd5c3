"""Training pictures: found in folders, tar archives and videos, cropped, and shown as old film would show them."""

import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from vidcolor.color import GREY_WEIGHTS, grey_of, luma_to_lightness, rgb_to_lab
from vidcolor.errors import InputError
from vidcolor.video import is_media, is_still, sample_colors

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Photo:
    """Where the bytes of one encoded picture lie: a whole file, a stretch of an archive, or memory."""

    path: Path
    offset: int = 0
    size: int | None = None
    """None: to the end of the file."""
    held: bytes | None = None
    """The bytes themselves, for a frame of a film."""
    member: str | None = None
    """Its name in an archive."""

    @property
    def name(self) -> str:
        """Without folders, as people know it."""
        return Path(self.member or self.path).name

    def decode(self) -> Picture | None:
        """(H, W, 3) uint8 RGB, or None where the bytes are no picture."""
        data = np.frombuffer(self.held if self.held is not None else self._read(), np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if len(data) else None
        return None if picture is None else np.asarray(picture, np.uint8)

    def _read(self) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(-1 if self.size is None else self.size)


def find_photos(sources: Sequence[Path]) -> list[Photo]:
    """Every picture in the sources, in a stable order. Raises InputError where there is none."""
    photos = [photo for source in sources for photo in _photos_in(source)]
    if not photos:
        raise InputError(f"no pictures in {', '.join(map(str, sources))}: give folders, tar archives or films")
    return photos


def _photos_in(source: Path) -> Iterator[Photo]:
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            if path.is_file() and (is_media(path) or path.suffix.lower() == ".tar"):
                yield from _photos_in(path)
    elif not source.exists():
        raise InputError(f"{source}: no such file or folder")
    elif source.suffix.lower() == ".tar":
        yield from _photos_in_tar(source)
    elif is_still(source):
        yield Photo(source)
    else:
        yield from _frames_of(source)


def _frames_of(film: Path) -> Iterator[Photo]:
    for picture in sample_colors(film):
        _, data = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
        yield Photo(film, held=data.tobytes())


def _photos_in_tar(path: Path) -> Iterator[Photo]:
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                if member.isfile() and is_still(Path(member.name)):
                    yield Photo(path, member.offset_data, member.size, member=member.name)
    except tarfile.TarError as error:
        raise InputError(f"{path}: not an uncompressed tar archive ({error})") from None


@dataclass(frozen=True)
class View:
    """One way of looking at one picture; the same view always gives the same pixels."""

    index: int
    """Which picture."""
    number: int | None
    """Seed of crop, flip and film look; None is the plain middle crop."""


class PhotoViews(Dataset[tuple[Tensor, Tensor]]):
    """Views of photos as (luma (1, S, S) uint8, rgb (3, S, S) uint8), square crops of side S.

    The luma is the grey that a network is shown, one of `color.GREYS`.
    """

    def __init__(self, photos: Sequence[Photo], size: int, seed: int = 0, film_look: float = 0.5, *, grey: str = "709"):
        self.photos = photos
        self.size = size
        self.seed = seed
        self.film_look = film_look
        self.grey = grey

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, view: View) -> tuple[Tensor, Tensor]:
        random = None if view.number is None else np.random.default_rng((self.seed, view.index, view.number))
        rgb = crop(self._decode(view.index), self.size, random)
        luma = to_grey(rgb, self.grey)
        if random is not None and random.random() < self.film_look:
            luma = film_look(luma, random)
        stored = np.clip(np.rint(luma), 0, 255).astype(np.uint8)
        return torch.from_numpy(stored)[None], torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))

    def _decode(self, index: int) -> Picture:
        for step in range(len(self.photos)):
            picture = self.photos[(index + step) % len(self.photos)].decode()
            if picture is not None and min(picture.shape[:2]) >= 32:
                return picture
        raise InputError("none of the training pictures can be decoded")


def crop(picture: Picture, size: int, random: np.random.Generator | None) -> Picture:
    """A size x size piece, aspect kept: a random scale, place and mirror, or the middle without `random`."""
    height, width = picture.shape[:2]
    scale = size / min(height, width) * (1 if random is None else random.uniform(1, 1.35))
    if scale != 1:
        shape = max(size, round(width * scale)), max(size, round(height * scale))
        kernel = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        picture = np.asarray(cv2.resize(picture, shape, interpolation=kernel), np.uint8)
    down, across = picture.shape[0] - size, picture.shape[1] - size
    if random is None:
        return picture[down // 2 :, across // 2 :][:size, :size]
    top, left = random.integers(down + 1), random.integers(across + 1)
    piece = picture[top : top + size, left : left + size]
    return piece[:, ::-1] if random.random() < 0.5 else piece


def to_grey(rgb: Picture, grey: str) -> NDArray[np.float32]:
    """(H, W, 3) uint8 -> (H, W) in 0..255, by one of `color.GREYS`."""
    if grey in GREY_WEIGHTS:  # on the levels as they are: over 0..1 and back, halves would be rounded another way
        return (rgb @ np.array(GREY_WEIGHTS[grey], np.float32)).astype(np.float32)
    picture = torch.from_numpy(rgb / np.float32(255)).movedim(-1, 0)[None]
    return np.asarray(255 * grey_of(picture, grey)[0, 0].numpy(), np.float32)


def film_look(luma: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """Luma 0..255 with another gamma, contrast and sharpness, compression and grain."""
    looks: list[tuple[float, Callable[[NDArray[np.float32]], NDArray[np.float32]]]] = [
        (0.7, lambda y: np.asarray(255 * (y / 255) ** random.uniform(0.7, 1.4), np.float32)),
        (0.7, lambda y: (y - 128) * random.uniform(0.7, 1.15) + 128 + random.uniform(-20, 20)),
        (0.4, lambda y: np.asarray(cv2.GaussianBlur(y, (0, 0), random.uniform(0.4, 1.2)), np.float32)),
        (0.3, lambda y: _compressed(y, int(random.integers(30, 90)))),
        (0.5, lambda y: y + random.normal(0, random.uniform(1, 8), y.shape).astype(np.float32)),
    ]
    for chance, look in looks:
        if random.random() < chance:
            luma = np.clip(look(luma), 0, 255)
    return luma


def _compressed(luma: NDArray[np.float32], quality: int) -> NDArray[np.float32]:
    _, data = cv2.imencode(".jpg", luma.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


def to_network(luma: Tensor, rgb: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 grey (N, 1, S, S), rgb (N, 3, S, S) -> lightness in -1..1 and the true L*a*b*, float32, same sizes."""
    lightness = luma_to_lightness(luma.float() / 255) / 50 - 1
    return lightness, rgb_to_lab(rgb.float() / 255)
