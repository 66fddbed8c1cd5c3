"""Where torch.hub keeps the weights that it has downloaded. Nothing here downloads."""

from pathlib import Path, PurePosixPath
from urllib.parse import urlparse

import torch


def checkpoints() -> Path:
    """The folder, whether it exists or not."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def kept(url: str) -> Path | None:
    """The file that a download of `url` would leave there; None where it is not."""
    path = checkpoints() / PurePosixPath(urlparse(url).path).name
    return path if path.is_file() else None


def kept_classifier(name: str) -> Path | None:
    """torchvision's first ImageNet weights of the classifier `name`, the ones that training and LPIPS start from."""
    from torchvision.models import get_model_weights

    return kept(get_model_weights(name)["IMAGENET1K_V1"].url)
