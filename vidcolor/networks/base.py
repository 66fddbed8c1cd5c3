"""The contract every network keeps. Adding one is one file here and one line in `networks.NETWORKS`."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn

from vidcolor.errors import ConfigError

Features = tuple[Tensor, ...]


@dataclass(frozen=True)
class NetworkConfig:
    """Plain numbers and strings that rebuild the network; each network has its own subclass."""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class Network(nn.Module, ABC):
    """Lightness in, colour out.

    `forward` is `decode(encode(lightness))`; the two halves are apart so that an encoder that does not change can be
    run once and its features kept, and so that the global vector can be averaged over a shot before it is fused.
    """

    multiple: int = 32
    """h and w of the input must be multiples of this."""

    output_stride: int = 1
    """Raw has one cell for this many pixels of the input, each way; `loss` compares there."""

    config: NetworkConfig

    @abstractmethod
    def encode(self, lightness: Tensor) -> Features:
        """lightness (N, 1, h, w) float in -1..1 (L* / 50 - 1) -> feature maps, each (N, C, h', w')."""

    @abstractmethod
    def decode(self, features: Features, context: Tensor | None = None) -> Tensor:
        """Features and a global vector (N, G), None for the frame's own -> raw, of the network's own shape."""

    @abstractmethod
    def to_ab(self, raw: Tensor) -> Tensor:
        """Raw -> (N, 2, h, w) float32, CIE a*b* at the input's size."""

    @abstractmethod
    def loss(self, raw: Tensor, ab: Tensor) -> dict[str, Tensor]:
        """Named terms whose sum is trained on; ab (N, 2, h / output_stride, w / output_stride) is the truth."""

    def learn_colors(self, ab: Tensor) -> None:
        """Before training: look at the colours of the training pictures, ab (M, 2). Nothing by default."""

    def embed(self, features: Features) -> Tensor | None:
        """The global vector (N, G) of a network that fuses one, else None."""
        return None

    def load_encoder(self, source: str) -> None:
        """Start the encoder from "torchvision" or a file of weights. Raises ConfigError or CheckpointError."""
        raise ConfigError("this network has no pretrained encoder: use --encoder-weights none")

    def encoder_parts(self) -> tuple[nn.Module, ...]:
        """The pretrained modules that stay frozen in the first stage of training."""
        return ()

    def forward(self, lightness: Tensor, context: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(lightness), context)
