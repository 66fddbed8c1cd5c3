"""A critic that learns to tell true colours from made ones."""

import torch
from torch import Tensor, nn

from vidcolor.losses import critic_loss, generator_loss
from vidcolor.networks.critic import PatchCritic
from vidcolor.parallel import Group, synchronise_norms


class Diverged(Exception):
    """A loss or a gradient was no longer a number."""


def refuse_endless(network: nn.Module) -> None:
    """Raises Diverged where a gradient is no number; no optimizer may see it."""
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    if gradients and not torch.nn.utils.get_total_norm(gradients).isfinite():
        raise Diverged("gradient nan")


class Adversary:
    """The critic and its optimizer. It sees lightness (N, 1, S, S) in -1..1 and ab (N, 2, S, S)."""

    def __init__(self, rate: float, device: torch.device, group: Group):
        self.critic = synchronise_norms(PatchCritic().to(device))
        self.optimizer = torch.optim.Adam(self.critic.parameters(), lr=rate, betas=(0.5, 0.999))
        self.group = group

    def learn(self, lightness: Tensor, ab: Tensor, true_ab: Tensor) -> Tensor:
        """One step. Returns the critic's loss, log 2 where it cannot tell them apart.

        Raises Diverged, with every weight as it was.
        """
        self.optimizer.zero_grad(set_to_none=True)
        loss = critic_loss(self.critic(lightness, true_ab), self.critic(lightness, ab.detach()))
        loss.backward()  # type: ignore[no-untyped-call]
        self.group.average_gradients(self.critic.parameters(), len(lightness))
        refuse_endless(self.critic)
        self.optimizer.step()
        return loss.detach()

    def judge(self, lightness: Tensor, ab: Tensor) -> Tensor:
        """The loss of a network that wants its colours taken for true ones."""
        return generator_loss(self.critic(lightness, ab))
