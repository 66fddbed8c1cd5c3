"""What MSE, SSIM, FID and the Inception Score say of a model, and of pictures that are known to be wrong.

    python benchmarks/realism.py MODEL PHOTOS... [--feature-weights FILE --feature-padding tensorflow] [--json FILE]

Every photo at 256x256, on the path that films take. Beside the model's colours stand: no colour; the truth's own chroma
with its sign turned, as vivid as the truth and wrong everywhere; the truth itself. The last row compares one half of
the true photos with the other: what FID makes of so few pictures when both sets are real.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from photos import paint, photo_batches
from torch import Tensor

from vidcolor.color import chroma_to_rgb, clamp_to_gamut_, rgb_to_chroma
from vidcolor.colorizer import load_colorizer
from vidcolor.metrics import Extractor, Realism, colorfulness, load_features, mse, psnr, ssim

PER_PICTURE = {"mse": mse, "psnr": psnr, "ssim": ssim}
Painter = Callable[[Tensor, Tensor], Tensor]
"""uint8 luma (N, 1, 256, 256) and the true R'G'B' (N, 3, 256, 256) -> R'G'B'."""


def grey(luma: Tensor, truth: Tensor) -> Tensor:
    return (luma.float() / 255).expand_as(truth)


def opposite(luma: Tensor, truth: Tensor) -> Tensor:
    """The truth's luma under the complement of its colours, as far as the gamut allows."""
    brightness = luma.float() / 255
    chroma = clamp_to_gamut_(brightness, -rgb_to_chroma(truth, "709"), "709")
    return chroma_to_rgb(brightness, chroma, "709").clamp(0, 1)


def judge(painter: Painter, paths: list[Path], features: Sequence[Extractor]) -> dict[str, float]:
    """Means over the photos of PER_PICTURE and of colourfulness, then what Realism says of all of them."""
    rows, realism = [], Realism(*features)
    for luma, truth in photo_batches(paths):
        colored = painter(luma, truth)
        columns = [score(colored, truth) for score in PER_PICTURE.values()]
        rows.append(torch.stack((*columns, colorfulness(colored)), dim=1))
        realism.update(colored, truth)
    means = dict(zip((*PER_PICTURE, "colorfulness"), torch.cat(rows).mean(0).tolist(), strict=True))
    return {name: round(value, 5) for name, value in (means | _own(realism)).items()}


def halves(paths: list[Path], features: Sequence[Extractor]) -> dict[str, float]:
    """The first, third … true photo against the second, fourth …"""
    realism = Realism(*features)
    for _, truth in photo_batches(paths):
        realism.update(truth[::2], truth[1::2])
    return {name: round(value, 5) for name, value in _own(realism).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--feature-weights", type=Path, help="of MobileNetV2")
    parser.add_argument("--feature-padding", default="torch")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    colorizer = load_colorizer(options.model)
    known = load_features("inception"), load_features("mobilenet_v2", options.feature_weights, options.feature_padding)
    features = [one for one in known if one is not None]
    painters: dict[str, Painter] = {
        "model": lambda luma, truth: paint(colorizer, luma),
        "grey": grey,
        "opposite": opposite,
        "truth": lambda luma, truth: truth,
    }
    pictures = {}
    for name, painter in painters.items():
        pictures[name] = judge(painter, options.photos, features)
        print(name, pictures[name], flush=True)
    pictures["halves of the truth"] = halves(options.photos, features)
    print("halves of the truth", pictures["halves of the truth"])
    if options.json:
        count = sum(len(luma) for luma, _ in photo_batches(options.photos))
        result = {"model": colorizer.meta.name, "created": colorizer.meta.created, "photos": count}
        options.json.write_text(json.dumps(result | {"pictures": pictures}, indent=2) + "\n")


def _own(realism: Realism) -> dict[str, float]:
    """The scores of the pictures, without those of the truth that Realism puts beside them."""
    return {name: value for name, value in realism.scores().items() if not name.endswith("of the truth")}


if __name__ == "__main__":
    main()
