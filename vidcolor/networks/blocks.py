"""Layers that the reports' networks are built of."""

import torch
from torch import Tensor, nn


def convolution(inputs: int, outputs: int, stride: int = 1, size: int = 3) -> tuple[nn.Module, ...]:
    """Size x size and relu; it keeps the size of the picture, or halves it at stride 2."""
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2), nn.ReLU(inplace=True)


def doubling() -> nn.Module:
    """Every pixel becomes four, as in Keras' UpSampling2D."""
    return nn.Upsample(scale_factor=2)


def start_like_keras(module: nn.Module) -> None:
    """Fresh weights as Keras draws them (Glorot and Bengio 2010, uniform); PyTorch's own fade in a deep plain stack."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def start_like_pix2pix(module: nn.Module) -> None:
    """Fresh weights as Isola et al. 2017 draw them: normal around 0, those of batch norms around 1, deviation 0.02."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1, 0.02)


class Noise(nn.Module):
    """Dropout that stays on in use: the noise z of pix2pix (Isola et al. 2017, section 3.1).

    In training it is drawn anew. In use it is the same for every picture of a size, so that a film always gets the same
    colours and no frame depends on its neighbours in the batch.
    """

    def __init__(self, share: float, seed: int):
        super().__init__()
        self.share, self.seed = share, seed

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) -> the same shape and mean, a `share` of it zero."""
        if self.training:
            return nn.functional.dropout(x, self.share)
        places = torch.rand(x.shape[1:], generator=torch.Generator().manual_seed(self.seed))
        return x * (places >= self.share).to(x.device, x.dtype) / (1 - self.share)
