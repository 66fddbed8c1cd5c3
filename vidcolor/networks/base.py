"""The contract every network keeps. Adding one is one file here and one line in `networks.NETWORKS`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
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

    picks_colors: bool = False
    """Whether `to_ab` picks colours, and passes no gradient on: no critic and no term on them can teach it."""

    recipe: Mapping[str, Any] = {}
    """Settings of `TrainConfig` that this network is trained with where the user says nothing."""

    usual_weights: str = "none"
    """What `load_encoder` is given where the user says nothing; "none" starts with fresh weights."""

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
    def loss(self, raw: Tensor, lab: Tensor) -> dict[str, Tensor]:
        """Named terms whose sum is trained on; the truth is lab (N, 3, h / output_stride, w / output_stride)."""

    @abstractmethod
    def best_ab(self, lab: Tensor) -> Tensor:
        """The colours nearest to the truth lab (N, 3, h, w) that grid and palette allow: ab (N, 2, h, w)."""

    def learn_colors(self, rgb: Tensor) -> None:
        """Before training: look at the colours of the training pictures, R′G′B′ (M, 3) in 0..1. Nothing by default."""

    def embed(self, features: Features) -> Tensor | None:
        """The global vector (N, G) of a network that fuses one, else None."""
        return None

    def landmarks(self, features: Features) -> Features:
        """The maps by which things are told apart, each at half the size of the one before; none where it has none."""
        return ()

    def load_encoder(self, source: str) -> None:
        """Start the encoder from `usual_weights` or a file. Raises ConfigError or CheckpointError."""
        raise ConfigError("this network has no pretrained encoder: use --encoder-weights none")

    def encoder_parts(self) -> tuple[nn.Module, ...]:
        """The pretrained modules that stay frozen in the first stage of training."""
        return ()

    def shallow_parts(self) -> tuple[nn.Module, ...]:
        """The encoder's first modules, on the largest maps: much of the cost of a step is theirs."""
        return ()

    def forward(self, lightness: Tensor, context: Tensor | None = None) -> Tensor:
        return self.decode(self.encode(lightness), context)
