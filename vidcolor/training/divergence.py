"""Numbers that are none: where training must stop before they reach a weight."""

import torch
from torch import nn


class Diverged(Exception):
    """A loss or a gradient was no longer a number."""


def refuse_endless(network: nn.Module) -> None:
    """Raises Diverged where a gradient is no number; no optimizer may see it."""
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    if gradients and not torch.nn.utils.get_total_norm(gradients).isfinite():
        raise Diverged("gradient nan")
