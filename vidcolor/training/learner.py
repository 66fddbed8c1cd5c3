"""The weights that learn, their running average, and the optimizers that move them."""

import math
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vidcolor.networks.base import Features, Network
from vidcolor.parallel import Group
from vidcolor.training.adversary import Adversary
from vidcolor.training.config import TrainConfig
from vidcolor.training.divergence import Diverged, refuse_endless
from vidcolor.training.extras import Extras
from vidcolor.training.feed import TrainBatch
from vidcolor.training.norms import synchronise_norms
from vidcolor.training.stages import CRITIC, FREE, FROZEN, JOINT, Stage

WARM_UP = 0.02
"""Share of a stage over which its learning rate rises."""


class Learner:
    def __init__(self, network: Network, config: TrainConfig, device: torch.device, group: Group):
        placed = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = cast(Network, synchronise_norms(placed))
        self.average = AveragedModel(self.network, multi_avg_fn=_warming_average(config.ema), use_buffers=True)
        self.adversary = Adversary(config.critic_rate, device, group) if config.adversarial else None
        self.extras = Extras(config, device)
        self.config, self.device, self.group = config, device, group
        self.stage: Stage | None = None

    @property
    def averaged(self) -> Network:
        """The network to score, to show and to keep."""
        return cast(Network, self.average.module)

    @property
    def rate(self) -> float:
        """The learning rate of what is learning."""
        taught = self.adversary if self.stage is not None and self.stage.name == CRITIC else None
        return float((taught or self).optimizer.param_groups[0]["lr"])

    @property
    def encoder_is_free(self) -> bool:
        """Whether there is a pretrained encoder, and the stage in which it stays as it is lies behind."""
        return bool(self.network.encoder_parts()) and self.stage is not None and self.stage.name != FROZEN

    def enter(self, stage: Stage) -> None:
        """Freeze and free what the stage says; a new stage starts with a new optimizer."""
        self.stage = stage
        self._set_modes()
        groups = [{"params": weights, "lr": rate, "peak": rate} for weights, rate in self._groups()]
        self.optimizer = self._make_optimizer(groups)
        self.plateau = ReduceLROnPlateau(self.optimizer, factor=0.1, patience=self.config.patience)

    def encode(self, batch: TrainBatch) -> Features:
        """Features of a batch that comes without."""
        assert self.stage is not None and batch.lightness is not None
        with torch.set_grad_enabled(self.stage.name not in (FROZEN, CRITIC)), self._autocast():
            features: Features = self.network.encode(batch.lightness)
        return features

    def step(self, batch: TrainBatch, done: float) -> dict[str, float]:
        """Learn from this process's part of a batch with features; `done` of the stage is over. Returns the losses.

        Raises Diverged, with every weight of the network as it was.
        """
        assert self.stage is not None and batch.features is not None
        self._set_rates(done)
        with torch.set_grad_enabled(self.stage.name != CRITIC), self._autocast():
            raw = self.network.decode(batch.features)
        if self.stage.name == CRITIC:
            return self._teach_critic(batch, self.network.to_ab(raw))
        losses, taught = self.network.loss(raw, batch.lab), {}
        if self.stage.name == JOINT or (self.stage.name == FREE and self.extras.active):
            ab = self.network.to_ab(raw)
            taught = self._teach_critic(batch, ab) if self.stage.name == JOINT else {}
            losses |= self._further_losses(batch, ab)
        named = self._named(losses, len(batch.lab))
        self.optimizer.zero_grad(set_to_none=True)
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.group.average_gradients(self.network.parameters(), len(batch.lab))
        refuse_endless(self.network)
        self.optimizer.step()
        self.average.update_parameters(self.network)
        return named | taught

    def notice(self, loss: float) -> None:
        """A check gave this loss: a plateau lowers the rates."""
        if self.config.schedule == "plateau":
            self.plateau.step(loss)

    def state(self) -> dict[str, Any]:
        """All that `restore` needs, as plain tensors and numbers."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "plateau": self.plateau.state_dict(),
            "disturbances": self.extras.generator.get_state(),
            "random": torch.get_rng_state(),
        }
        if self.adversary is not None:
            state["critic"] = self.adversary.critic.state_dict()
            state["critic_optimizer"] = self.adversary.optimizer.state_dict()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`, of the stage that was entered."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        _restore_optimizer(self.optimizer, state["optimizer"])
        self.plateau.load_state_dict(state["plateau"] | {"patience": self.config.patience})
        if self.adversary is not None:
            self.adversary.critic.load_state_dict(state["critic"])
            _restore_optimizer(self.adversary.optimizer, state["critic_optimizer"])
        self.extras.generator.set_state(state["disturbances"])
        if self.group.is_first:
            torch.set_rng_state(state["random"])

    def _further_losses(self, batch: TrainBatch, ab: Tensor) -> dict[str, Tensor]:
        assert self.stage is not None and batch.lightness is not None and batch.full_lab is not None
        losses = self.extras.terms(batch.lightness, ab, batch.full_lab, self._paint)
        if self.stage.name == JOINT and self.adversary is not None:
            losses["adversary"] = self.config.gan_weight * self.adversary.judge(batch.lightness, ab)
        return losses

    def _teach_critic(self, batch: TrainBatch, ab: Tensor) -> dict[str, float]:
        assert self.adversary is not None and batch.lightness is not None and batch.full_lab is not None
        loss = self.adversary.learn(batch.lightness, ab, batch.full_lab[:, 1:])
        return self._named({"critic": loss}, len(batch.lab))

    def _named(self, losses: dict[str, Tensor], weight: int) -> dict[str, float]:
        """The losses of all processes. Raises Diverged in all of them where one has no number."""
        named = self.group.average({name: loss.item() for name, loss in losses.items()}, weight)
        if not all(map(math.isfinite, named.values())):
            raise Diverged(", ".join(f"{name} {value:g}" for name, value in named.items()))
        return named

    def _paint(self, lightness: Tensor) -> Tensor:
        with self._autocast():
            raw = self.network(lightness)
        return self.network.to_ab(raw)

    def _set_modes(self) -> None:
        """A pretrained encoder and, once it is free, every batch norm keep their statistics."""
        assert self.stage is not None
        self.network.requires_grad_(True)
        self.network.train(self.stage.name != CRITIC)
        for part in self.network.encoder_parts():
            part.eval()
        for part in self._held_parts():
            part.requires_grad_(False)
        if self.encoder_is_free:
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def _held_parts(self) -> tuple[nn.Module, ...]:
        """What does not learn in this stage."""
        assert self.stage is not None
        if self.stage.name == FROZEN:
            return self.network.encoder_parts()
        return self.network.shallow_parts() if self.config.hold_shallow else ()

    def _groups(self) -> Iterator[tuple[list[nn.Parameter], float]]:
        assert self.stage is not None
        encoder = [weight for part in self.network.encoder_parts() for weight in part.parameters()]
        known = set(map(id, encoder))
        others = [weight for weight in self.network.parameters() if id(weight) not in known]
        if self.stage.name == JOINT:
            yield others + encoder, self.config.joint_rate
        elif self.encoder_is_free:
            yield others, self.config.free_rate
            yield encoder, self.config.encoder_rate
        else:
            yield others, self.config.rate

    def _make_optimizer(self, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
        decay, betas = self.config.weight_decay, (self.config.momentum, 0.999)
        if self.config.optimizer == "adadelta":
            return torch.optim.Adadelta(groups, weight_decay=decay)
        kind = torch.optim.Adam if self.config.optimizer == "adam" else torch.optim.AdamW
        return kind(groups, weight_decay=decay, betas=betas)

    def _set_rates(self, done: float) -> None:
        self._open_layers(done)
        if self.config.schedule == "plateau":
            return
        falling = (1 + math.cos(math.pi * done)) / 2 if self.config.schedule == "cosine" else 1.0
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * min(1.0, 0.01 + done / WARM_UP) * max(0.005, falling)

    def _open_layers(self, done: float) -> None:
        """Layer-wise: the last layer learns from the start, the first has joined when half of the stage is over."""
        assert self.stage is not None
        if not self.config.layer_wise or self.stage.start > 0:
            return
        kept = {id(inner) for part in self._held_parts() for inner in part.modules()}
        layers = [layer for layer in self.network.modules() if _has_weights(layer)]
        learning = [layer for layer in layers if id(layer) not in kept]
        opened = max(1, math.ceil(2 * done * len(learning)))
        for layer in learning[:-opened]:
            layer.requires_grad_(False)
        for layer in learning[-opened:]:
            layer.requires_grad_(True)

    def _autocast(self) -> torch.autocast:
        wanted = {"auto": self.device.type == "cuda", "float32": False, "bfloat16": True}[self.config.precision]
        return torch.autocast(self.device.type, torch.bfloat16, enabled=wanted)


def _has_weights(layer: nn.Module) -> bool:
    return next(layer.parameters(recurse=False), None) is not None


def _restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """The settings are those asked for now, and the rates lowered as the state's were."""
    asked = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, now in zip(optimizer.param_groups, asked, strict=True):
        peak = group.get("peak", group["lr"])
        group.update(now, lr=group["lr"] * (now["lr"] / peak))


def _warming_average(decay: float) -> Callable[..., None]:
    """The exponential average of weights; its memory grows with the first steps, so that short runs profit too."""

    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        steps = int(count)
        average = get_ema_multi_avg_fn(min(decay, (1 + steps) / (10 + steps)))  # type: ignore[no-untyped-call]
        average(averaged, current, count)

    return update
