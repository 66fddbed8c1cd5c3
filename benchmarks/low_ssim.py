"""docs/low_ssim.jpg: crops of scikit-image's public-domain photos that score low and look right, or the other way.

    python benchmarks/low_ssim.py docs/low_ssim.jpg [--model fusion] [--json FILE]

Truth, model and no colour, each with its scores. SSIM is over R'G'B'; in the results also over a* and b* alone, scaled
as 8-bit files have them.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from photos import SIZE, paint
from realism import grey
from skimage import data
from torch import Tensor

from vidcolor.color import luma_of, rgb_to_lab
from vidcolor.colorizer import Colorizer, load_colorizer
from vidcolor.metrics import colorfulness, psnr, ssim

CAPTION = 34
GAP = 4


@dataclass(frozen=True)
class Crop:
    """A square of one of scikit-image's photos."""

    photo: str
    left: int
    top: int
    side: int

    def read(self) -> Tensor:
        """R'G'B' (1, 3, SIZE, SIZE) in 0..1."""
        piece = getattr(data, self.photo)()[self.top : self.top + self.side, self.left : self.left + self.side]
        kernel = cv2.INTER_AREA if self.side > SIZE else cv2.INTER_CUBIC
        piece = cv2.resize(piece, (SIZE, SIZE), interpolation=kernel)
        return torch.from_numpy(piece).movedim(-1, 0)[None].float() / 255


CROPS = (
    Crop("coffee", 200, 200, 200),
    Crop("rocket", 212, 212, 213),
    Crop("astronaut", 256, 0, 256),
    Crop("chelsea", 150, 0, 150),
)


def versions(crop: Crop, colorizer: Colorizer) -> dict[str, Tensor]:
    truth = crop.read()
    luma = (luma_of(truth) * 255).round().byte()
    return {"truth": truth, "model": paint(colorizer, luma), "grey": grey(luma, truth)}


def scores(picture: Tensor, truth: Tensor) -> dict[str, float]:
    ab, true_ab = ((rgb_to_lab(rgb)[:, 1:] + 128) / 255 for rgb in (picture, truth))
    return {
        "ssim": round(float(ssim(picture, truth)), 3),
        "ssim of ab": round(float(ssim(ab, true_ab)), 3),
        "psnr": round(float(psnr(picture, truth)), 1),
        "colorfulness": round(float(colorfulness(picture)), 1),
    }


def tile(picture: Tensor, caption: str) -> np.ndarray:
    """(SIZE + CAPTION, SIZE + GAP, 3) uint8 B'G'R', white around."""
    drawn = np.full((SIZE + CAPTION, SIZE + GAP, 3), 255, np.uint8)
    drawn[:SIZE, :SIZE] = (picture[0].movedim(0, -1).numpy()[..., ::-1] * 255).round()
    cv2.putText(drawn, caption, (0, SIZE + 20), cv2.FONT_HERSHEY_SIMPLEX, 0.48, (0, 0, 0), 1, cv2.LINE_AA)
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path)
    parser.add_argument("--model", default="fusion")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    colorizer = load_colorizer(options.model)
    rows, result = [], {}
    for crop in CROPS:
        shown = versions(crop, colorizer)
        found = {name: scores(picture, shown["truth"]) for name, picture in shown.items()}
        captions = {
            name: f"{name}: SSIM {one['ssim']:.3f}, PSNR {one['psnr']:.1f}" if name != "truth" else name
            for name, one in found.items()
        }
        rows.append(np.hstack([tile(picture, captions[name]) for name, picture in shown.items()]))
        result[crop.photo] = found
    cv2.imwrite(str(options.target), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 88])
    if options.json:
        meta = {"model": colorizer.meta.name, "created": colorizer.meta.created}
        options.json.write_text(json.dumps(meta | {"crops": result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
