"""Batch norms of several processes, which see the statistics of the total batch."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def synchronise_norms(module: nn.Module) -> nn.Module:
    """Replace the batch norms below `module` by ones that see the total batch; in a group of one, leave it alone.

    Parameters and buffers stay the same objects under the same names. Norms without running statistics are left.
    """
    if dist.is_available() and dist.is_initialized():
        for parent in list(module.modules()):
            for name, norm in parent.named_children():
                if type(norm) is nn.BatchNorm2d and norm.track_running_stats:
                    setattr(parent, name, TotalBatchNorm2d(norm))
    return module


class TotalBatchNorm2d(nn.BatchNorm2d):
    """`norm` with the batch statistics of the whole group: nn.SyncBatchNorm knows no CPU, and no parts that differ."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, norm: nn.BatchNorm2d):
        super().__init__(norm.num_features, norm.eps, norm.momentum, norm.affine)
        self._parameters, self._buffers, self.training = norm._parameters, norm._buffers, norm.training

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape and type; float32 inside."""
        if not self.training:
            return super().forward(input)
        x = input.float()
        mean, variance, count = _total_statistics(x)
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = (variance + self.eps).rsqrt()
        if self.affine:
            scale = scale * self.weight
        normal = (x - mean[:, None, None]) * scale[:, None, None]
        return (normal + self.bias[:, None, None] if self.affine else normal).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        pace = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, pace)
        self.running_var.lerp_(variance, pace)


def _total_statistics(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Every process's x (N, C, H, W) -> mean (C,), biased variance (C,) and count (1,) of all their pixels together.

    Mean and variance of the parts are joined as in Chan, Golub and LeVeque 1983, which loses no digits.
    """
    channels = x.shape[1]
    count = x.numel() / channels
    own = torch.cat((x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0), x.new_tensor([count])))
    means, variances, counts = torch.split(_Gather.apply(own, count), [channels, channels, 1], dim=1)
    share = counts / counts.sum(0)
    mean = (share * means).sum(0)
    return mean, (share * (variances + (means - mean).square())).sum(0), counts.sum(0)


class _Gather(torch.autograd.Function):
    """Own values (K,) -> everyone's (size, K).

    Each process differentiates the mean loss of its own part. What the others' losses have to say about these values
    therefore arrives weighted by the others' parts, and is divided by the own one, which `average_gradients` multiplies
    by again. `count`, the pixels of a part, is proportional to its pictures.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, count: float) -> Tensor:
        ctx.count = count
        everyone = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(everyone, own)
        return torch.stack(everyone)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        weighted = gradients[0] * ctx.count
        dist.all_reduce(weighted)
        return weighted[dist.get_rank()] / ctx.count, None
