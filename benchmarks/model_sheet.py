"""What a released model does to scikit-image's public-domain photos: grey, coloured and true, one column a photo.

python benchmarks/model_sheet.py docs/model_sheet.jpg [--model fusion]
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from photos import paint
from skimage import data

from vidcolor.colorizer import load_colorizer
from vidcolor.data import crop, to_grey

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
SIDE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--model", default="fusion")
    options = parser.parse_args()
    colorizer = load_colorizer(options.model, "cpu")
    columns = []
    for photo in PHOTOS:
        rgb = crop(getattr(data, photo)(), SIDE, None)
        grey = np.rint(to_grey(rgb, "709")).astype(np.uint8)
        colored = (paint(colorizer, torch.from_numpy(grey)[None, None])[0] * 255).round().byte().movedim(0, -1).numpy()
        columns.append(np.vstack([np.repeat(grey[..., None], 3, axis=2), colored, rgb]))
    cv2.imwrite(str(options.target), np.hstack(columns)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


if __name__ == "__main__":
    main()
