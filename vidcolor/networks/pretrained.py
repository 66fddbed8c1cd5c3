"""Pretrained classifiers: their weights, from their usual loader or a local file, and the pictures they expect."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from vidcolor.errors import ConfigError, DamagedCheckpoint, MismatchedCheckpoint
from vidcolor.networks.settings import check_choice

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
"""Mean and deviation of the pictures that TensorFlow's classifiers expect."""
OF_TIMM = ("inception_resnet_v2", "tf_efficientnet_lite2")
"""Classifiers that come from timm; all others are torchvision's."""
PADDINGS = ("torch", "tensorflow")
"""Of strided convolutions: by one pixel on every side, or right and below alone."""


def load_weights(classifier: str, source: str) -> dict[str, torch.Tensor]:
    """The state dict of a classifier of timm or torchvision.

    `source` is "torchvision" or "timm", which both mean its usual loader (weights are downloaded once and kept), or a
    .safetensors or .pth file in that library's naming. Raises ConfigError or DamagedCheckpoint.
    """
    if source in ("torchvision", "timm"):
        return _from_timm(classifier) if classifier in OF_TIMM else _from_torchvision(classifier)
    path = Path(source)
    if not path.is_file():
        raise ConfigError(f"{source}: no such file of weights; give a file, torchvision or none")
    try:
        if path.suffix == ".safetensors":
            return _as_timm_orders(classifier, load_file(path)) if classifier in OF_TIMM else load_file(path)
        state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise DamagedCheckpoint(f"{path}: cannot be read as weights (it holds something else)") from None
    except (SafetensorError, RuntimeError, ValueError, EOFError, OSError) as error:
        raise DamagedCheckpoint(f"{path}: cannot be read as weights ({str(error).splitlines()[0]})") from None
    if not isinstance(state, dict):
        raise DamagedCheckpoint(f"{path}: cannot be read as weights (it holds something else)")
    return state


def load_into(module: nn.Module, weights: dict[str, torch.Tensor], source: str) -> None:
    """Strictly, in one line of blame. Raises MismatchedCheckpoint."""
    try:
        module.load_state_dict(weights, strict=True)
    except RuntimeError:
        raise MismatchedCheckpoint(f"{source}: these weights belong to another classifier") from None


def _from_torchvision(name: str) -> dict[str, Any]:
    from torchvision.models import get_model_weights

    weights = get_model_weights(name)["IMAGENET1K_V1"]
    try:
        state: dict[str, Any] = weights.get_state_dict(progress=False)
        return state
    except OSError as error:
        raise ConfigError(f"cannot download {weights.url} ({error}): give a local file of weights, or none") from None


def _from_timm(name: str) -> dict[str, Any]:
    try:
        state: dict[str, Any] = import_timm(name).create_model(name, pretrained=True).state_dict()
        return state
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"cannot download {name} ({reason}): give a local file of weights, or none") from None


def _as_timm_orders(classifier: str, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """In the order of the layers, which safetensors do not keep; as they are where the names are not timm's."""
    known = import_timm(classifier).create_model(classifier, pretrained=False).state_dict()
    ordered = {name: weights[name] for name in known if name in weights}
    return ordered if len(ordered) == len(weights) else weights


def import_timm(classifier: str) -> Any:
    """For a classifier that it offers. Raises ConfigError where timm is not installed."""
    try:
        import timm
    except ImportError:
        raise ConfigError(f"{classifier} needs timm: pip install 'vidcolor[timm]'") from None
    return timm


def as_picture(
    lightness: Tensor, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
) -> Tensor:
    """lightness (N, 1, H, W) in -1..1 -> a grey picture (N, 3, H, W), normalised as a classifier expects it.

    It is expanded here, although `normalise` would do so: OpenVINO, where it reads a model from files, folds mean and
    deviation into the first convolution, and forgets that one channel became three.
    """
    return normalise(((lightness + 1) / 2).expand(-1, 3, -1, -1), mean, std)


def normalise(
    picture: Tensor, mean: tuple[float, ...] = IMAGENET_MEAN, std: tuple[float, ...] = IMAGENET_STD
) -> Tensor:
    """R′G′B′ (N, 3, H, W), or grey (N, 1, H, W), in 0..1 -> (N, 3, H, W) as a classifier expects it."""
    return (picture - picture.new_tensor(mean).view(1, 3, 1, 1)) / picture.new_tensor(std).view(1, 3, 1, 1)


class _StridedConv2d(nn.Conv2d):
    """Stride 2, padded as one of PADDINGS, for inputs of even sides.

    Under autocast on a CPU a depthwise one stays in float32: in bfloat16 oneDNN takes 2 to 20 times as long for its
    gradients.
    """

    def __init__(self, plain: nn.Conv2d, padding: str):
        size = plain.kernel_size[0]
        sides = size // 2 if padding == "torch" else 0
        super().__init__(
            plain.in_channels, plain.out_channels, size, 2, sides, groups=plain.groups, bias=False, device="meta"
        )
        self.weight = plain.weight
        before, after = (size - 2) // 2, (size - 1) // 2
        self.around = (before, after, before, after)

    def forward(self, input: Tensor) -> Tensor:
        padded = input if any(self.padding) else F.pad(input, self.around)
        if self.groups == 1 or not torch.is_autocast_enabled("cpu"):
            return super().forward(padded)
        with torch.autocast("cpu", enabled=False):
            return super().forward(padded.float()).to(padded.dtype)


def check_padding(classifier: str, padding: str) -> None:
    """Raises ConfigError for a padding that is none of PADDINGS, or that this classifier has no choice of."""
    check_choice("encoder_padding", padding, PADDINGS)
    if padding == "tensorflow" and classifier != "mobilenet_v2":
        raise ConfigError(f"encoder_padding is a choice of mobilenet_v2's: leave it out with {classifier}")


def pad_strides(classifier: nn.Module, padding: str) -> None:
    """Give a classifier's strided convolutions, all without bias, the padding that its weights were trained with."""
    for parent in list(classifier.modules()):
        for name, conv in parent.named_children():
            if isinstance(conv, nn.Conv2d) and conv.stride == (2, 2):
                setattr(parent, name, _StridedConv2d(conv, padding))
