"""How near pictures are to the truth, and how colourful.

R′G′B′ is (N, 3, H, W) float in 0..1, ab is (N, 2, H, W) in CIE a*b* units; every function gives one value per picture,
(N,). All that measure a mean distance reward caution: grey scores well in `mse`, `psnr`, `ciede2000` and `auc`, and in
`ssim` as well, which hardly sees colour. Beside them belong `colorfulness` and `AbAccuracy.rebalanced`.
"""

from typing import Literal

import torch
from torch import Tensor

from vidcolor.color import rgb_to_lab
from vidcolor.metrics.hub import kept_classifier

THRESHOLDS = 151
"""t = 0, 1 … 150 ab units (Zhang et al. 2016)."""
CELL = 10
"""Side of a cell of the ab plane, in ab units (Zhang et al. 2016)."""
REACH = 11
"""Cells on either side of the neutral one: ±115 holds all that sRGB can show."""
LPIPS_CLASSIFIERS = {"alex": "alexnet", "squeeze": "squeezenet1_1"}


def mse(picture: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error over all three channels."""
    return (picture - truth).square().flatten(1).mean(1)


def psnr(picture: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB over all three channels; 100 where nothing differs."""
    return -10 * mse(picture, truth).clamp_min(1e-10).log10()


def ssim(picture: Tensor, truth: Tensor) -> Tensor:
    """Structural similarity (Wang et al. 2004, in its Gaussian window of σ 1.5), mean over channels; 1 is the same.

    Neither side of the picture may be under 11 pixels.
    """
    from skimage.metrics import structural_similarity

    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    similarities = [
        structural_similarity(one, true, data_range=1, channel_axis=0, **window)  # type: ignore[no-untyped-call]
        for one, true in zip(picture.cpu().numpy(), truth.cpu().numpy(), strict=True)
    ]
    return torch.tensor(similarities).to(picture)


def ciede2000(picture: Tensor, truth: Tensor) -> Tensor:
    """Mean colour difference ΔE00 over the pixels (ISO/CIE 11664-6): 1 can just be seen, black to white is 100."""
    from skimage.color import deltaE_ciede2000

    lab, true_lab = (rgb_to_lab(rgb).movedim(1, -1).cpu().numpy() for rgb in (picture, truth))
    difference = deltaE_ciede2000(true_lab, lab)  # type: ignore[no-untyped-call]
    return torch.from_numpy(difference.mean(axis=(1, 2))).to(picture)


def colorfulness(picture: Tensor) -> Tensor:
    """Hasler and Süsstrunk 2003, on R′G′B′ scaled to 0..255: 0 is grey, natural photos lie about 40."""
    red, green, blue = (picture * 255).flatten(2).unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2 - blue))
    spread = opponents.std(dim=2, correction=0).square().sum(0).sqrt()
    return spread + 0.3 * opponents.mean(dim=2).square().sum(0).sqrt()


def larger_channel(ab: Tensor, true_ab: Tensor) -> Tensor:
    """Share of pixels, 0..1, where the larger of a* and b*, with their signs, is the same channel in both.

    This is what Keras calls `accuracy` on a network of two output channels (categorical: the argmax over the last axis,
    the first where both are equal). It knows on which side of the line a* = b* a colour lies and nothing else: red,
    magenta and blue are one class, yellow, green and cyan the other, and a trace of colour counts as much as a vivid
    one. Half is chance, but most of what is photographed lies on the yellow side: one faint yellow for every pixel
    is hard to beat, and grey, which ties, is counted with red.
    """
    return (_is_a_larger(ab) == _is_a_larger(true_ab)).flatten(1).float().mean(1)


def auc(ab: Tensor, true_ab: Tensor) -> Tensor:
    """Raw accuracy, 0..1: share of pixels whose L2 error in ab is at most t, averaged over t = 0..150.

    Zhang et al. 2016, section 3.1, "AuC": neutral pixels rule it, so there grey scores about what their network does.
    """
    return _thresholds_kept(ab, true_ab).flatten(1).mean(1)


class AbAccuracy:
    """`auc` over all pixels of many pictures, and the same with every true colour weighing alike.

    Zhang et al. 2016 weigh each pixel by 1 / p of its true colour ("equation 4, setting λ = 0"), on a grid of 10 x 10
    ab units. They take p from ImageNet, smoothed; here it is counted in the very pictures that are judged, where
    weighing by 1 / p is the mean over the cells that occur. So it compares two models on the same pictures, not a model
    with the paper, and wants many pictures: a cell with one pixel in it weighs as much as the neutral one.
    """

    def __init__(self) -> None:
        self._kept, self._pixels = torch.zeros(2, (2 * REACH + 1) ** 2, dtype=torch.float64)

    def update(self, ab: Tensor, true_ab: Tensor) -> None:
        """Take in pictures, (N, 2, H, W) each."""
        row, column = (true_ab / CELL).round().long().clamp(-REACH, REACH).add(REACH).unbind(1)
        cell = (row * (2 * REACH + 1) + column).flatten().cpu()
        kept = _thresholds_kept(ab, true_ab).flatten().cpu().double()
        self._kept += torch.bincount(cell, kept, minlength=len(self._kept))
        self._pixels += torch.bincount(cell, minlength=len(self._pixels))

    @property
    def raw(self) -> float:
        """0..1, every pixel alike."""
        return float(self._kept.sum() / self._pixels.sum())

    @property
    def rebalanced(self) -> float:
        """0..1, every true colour alike."""
        occurs = self._pixels > 0
        return float((self._kept[occurs] / self._pixels[occurs]).mean())


class Lpips:
    """Learned perceptual image patch similarity (Zhang et al. 2018): 0 is the same picture."""

    def __init__(self, backbone: Literal["alex", "squeeze"]):
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

        self._network = LearnedPerceptualImagePatchSimilarity(backbone).net

    @torch.no_grad()
    def __call__(self, picture: Tensor, truth: Tensor) -> Tensor:
        """R′G′B′ (N, 3, H, W), no side under 32 -> (N,)."""
        distance: Tensor = self._network.to(picture.device)(picture, truth, normalize=True)
        return distance.flatten()


def load_lpips(backbone: Literal["alex", "squeeze"] = "alex") -> Lpips | None:
    """LPIPS, where torch.hub's folder holds torchvision's AlexNet (what papers report) or SqueezeNet 1.1; else None.

    torchmetrics brings only the weights on top of these and would download them; SqueezeNet 1.0 is another network.
    """
    return Lpips(backbone) if kept_classifier(LPIPS_CLASSIFIERS[backbone]) else None


def _is_a_larger(ab: Tensor) -> Tensor:
    return ab[:, 0] >= ab[:, 1]


def _thresholds_kept(ab: Tensor, true_ab: Tensor) -> Tensor:
    """(N, 2, H, W) twice -> (N, H, W): the share of the thresholds that each pixel's error does not exceed."""
    error = (ab - true_ab).float().square().sum(1).sqrt()
    return (THRESHOLDS - error.ceil()).clamp_min(0) / THRESHOLDS
