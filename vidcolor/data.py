"""Views of training pictures: cropped, mirrored, and shown as old film would show them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from vidcolor.color import GREY_WEIGHTS, grey_of, luma_to_input, rgb_to_lab
from vidcolor.errors import InputError
from vidcolor.photos import LEAST_SIDE, Photo, Picture

Luma = NDArray[np.float32]
"""(H, W), Y′ in 0..255."""

ZOOM = 1.35
"""How far views are zoomed into, at most."""
MOST_SCRATCHES, MOST_SPECKS, MOST_HAIRS = 4, 10, 1
"""Of each, from none to so many are drawn on a worn picture."""
POINT_GAP = 6
"""Pixels between two points of a scratch, where it may swerve, fade and break off."""
CORNERS = np.array([(np.cos(angle), np.sin(angle)) for angle in np.arange(6) * np.pi / 3])
"""x, y of a regular hexagon about 0: the outline of a speck before it is ragged."""
SUBPIXELS = 4
"""Bits below the pixel to which cv2 is told where to draw."""


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

    def __init__(
        self,
        photos: Sequence[Photo],
        size: int,
        seed: int = 0,
        film_look: float = 0.5,
        *,
        zoom: float = ZOOM,
        grey: str = "709",
    ):
        self.photos = photos
        self.size = size
        self.seed = seed
        self.film_look = film_look
        self.zoom = zoom
        self.grey = grey

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, view: View) -> tuple[Tensor, Tensor]:
        random = None if view.number is None else np.random.default_rng((self.seed, view.index, view.number))
        rgb = crop(self._decode(view.index), self.size, random, self.zoom)
        luma = to_grey(rgb, self.grey)
        if random is not None and random.random() < self.film_look:
            luma = film_look(luma, random)
        stored = np.clip(np.rint(luma), 0, 255).astype(np.uint8)
        return torch.from_numpy(stored)[None], torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))

    def _decode(self, index: int) -> Picture:
        """The picture, or the next one that can be had: files may go away while a run lasts."""
        for step in range(len(self.photos)):
            with suppress(OSError, InputError):
                picture = self.photos[(index + step) % len(self.photos)].decode()
                if picture is not None and min(picture.shape[:2]) >= LEAST_SIDE:
                    return picture
        raise InputError("none of the training pictures can be decoded")


def crop(picture: Picture, size: int, random: np.random.Generator | None, zoom: float = ZOOM) -> Picture:
    """A square piece at size x size: of random extent and place, perhaps mirrored, or the middle without `random`.

    Its side is that of the largest such piece, or shorter by up to a factor of `zoom`.
    """
    height, width = picture.shape[:2]
    side = min(height, width)
    if random is None:
        top, left = (height - side) // 2, (width - side) // 2
    else:
        side = max(1, round(side / random.uniform(1, zoom)))
        top, left = random.integers((height - side + 1, width - side + 1))
    piece = picture[top : top + side, left : left + side]
    if side != size:
        kernel = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
        piece = np.asarray(cv2.resize(piece, (size, size), interpolation=kernel), np.uint8)
    return piece[:, ::-1] if random is not None and random.random() < 0.5 else piece


def to_grey(rgb: Picture, grey: str) -> Luma:
    """(H, W, 3) uint8 -> (H, W) in 0..255, by one of `color.GREYS`."""
    if grey in GREY_WEIGHTS:  # on the levels as they are: over 0..1 and back, halves would be rounded another way
        return (rgb @ np.array(GREY_WEIGHTS[grey], np.float32)).astype(np.float32)
    picture = torch.from_numpy(rgb / np.float32(255)).movedim(-1, 0)[None]
    return np.asarray(255 * grey_of(picture, grey)[0, 0].numpy(), np.float32)


def film_look(luma: Luma, random: np.random.Generator) -> Luma:
    """The luma with another gamma, contrast and sharpness, worn, compressed and grained; each by chance."""
    looks: list[tuple[float, Callable[[Luma], Luma]]] = [
        (0.7, lambda y: np.asarray(255 * (y / 255) ** random.uniform(0.7, 1.4), np.float32)),
        (0.7, lambda y: (y - 128) * random.uniform(0.7, 1.15) + 128 + random.uniform(-20, 20)),
        (0.4, lambda y: np.asarray(cv2.GaussianBlur(y, (0, 0), random.uniform(0.4, 1.2)), np.float32)),
        (0.3, lambda y: worn(y, random)),
        (0.3, lambda y: _compressed(y, int(random.integers(30, 90)))),
        (0.5, lambda y: y + random.uniform(1, 8) * random.standard_normal(y.shape, np.float32)),
    ]
    for chance, look in looks:
        if random.random() < chance:
            luma = np.clip(look(luma), 0, 255)
    return luma


def worn(luma: Luma, random: np.random.Generator) -> Luma:
    """The luma under scratches, dust and hairs, each either light, where the film is worn, or dark, where dirt lies."""
    marks = np.zeros((2, *luma.shape), np.uint8)
    for draw, most in ((_scratch, MOST_SCRATCHES), (_speck, MOST_SPECKS), (_hair, MOST_HAIRS)):
        for _ in range(random.integers(most + 1)):
            draw(marks[random.integers(2)], random)
    light, dark = marks / np.float32(255)
    return np.asarray((luma + (255 - luma) * light) * (1 - dark), np.float32)


def _scratch(mark: Picture, random: np.random.Generator) -> None:
    """A thin upright line through the whole height or a part of it, wavering a little, fading in and out."""
    height, width = mark.shape
    top, bottom = (0, height) if random.random() < 0.6 else sorted(random.uniform(0, height, 2))
    y = np.arange(top, bottom + POINT_GAP, POINT_GAP)
    x = random.uniform(0, width) + random.normal(0, 0.01) * y + random.normal(0, 0.2, len(y)).cumsum()
    strength = random.uniform(0.2, 0.8) ** 2 + random.normal(0, 0.08, len(y)).cumsum()
    _stroke(mark, x, y, strength)


def _hair(mark: Picture, random: np.random.Generator) -> None:
    """A thin curve of 10 to 40 pixels."""
    bend = random.normal(0, 0.15) + random.normal(0, 0.2, random.integers(5, 20))
    heading = random.uniform(0, 2 * np.pi) + bend.cumsum()
    height, width = mark.shape
    x = random.uniform(0, width) + 2 * np.cos(heading).cumsum()
    y = random.uniform(0, height) + 2 * np.sin(heading).cumsum()
    _stroke(mark, x, y, np.full(len(bend), random.uniform(0.2, 0.6)))


def _speck(mark: Picture, random: np.random.Generator) -> None:
    """A blot of up to 4 pixels across, with a ragged outline."""
    radii = random.uniform(0.3, 1.4) * random.uniform(0.5, 1.5, (len(CORNERS), 1))
    outline = random.random(2) * mark.shape[::-1] + radii * CORNERS
    cv2.fillPoly(mark, [_subpixels(outline)], random.uniform(80, 255), cv2.LINE_AA, SUBPIXELS)


def _stroke(mark: Picture, x: NDArray[np.float64], y: NDArray[np.float64], strength: NDArray[np.float64]) -> None:
    """A line through the points; `strength` 0..1 is the opacity from each to the next, none below 0."""
    points = _subpixels(np.stack((x, y), axis=-1))
    for start, end, value in zip(points[:-1], points[1:], strength, strict=False):
        if value > 0:
            cv2.line(mark, start, end, 255 * min(1.0, value), 1, cv2.LINE_AA, SUBPIXELS)


def _subpixels(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.rint(points * (1 << SUBPIXELS)).astype(np.int32)


def _compressed(luma: Luma, quality: int) -> Luma:
    _, data = cv2.imencode(".jpg", luma.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.float32)


def to_network(luma: Tensor, rgb: Tensor) -> tuple[Tensor, Tensor]:
    """uint8 grey (N, 1, S, S), rgb (N, 3, S, S) -> lightness in -1..1 and the true L*a*b*, float32, same sizes."""
    return luma_to_input(luma.float() / 255), rgb_to_lab(rgb.float() / 255)
