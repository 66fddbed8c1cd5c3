"""`fusion`, the default network: local features fused with the global vector of a pretrained classifier.

The fusion follows Baldassarre et al. 2017 (Deep Koalarization): the classifier's vector is replicated over the map,
concatenated and mixed by a 1x1 convolution. Here encoder and classifier are one, a MobileNetV2 (Sandler et al. 2018)
or an EfficientNet-Lite, and the head is a palette after Zhang et al. 2016 with a regressed residual.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vidcolor.color import rgb_to_lab
from vidcolor.networks.base import Features, Network, NetworkConfig
from vidcolor.networks.encoder import ENCODERS, VECTOR_SIZE
from vidcolor.networks.palette import (
    ab_huber,
    annealed_mean,
    annealed_moments,
    fade_doubtful,
    fade_faint,
    fit_palette,
    palette_cross_entropy,
    rebalanced_weights,
)
from vidcolor.networks.pretrained import check_padding
from vidcolor.networks.settings import check_choice, check_range


@dataclass(frozen=True)
class FusionConfig(NetworkConfig):
    palette_size: int = 128
    """Q, the number of ab colours."""
    widths: tuple[int, int, int] = (192, 128, 64)
    """Decoder channels at strides 16, 8 and 4."""
    encoder: str = "mobilenet_v2"
    """One of ENCODERS."""
    encoder_padding: str = "torch"
    """Padding of a MobileNetV2's stride-2 convolutions: "torch" (torchvision's weights) or "tensorflow"."""
    temperature: float = 1.0
    """Annealing of the palette, 0.01..1: lower is more vivid."""
    residual_share: float = 1.0
    """How much of the regressed correction is added, 0..1: 1 is the most cautious colour."""
    saturation: float = 1.0
    """Gain on the final ab."""
    chroma_knee: float = 0.0
    """Chroma in ab units that is halved before the gain: what is fainter is mostly doubt. 0 leaves all as it is."""
    caution: float = 0.0
    """How much a colour is faded where others are as likely, before the gain: see `fade_doubtful`. 0: not at all."""

    def __post_init__(self) -> None:
        check_choice("encoder", self.encoder, ENCODERS)
        check_padding(self.encoder, self.encoder_padding)
        check_range("palette_size", self.palette_size, 1)
        for width in self.widths:
            check_range("widths", width, 1)
        check_range("temperature", self.temperature, 0.01)
        for name in ("residual_share", "saturation", "chroma_knee", "caution"):
            check_range(name, getattr(self, name), 0)


class Fusion(Network):
    """raw is (N, Q + 2, h/4, w/4): palette logits, then the residual in units of 100 ab."""

    multiple = 32
    output_stride = 4
    palette: Tensor
    color_weights: Tensor
    config: FusionConfig
    usual_weights = "torchvision"

    def __init__(self, config: FusionConfig):
        super().__init__()
        self.config = config
        self.plan = ENCODERS[config.encoder]
        self.encoder = self.plan.build(config.encoder_padding)
        at4, at8, at16, at32 = self.plan.channels
        deep, middle, shallow = config.widths
        self.fuse_local = nn.Conv2d(at32 + at16, deep, 1, bias=False)
        self.fuse_global = nn.Linear(VECTOR_SIZE, deep, bias=False)
        self.fused = nn.Sequential(nn.BatchNorm2d(deep), nn.ReLU(inplace=True), *_convolution(deep, deep))
        self.decode8 = nn.Sequential(*_convolution(deep + at8, middle), *_convolution(middle, middle))
        self.decode4 = nn.Sequential(*_convolution(middle + at4, shallow, size=1), *_convolution(shallow, shallow))
        self.head = nn.Conv2d(shallow, config.palette_size + 2, 1)
        self.register_buffer("palette", torch.zeros(config.palette_size, 2))
        self.register_buffer("color_weights", torch.ones(config.palette_size))

    def encode(self, lightness: Tensor) -> Features:
        """Feature maps at strides 4, 8, 16 and 32, and the classifier's vector as (N, 1280, 1, 1)."""
        return self.plan.encode(self.encoder, lightness)

    def embed(self, features: Features) -> Tensor:
        return features[-1].flatten(1)

    def landmarks(self, features: Features) -> Features:
        """Those at strides 4, 8, 16 and 32."""
        return features[:-1]

    def decode(self, features: Features, context: Tensor | None = None) -> Tensor:
        at4, at8, at16, at32, vector = features
        context = vector.flatten(1) if context is None else context
        local = self.fuse_local(torch.cat((_double(at32), at16), dim=1))
        x = self.fused(local + self.fuse_global(context)[:, :, None, None])
        x = self.decode8(torch.cat((_double(x), at8), dim=1))
        x = self.decode4(torch.cat((_double(x), at4), dim=1))
        raw: Tensor = self.head(x)
        return raw

    def learn_colors(self, rgb: Tensor) -> None:
        """Set palette and class weights from the training pictures' colours, R′G′B′ (M, 3)."""
        ab = rgb_to_lab(rgb[:, :, None, None])[:, 1:, 0, 0]
        palette, frequency = fit_palette(ab, self.config.palette_size)
        self.palette.copy_(palette)
        self.color_weights.copy_(rebalanced_weights(frequency))

    def loss(self, raw: Tensor, lab: Tensor) -> dict[str, Tensor]:
        ab = lab[:, 1:]
        logits, residual = self.split(raw)
        regressed = annealed_mean(logits, self.palette, temperature=1).detach() + residual
        return {
            "palette": palette_cross_entropy(logits, ab, self.palette, self.color_weights),
            "huber": ab_huber(regressed, ab),
        }

    def split(self, raw: Tensor) -> tuple[Tensor, Tensor]:
        """Raw -> logits (N, Q, h/4, w/4) and the residual (N, 2, h/4, w/4) in ab units."""
        return raw[:, :-2], raw[:, -2:].float() * 100

    def to_ab(self, raw: Tensor) -> Tensor:
        logits, residual = self.split(raw)
        correction = self.config.residual_share * residual
        if self.config.caution:
            mean, variance = annealed_moments(logits, self.palette, self.config.temperature)
            ab = fade_doubtful(mean + correction, variance, self.config.caution)
        else:
            ab = annealed_mean(logits, self.palette, self.config.temperature) + correction
        if self.config.chroma_knee:
            ab = fade_faint(ab, self.config.chroma_knee)
        return _enlarged((ab * self.config.saturation).clamp(-110, 110))

    def best_ab(self, lab: Tensor) -> Tensor:
        """The truth on the network's grid: the residual reaches every colour between those of the palette."""
        return _enlarged(F.avg_pool2d(lab[:, 1:], self.output_stride))

    def load_encoder(self, source: str) -> None:
        self.plan.load(self.encoder, source)

    def encoder_parts(self) -> tuple[nn.Module, ...]:
        return (self.encoder,)

    def shallow_parts(self) -> tuple[nn.Module, ...]:
        """Up to stride 4."""
        return tuple(self.encoder[: self.plan.ends[0] + 1])


def _convolution(inputs: int, outputs: int, size: int = 3) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, size, padding=size // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")


def _enlarged(ab: Tensor) -> Tensor:
    return F.interpolate(ab, scale_factor=4, mode="bilinear", align_corners=False)
