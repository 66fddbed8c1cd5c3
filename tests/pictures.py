"""Twelve small pictures to train on: pieces of scikit-image's photos."""

from pathlib import Path

import cv2
from skimage import data


def write_pictures(folder: Path) -> Path:
    for name in ("astronaut", "cat", "coffee", "rocket"):
        picture = getattr(data, name)()[..., ::-1]
        for number, start in enumerate((0, 60, 120)):
            cv2.imwrite(str(folder / f"{name}{number}.png"), picture[start : start + 240, start : start + 240])
    return folder
