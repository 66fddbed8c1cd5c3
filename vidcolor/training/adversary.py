"""A critic that learns to tell true colours from made ones."""

import torch
from torch import Tensor

from vidcolor.losses import critic_loss, generator_loss
from vidcolor.networks.critic import PatchCritic
from vidcolor.parallel import Group
from vidcolor.training.divergence import refuse_endless
from vidcolor.training.norms import synchronise_norms


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
