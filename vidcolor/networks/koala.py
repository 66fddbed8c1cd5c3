"""`fusion-koala`: Deep Koalarization (Baldassarre et al. 2017) as a course report built it (Mochammad et al. 2019)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vidcolor.networks.base import Features
from vidcolor.networks.blocks import convolution, doubling, start_like_keras
from vidcolor.networks.classifier import CLASSES, CLASSIFIERS, Classifier
from vidcolor.networks.pretrained import check_padding
from vidcolor.networks.regression import Regression, RegressionConfig
from vidcolor.networks.settings import check_choice


@dataclass(frozen=True)
class KoalaConfig(RegressionConfig):
    classifier: str = "inception_resnet_v2"
    """Whose vector is fused, one of CLASSIFIERS."""
    encoder_padding: str = "torch"
    """Padding of a MobileNetV2's stride-2 convolutions: "torch" (torchvision's weights) or "tensorflow"."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("classifier", self.classifier, CLASSIFIERS)
        check_padding(self.classifier, self.encoder_padding)


class FusionKoala(Regression):
    """An encoder's map at 1/8 size, and at every place of it the vector of a frozen classifier.

    `encode` computes what can be computed beforehand, the classifier's vector; the encoder learns and is in `decode`.
    """

    multiple = 8
    config: KoalaConfig
    usual_weights = "timm"
    recipe: Mapping[str, Any] = {
        "optimizer": "adam",
        "rate": 1e-3,
        "weight_decay": 0.0,
        "schedule": "plateau",
        "early_stop": 10,
        "free_share": 0.0,
        "film_look": 0.0,
        "size": 128,
        "batch_size": 32,
        "cache_features": True,
    }

    def __init__(self, config: KoalaConfig):
        super().__init__()
        self.config = config
        self.classifier = Classifier(config.classifier, config.encoder_padding)
        self.encoder = self.make_encoder()
        self.fuse = nn.Sequential(*convolution(256 + CLASSES, 256, size=1))
        self.decoder = self.make_decoder()
        for part in (self.encoder, self.fuse, self.decoder):
            start_like_keras(part)

    def make_encoder(self) -> nn.Sequential:
        """Lightness (N, 1, h, w) -> (N, 256, h/8, w/8): the report's table 1."""
        return nn.Sequential(
            *convolution(1, 64, stride=2),
            *convolution(64, 128),
            *convolution(128, 128, stride=2),
            *convolution(128, 256),
            *convolution(256, 256, stride=2),
            *convolution(256, 512),
            *convolution(512, 512),
            *convolution(512, 256),
        )

    def make_decoder(self) -> nn.Sequential:
        """(N, 256, h/8, w/8) -> raw: the report's table 2."""
        return nn.Sequential(
            *convolution(256, 128),
            doubling(),
            *convolution(128, 64),
            *convolution(64, 64),
            doubling(),
            *convolution(64, 32),
            nn.Conv2d(32, 2, 3, padding=1),
            nn.Tanh(),
            doubling(),
        )

    def encode(self, lightness: Tensor) -> Features:
        """The lightness itself, and the classifier's vector as (N, 1000, 1, 1)."""
        return lightness, self.classifier(lightness)[:, :, None, None]

    def embed(self, features: Features) -> Tensor:
        return features[1].flatten(1)

    def decode(self, features: Features, context: Tensor | None = None) -> Tensor:
        local = self.encoder(features[0])
        vector = self.embed(features) if context is None else context
        everywhere = vector[:, :, None, None].expand(-1, -1, *local.shape[2:])
        raw: Tensor = self.decoder(self.fuse(torch.cat((local, everywhere), dim=1)))
        return raw

    def load_encoder(self, source: str) -> None:
        self.classifier.load(source)

    def encoder_parts(self) -> tuple[nn.Module, ...]:
        return (self.classifier,)
