"""Terms that a training run may add to its network's own loss.

ab is a prediction (N, 2, H, W) in CIE a*b* units, lab the truth (N, 3, H, W) in L*a*b*. Every loss is computed in
float32, whatever it is given, and is one number, the mean over its pictures.
"""

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

from vidcolor.color import lab_to_rgb
from vidcolor.errors import ConfigError
from vidcolor.networks.palette import KNEE
from vidcolor.networks.pretrained import load_into, load_weights, normalise

NEARLY_GREY = 10.0
"""Colourfulness below which a picture's gap is no longer relative to its own."""
DEPTHS = {"squeezenet1_0": (1, 5, 10, 12), "vgg16": (3, 8, 15, 22)}
"""Layers of a classifier's `features` that are compared: the last of each resolution, as in Johnson et al. 2016."""
REACH = 3
"""Farthest shift in pixels: every phase of a grid of 4, never a whole cell of any."""
GRAIN, DIMMING = 0.02, 0.05
"""Largest standard deviation of the grain, and largest change of brightness, as shares of white."""
BORDER = 8
"""Pixels along the edges where colours may change with a shift."""


def colorfulness_gap(ab: Tensor, lab: Tensor) -> Tensor:
    """How far the colourfulness (Hasler and Süsstrunk 2003) lies above or below the truth's, as a share of the truth's.

    Unlike a reward for colourfulness it has its minimum at the truth. Painted on the true L*, as sRGB shows it.
    """
    truth = _colorfulness(_shown(lab[:, 1:], lab))
    return ((_colorfulness(_shown(ab, lab)) - truth).abs() / truth.clamp_min(NEARLY_GREY)).mean()


class Perceptual(nn.Module):
    """Distance between features of a frozen classifier (Johnson et al. 2016).

    At every depth features are scaled to unit length over their channels (Zhang et al. 2018, LPIPS); their absolute
    differences are summed over channels, and averaged over places and depths. 0 is the same picture.
    """

    def __init__(self, classifier: str, source: str = "torchvision"):
        """One of DEPTHS; `source` as in `load_weights`. Raises ConfigError or CheckpointError."""
        super().__init__()
        if classifier not in DEPTHS:
            raise ConfigError(f"no perceptual loss on {classifier!r}: choose {' or '.join(DEPTHS)}")
        network = torchvision.models.get_model(classifier, weights=None)
        load_into(network, load_weights(classifier, source), source)
        self.depths = DEPTHS[classifier]
        self.layers = network.features[: self.depths[-1] + 1].eval().requires_grad_(False)

    def forward(self, ab: Tensor, lab: Tensor) -> Tensor:
        with torch.autocast(ab.device.type, enabled=False):
            with torch.no_grad():
                truth = self._features(_shown(lab[:, 1:], lab))
            painted = self._features(_shown(ab, lab))
            distances = [(one - other).abs().sum(1).mean() for one, other in zip(painted, truth, strict=True)]
        return torch.stack(distances).mean()

    def _features(self, rgb: Tensor) -> list[Tensor]:
        x, features = normalise(rgb), []
        for depth, layer in enumerate(self.layers):
            x = layer(x)
            if depth in self.depths:
                features.append(x * (x.square().sum(1, keepdim=True) + 1e-6).rsqrt())
        return features


def disturb(lightness: Tensor, generator: torch.Generator) -> tuple[Tensor, tuple[int, int]]:
    """The same pictures shifted, grained and a little darker or brighter: what must not change their colours.

    lightness (N, 1, S, S) in -1..1 -> the same shape, and by how many pixels down and right all were shifted.
    """
    (count, _, height, width), home = lightness.shape, generator.device
    down, right = torch.randint(-REACH, REACH + 1, (2,), generator=generator, device=home).tolist()
    padded = F.pad(lightness.float(), (REACH,) * 4, mode="replicate")
    shifted = padded[:, :, REACH - down :, REACH - right :][:, :, :height, :width]
    dimming, strength = torch.rand(2, count, 1, 1, 1, generator=generator, device=home)
    gain = 1 + DIMMING * (2 * dimming - 1)
    grain = GRAIN * strength * torch.randn(count, 1, height, width, generator=generator, device=home)
    white = (shifted + 1) / 2 * gain.to(lightness.device) + grain.to(lightness.device)
    return (2 * white - 1).clamp(-1, 1), (down, right)


def instability(ab: Tensor, disturbed_ab: Tensor, shift: tuple[int, int]) -> Tensor:
    """Mean |difference| to the colours of the disturbed pictures, shifted back, in units of KNEE, as their Huber loss.

    The sides must exceed twice BORDER. Only the disturbed colours learn: if both did, paler ones would be the way out.
    """
    height, width = (side - 2 * BORDER for side in ab.shape[2:])
    top, left = BORDER + shift[0], BORDER + shift[1]
    calm = ab.detach()[:, :, BORDER : BORDER + height, BORDER : BORDER + width]
    back = disturbed_ab[:, :, top : top + height, left : left + width]
    return F.l1_loss(back.float(), calm.float()) / KNEE


def critic_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Cross-entropy of a critic that is to say real or made: log 2 where it cannot tell.

    Halved as in pix2pix (Isola et al. 2017), so that it learns no faster than the network.
    """
    return (F.softplus(-real_logits.float()).mean() + F.softplus(fake_logits.float()).mean()) / 2


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Cross-entropy of made pictures that are to be taken for real (Goodfellow et al. 2014, the non-saturating one)."""
    return F.softplus(-fake_logits.float()).mean()


def _shown(ab: Tensor, lab: Tensor) -> Tensor:
    """ab on the true L*: R′G′B′ (N, 3, H, W) in 0..1. Colours outside sRGB are clamped, but keep their gradient."""
    with torch.autocast(ab.device.type, enabled=False):
        rgb = lab_to_rgb(torch.cat((lab[:, :1], ab), dim=1).float())
    return rgb + (rgb.clamp(0, 1) - rgb).detach()


def _colorfulness(rgb: Tensor) -> Tensor:
    """`metrics.pictures.colorfulness`, (N,), with a slope everywhere."""
    red, green, blue = (rgb * 255).flatten(2).unbind(1)
    opponents = torch.stack((red - green, (red + green) / 2 - blue))
    spread = opponents.var(dim=2, correction=0).sum(0)
    return _root(spread) + 0.3 * _root(opponents.mean(dim=2).square().sum(0))


def _root(square: Tensor) -> Tensor:
    return (square + 1e-4).sqrt()
