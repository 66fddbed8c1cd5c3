"""The README's picture of --reference: a view as the model colours it, the same painted over, another view without and
with the painted one as its reference. The photo is scikit-image's, in the public domain.

    python benchmarks/reference_sheet.py docs/reference.jpg [--model fusion]
"""

import argparse
import tempfile
from pathlib import Path

import cv2
import numpy as np
from skimage import data

from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.pipeline import RunSettings, colorize_video

SIDE = 300
SUIT = slice(240, None), slice(0, 330)
"""Rows and columns of the photo below the face and beside the helmet."""
Picture = np.ndarray


def color(picture: Picture, colorizer: Colorizer, folder: Path) -> Picture:
    """B'G'R' of a grey picture (H, W) uint8."""
    cv2.imwrite(str(folder / "grey.png"), picture)
    colorize_video(folder / "grey.png", folder / "out.png", colorizer, RunSettings(overwrite=True))
    return np.asarray(cv2.imread(str(folder / "out.png")))


def paint(colored: Picture, truth: Picture) -> Picture:
    """The suit in the orange that it had, as light as before."""
    lab, own = (cv2.cvtColor(picture, cv2.COLOR_BGR2LAB) for picture in (truth, colored))
    orange = np.zeros(truth.shape[:2], bool)
    orange[SUIT] = (lab[SUIT][..., 1] > 128 + 20) & (lab[SUIT][..., 2] > 128 + 20)
    own[orange, 1:] = lab[orange, 1:]
    return np.asarray(cv2.cvtColor(own, cv2.COLOR_LAB2BGR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--model", default="fusion")
    options = parser.parse_args()
    colorizer = load_colorizer(options.model)
    truth = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    grey = cv2.cvtColor(truth, cv2.COLOR_BGR2GRAY)
    closer = np.ascontiguousarray(grey[90:470, 10:390])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        colored = color(grey, colorizer, folder)
        painted = paint(colored, truth)
        cv2.imwrite(str(folder / "painted.png"), painted)
        after = colorizer.with_references([folder / "painted.png"])
        views = [colored, painted, *(color(closer, one, folder) for one in (colorizer, after))]
    small = [cv2.resize(view, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for view in views]
    cv2.imwrite(str(options.target), np.hstack(small), [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
