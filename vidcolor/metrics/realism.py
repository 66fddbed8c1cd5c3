"""How like real photos a set of pictures is, as a classifier's features see it: FID and the Inception Score."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcolor.errors import ConfigError
from vidcolor.metrics import hub
from vidcolor.networks.pretrained import PADDINGS, load_into, load_weights, normalise, pad_strides
from vidcolor.networks.settings import check_choice

ENOUGH = 2048
"""Pictures from which FID's bias is small enough to be passed over."""


@dataclass(frozen=True)
class Extractor:
    """A classifier that tells pictures apart."""

    name: str
    size: int
    """F, the length of its vector."""
    network: nn.Module
    """R′G′B′ (N, 3, H, W) float in 0..1 -> its pooled vector (N, F) and its logits (N, K)."""


def load_features(
    name: Literal["inception", "mobilenet_v2"], weights: Path | None = None, padding: str = "torch"
) -> Extractor | None:
    """A classifier from a local file, or from torch.hub's folder; None where it is not at hand. Never downloads.

    "inception" is the network of published FIDs; it needs torch-fidelity and its weights. "mobilenet_v2" takes
    torchvision's naming; `padding` is the one its weights were trained with, "torch" or "tensorflow".
    Raises ConfigError, DamagedCheckpoint or MismatchedCheckpoint.
    """
    if weights is not None and not weights.is_file():
        raise ConfigError(f"{weights}: no such file of weights; leave it out to look in {hub.checkpoints()}")
    return _load_inception(weights) if name == "inception" else _load_mobilenet(weights, padding)


class Realism:
    """FID and Inception Score over everything it is shown, in memory that does not grow.

    FID (Heusel et al. 2017) is the Fréchet distance between the Gaussians of the coloured and of the true pictures'
    vectors: 0 is the same, grey is far. The Inception Score (Salimans et al. 2016) is exp of the mean KL divergence
    between what the classifier says of one picture and of all: 1 is the least; it does not look at the truth, so the
    truth's own stands beside it.
    """

    def __init__(self, *features: Extractor):
        self._comparisons = {one.name: _Comparison(one) for one in features}
        self._pictures = 0

    @torch.no_grad()
    def update(self, colored: Tensor, truth: Tensor) -> None:
        """Take in R′G′B′ (N, 3, H, W) float in 0..1; sizes may differ from call to call."""
        self._pictures += len(colored)
        for comparison in self._comparisons.values():
            comparison.update(colored, truth)

    def scores(self) -> dict[str, float]:
        """By name, such as "FID-MobileNetV2"; empty without features, and before there are two pictures."""
        found: dict[str, float] = {}
        for name, comparison in self._comparisons.items() if self._pictures > 1 else ():
            found[f"FID-{name}"] = comparison.distance()
            found[f"IS-{name}"] = comparison.colored.value
            found[f"IS-{name} of the truth"] = comparison.truth.value
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not measured, and why; what must not be made of what was."""
        notes = []
        if "Inception" not in self._comparisons:
            notes.append(
                "FID-Inception and IS-Inception are not measured: they need torch-fidelity, and its weights in "
                f"{hub.checkpoints()}"
            )
            if self._comparisons:
                others = " and ".join(self._comparisons)
                notes.append(f"{others}'s features are compared instead, so these are not published FIDs or IS")
        if self._comparisons and self._pictures < ENOUGH:
            notes.append(
                f"FID and IS are of {self._pictures} pictures and biased by that (FID up, IS down): "
                "compare only with the same pictures"
            )
        return tuple(notes)


class _Comparison:
    """One classifier's view of both sets."""

    def __init__(self, features: Extractor):
        from torchmetrics.image.fid import FrechetInceptionDistance

        self._network = features.network.eval()
        # Each picture goes through the network once, so torchmetrics is handed vectors in place of pictures.
        self._distance = FrechetInceptionDistance(_AsTheyAre(features.size), normalize=True)
        self.colored, self.truth = _Distinctness(), _Distinctness()

    def update(self, colored: Tensor, truth: Tensor) -> None:
        for pictures, distinctness, real in ((colored, self.colored, False), (truth, self.truth, True)):
            vectors, logits = self._network.to(pictures.device)(pictures)
            self._distance.update(vectors.float().cpu(), real=real)
            distinctness.update(logits)

    def distance(self) -> float:
        return max(0.0, float(self._distance.compute()))


class _AsTheyAre(nn.Identity):
    def __init__(self, num_features: int):
        super().__init__()
        self.num_features = num_features


class _Distinctness:
    """The Inception Score in one split, so that it needs no list of logits and no random order.

    torchmetrics' keeps all logits, and splits them by a fresh shuffle: another number on every run.
    """

    def __init__(self) -> None:
        self._count, self._entropy, self._shares = 0, 0.0, torch.zeros(())

    def update(self, logits: Tensor) -> None:
        shares = logits.cpu().double().softmax(dim=1)
        self._count += len(shares)
        self._entropy += float(torch.special.entr(shares).sum())
        self._shares = self._shares + shares.sum(0)

    @property
    def value(self) -> float:
        """exp(entropy of the mean - mean entropy)."""
        of_mean = float(torch.special.entr(self._shares / self._count).sum())
        return float(torch.tensor(of_mean - self._entropy / self._count).exp())


class _Inception(nn.Module):
    """torch-fidelity's network, which wants bytes and resizes them itself."""

    def __init__(self, extractor: nn.Module):
        super().__init__()
        self.extractor = extractor

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        vectors, logits = self.extractor((pictures * 255).round().clamp(0, 255).byte())
        return vectors, logits


class _MobileNet(nn.Module):
    """Its vector is the one that its last layer reads. Pictures are squeezed to 224 x 224."""

    def __init__(self, classifier: Any):
        super().__init__()
        self.trunk, self.head = classifier.features, classifier.classifier

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        small = F.interpolate(pictures.float(), (224, 224), mode="bilinear", antialias=True)
        vectors: Tensor = self.trunk(normalise(small)).mean(dim=(2, 3))
        return vectors, self.head(vectors)


def _load_inception(weights: Path | None) -> Extractor | None:
    try:
        from torch_fidelity import feature_extractor_inceptionv3 as inception
    except ModuleNotFoundError:
        return None
    path = weights or hub.kept(inception.URL_INCEPTION_V3)
    if path is None:
        return None
    load_weights("inception", str(path))  # torch-fidelity unpickles whatever it is given: look first
    wanted = ["2048", "logits_unbiased"]
    extractor = inception.FeatureExtractorInceptionV3("inception-v3-compat", wanted, str(path))
    return Extractor("Inception", 2048, _Inception(extractor))


def _load_mobilenet(weights: Path | None, padding: str) -> Extractor | None:
    from torchvision.models import mobilenet_v2

    path = weights or hub.kept_classifier("mobilenet_v2")
    if path is None:
        return None
    check_choice("padding", padding, PADDINGS)
    classifier = mobilenet_v2(weights=None)
    pad_strides(classifier.features, padding)
    load_into(classifier, load_weights("mobilenet_v2", str(path)), str(path))
    return Extractor("MobileNetV2", classifier.last_channel, _MobileNet(classifier))
