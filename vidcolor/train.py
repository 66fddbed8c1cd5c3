"""The training loop, in plain sight.

A run has two stages. First a pretrained encoder is frozen, and its features may be cached; then, for the last
`free_share` of the run, every weight is free. A run is measured in epochs, or in minutes where those are given.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from vidcolor import checkpoint
from vidcolor.checkpoint import CheckpointMeta
from vidcolor.data import PhotoViews, find_photos
from vidcolor.errors import ConfigError, OutputError, VidcolorError
from vidcolor.features import drop_features
from vidcolor.feed import Feed, TrainBatch, color_sample, split_photos
from vidcolor.networks.base import Features, Network
from vidcolor.train_config import TrainConfig
from vidcolor.validation import Scores, draw_sheet, score

PALETTE_PHOTOS, PALETTE_PIXELS = 2000, 200_000
SHEET_PHOTOS = 12
WARM_UP = 0.02


@dataclass(frozen=True)
class TrainProgress:
    """Where a run stands, after every step."""

    samples: int
    share: float
    """Of the whole run, 0..1."""
    stage: str
    losses: dict[str, float]
    scores: Scores | None = None
    """Of the held-out pictures, on the steps that end with a check."""


@dataclass(frozen=True)
class TrainReport:
    """What a finished run says of itself."""

    model: str
    samples: int
    minutes: float
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row a check."""


def train(
    network: Network,
    sources: Sequence[Path],
    out: Path,
    config: TrainConfig,
    meta: CheckpointMeta,
    *,
    device: torch.device,
    resume: bool = False,
    on_step: Callable[[TrainProgress], None] = lambda progress: None,
) -> TrainReport:
    """Train `network` on the pictures in `sources`; out/model.safetensors is the checkpoint that scored best.

    out/state.pt is what `resume` goes on from, out/sheets/ shows how it learned.
    Raises ConfigError, InputError, OutputError or VidcolorError where the loss is no longer a number.
    """
    training, held_out = split_photos(find_photos(sources), config.held_out, config.seed)
    views = PhotoViews(training, config.size, config.seed, config.film_look, grey=config.grey)
    run = Run(network, PhotoViews(held_out, config.size, grey=config.grey), len(training), out, config, meta, device)
    feed = Feed(views, run.network, device, seed=config.seed, workers=config.workers)
    kept_features = out / "features"
    if resume:
        run.restore()
    else:
        drop_features(kept_features)  # of another network, perhaps
        network.learn_colors(color_sample(views, PALETTE_PHOTOS, PALETTE_PIXELS))
        run.start_clock()
    while run.share < 1:
        run.enter_stage()
        feed.keep_features(kept_features, config.cache_views if run.frozen and config.cache_features else 0)
        for batch in feed.batches(run.samples, run.batch_size):
            losses = run.learn(batch.lab, run.encode(batch, feed))
            scores = run.check() if run.check_due else None
            on_step(TrainProgress(run.samples, run.share, run.stage, losses, scores))
            if run.stage_is_over:
                break
    drop_features(kept_features)
    return run.report()


