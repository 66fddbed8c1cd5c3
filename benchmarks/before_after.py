"""The README's picture: scikit-image's public-domain photos, grey above, coloured by a released model below.

python benchmarks/before_after.py docs/before_after.jpg [--model fusion]
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.pipeline import colorize_video

PHOTOS = ("astronaut", "chelsea", "rocket", "coffee")
HEIGHT = 300


def column(photo: str, colorizer: Colorizer, folder: Path) -> np.ndarray:
    """One photo, grey above coloured, (2 * HEIGHT, W, 3) uint8 B'G'R'."""
    grey = cv2.cvtColor(getattr(data, photo)(), cv2.COLOR_RGB2GRAY)
    scale = HEIGHT / grey.shape[0]
    grey = cv2.resize(grey, (round(grey.shape[1] * scale), HEIGHT), interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / f"{photo}.png"), grey)
    colorize_video(folder / f"{photo}.png", folder / f"{photo}_out.png", colorizer)
    return np.vstack([cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), cv2.imread(str(folder / f"{photo}_out.png"))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--model", default="fusion")
    options = parser.parse_args()
    colorizer = load_colorizer(options.model)
    with tempfile.TemporaryDirectory() as folder:
        columns = [column(photo, colorizer, Path(folder)) for photo in PHOTOS]
    options.target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(options.target), np.hstack(columns), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