class Run:
    """The state of a run: weights, their running average, the optimizer, and how far it has come."""

    def __init__(
        self,
        network: Network,
        held_out: PhotoViews,
        epoch_size: int,
        out: Path,
        config: TrainConfig,
        meta: CheckpointMeta,
        device: torch.device,
    ):
        _prepare_folder(out, config)
        torch.manual_seed(config.seed)
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = AveragedModel(self.network, multi_avg_fn=_warming_average(config.ema), use_buffers=True)
        self.held_out, self.epoch_size = held_out, epoch_size
        self.out, self.config, self.meta, self.device = out, config, meta, device
        self.stage = ""
        self.samples, self.last_check, self.best = 0, 0, math.inf
        self.history: list[dict[str, Any]] = []
        self.start_clock()

    @property
    def minutes(self) -> float:
        return self._earlier + (time.monotonic() - self._started) / 60

    def start_clock(self, earlier: float = 0.0) -> None:
        """Minutes count from here, on top of those of `earlier` sessions."""
        self._earlier, self._started = earlier, time.monotonic()

    @property
    def share(self) -> float:
        """How much of the run is done, 0..1."""
        if self.config.minutes is not None:
            return min(1.0, self.minutes / self.config.minutes)
        return min(1.0, self.samples / (self.config.epochs * self.epoch_size))

    @property
    def freed_at(self) -> float:
        """The share of the run at which every weight is freed."""
        return 1 - self.config.free_share if self.network.encoder_parts() else 0.0

    @property
    def frozen(self) -> bool:
        return self.stage == "frozen"

    @property
    def stage_is_over(self) -> bool:
        return self.share >= (self.freed_at if self.frozen else 1)

    @property
    def batch_size(self) -> int:
        return (
            self.config.batch_size if self.frozen or not self.network.encoder_parts() else self.config.free_batch_size
        )

    @property
    def check_due(self) -> bool:
        return self.samples - self.last_check >= self.config.check_every or self.share >= 1

    def enter_stage(self) -> None:
        """Freeze or free the encoder as the run's progress says; a new stage starts with a new optimizer."""
        stage = "frozen" if self.share < self.freed_at else "free"
        if stage == self.stage:
            return
        self.stage = stage
        encoder = [parameter for part in self.network.encoder_parts() for parameter in part.parameters()]
        decoder = [own for own in self.network.parameters() if all(own is not other for other in encoder)]
        groups = (
            [(decoder, self.config.rate)]
            if self.frozen or not encoder
            else [(decoder, self.config.free_rate), (encoder, self.config.encoder_rate)]
        )
        self.optimizer = torch.optim.AdamW(
            [{"params": parameters, "lr": rate, "peak": rate} for parameters, rate in groups],
            weight_decay=self.config.weight_decay,
        )
        self._set_modes()

    def encode(self, batch: TrainBatch, feed: Feed) -> Features:
        """Features of the batch: from the cache, or computed (and cached, where the encoder is frozen)."""
        if batch.features is not None:
            return batch.features
        with torch.set_grad_enabled(not self.frozen), self._autocast():
            features: Features = self.network.encode(batch.lightness)
        if self.frozen:
            feed.remember(batch, features)
        return features

    def learn(self, lab: Tensor, features: Features) -> dict[str, float]:
        """One step of the optimizer. Raises VidcolorError where the loss is no longer a number."""
        start = 0.0 if self.frozen else self.freed_at
        done = (self.share - start) / max(1e-9, (self.freed_at if self.frozen else 1) - start)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * _warm_cosine(done)
        with self._autocast():
            losses = self.network.loss(self.network.decode(features), lab)
        total = torch.stack(list(losses.values())).sum()
        if not total.isfinite():
            raise VidcolorError(f"training diverged after {self.samples} samples (loss {total.item()}): lower the rate")
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        self.average.update_parameters(self.network)
        self.samples += len(lab)
        return {name: loss.item() for name, loss in losses.items()}

    def check(self) -> Scores:
        """Score the averaged weights, draw the sheet, keep the state, and the model if it is the best so far."""
        network = cast(Network, self.average.module)
        scores = score(network, self.held_out, self.device)
        shown = PhotoViews(self.held_out.photos[:SHEET_PHOTOS], self.config.size, grey=self.config.grey)
        draw_sheet(network, shown, self.device, self.out / "sheets" / f"{self.samples:09d}.png")
        self.last_check = self.samples
        self.history.append({"samples": self.samples, "minutes": self.minutes, "stage": self.stage, **asdict(scores)})
        if scores.loss < self.best:
            self.best = scores.loss
            checkpoint.save(self.out / "model.safetensors", network, replace(self.meta, metrics=asdict(scores)))
        self.keep()
        return scores

    def report(self) -> TrainReport:
        return TrainReport(str(self.out / "model.safetensors"), self.samples, self.minutes, self.history)

    def keep(self) -> None:
        """Write out/state.pt: all that `restore` needs, as plain tensors and numbers."""
        state = {
            "fixed": self._fixed,
            "stage": self.stage,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "counters": (self.samples, self.last_check, self.best, self.minutes),
            "history": self.history,
            "random": torch.get_rng_state(),
        }
        checkpoint.write_whole(self.out / "state.pt", lambda partial: torch.save(state, partial))

    @property
    def _fixed(self) -> dict[str, int | str]:
        """What decides which picture comes next, and how it is shown: it must not change between sessions."""
        config = self.config
        return {"grey": config.grey, "pictures": self.epoch_size, "seed": config.seed, "size": config.size}

    def restore(self) -> None:
        """Go on from out/state.pt. Raises ConfigError where there is none, or one of other pictures."""
        path = self.out / "state.pt"
        if not path.exists():
            raise ConfigError(f"{path}: no run to resume there; leave --resume out to start one")
        state = torch.load(path, map_location=self.device, weights_only=True)
        fixed = {"grey": "709"} | state["fixed"]  # version 0.1.0 knew no other grey, and did not write it
        if fixed != self._fixed:
            raise ConfigError(f"{path}: that run has {fixed}, this one {self._fixed}; resume with the same")
        self.samples, self.last_check, self.best, minutes = state["counters"]
        self.history = state["history"]
        self.start_clock(minutes)
        self.enter_stage()
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        if self.stage == state["stage"]:
            self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())

    def _set_modes(self) -> None:
        parts = self.network.encoder_parts()
        self.network.train()
        for part in parts:
            part.requires_grad_(not self.frozen)
            part.eval()
        if parts and not self.frozen:
            for module in self.network.modules():
                module.train(not isinstance(module, nn.BatchNorm2d))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda")


def _prepare_folder(out: Path, config: TrainConfig) -> None:
    try:
        (out / "sheets").mkdir(parents=True, exist_ok=True)
        (out / "config.json").write_text(json.dumps(asdict(config), indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"{out}: cannot be written to ({error.strerror}); choose another --out") from None


def _warm_cosine(done: float) -> float:
    return min(1.0, 0.01 + done / WARM_UP) * max(0.005, (1 + math.cos(math.pi * min(1.0, done))) / 2)


def _warming_average(decay: float) -> Callable[..., None]:
    """The exponential average of weights; its memory grows with the first steps, so that short runs profit too."""

    def update(averaged: list[Tensor], current: list[Tensor], count: Tensor) -> None:
        steps = int(count)
        average = get_ema_multi_avg_fn(min(decay, (1 + steps) / (10 + steps)))  # type: ignore[no-untyped-call]
        average(averaged, current, count)

    return update
