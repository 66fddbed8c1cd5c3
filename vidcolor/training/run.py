"""One run of training: how far it has come, and what it leaves in its folder."""

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vidcolor import checkpoint
from vidcolor.checkpoint import CheckpointMeta
from vidcolor.errors import ConfigError, VidcolorError
from vidcolor.networks.base import Network
from vidcolor.parallel import Group
from vidcolor.training.config import TrainConfig
from vidcolor.training.divergence import Diverged
from vidcolor.training.features import drop_features
from vidcolor.training.feed import Feed, TrainBatch, color_sample
from vidcolor.training.folder import RunFolder
from vidcolor.training.learner import Learner
from vidcolor.training.pictures import Pictures
from vidcolor.training.record import Record
from vidcolor.training.stages import CRITIC, FROZEN, JOINT, Stage, plan_stages, stage_at
from vidcolor.training.strip import lay_side_by_side
from vidcolor.training.validation import Scores, draw_sheet, score

PALETTE_PHOTOS, PALETTE_PIXELS = 2000, 200_000
SHEET_PHOTOS, STRIP_CHECKS = 12, 10
KEEP_SECONDS = 300
DUEL_CHECKS = 8
"""Checks in a joint stage at the end of a run: it is stopped where the colours turn for the worse."""


class Run:
    def __init__(
        self,
        network: Network,
        pictures: Pictures,
        folder: RunFolder,
        config: TrainConfig,
        meta: CheckpointMeta,
        device: torch.device,
        group: Group,
    ):
        self.learner = Learner(network, config, device, group)
        torch.manual_seed(config.seed + group.rank)
        self.views, self.held_out = pictures.training_views(config), pictures.held_out_views(config)
        self.feed = Feed(self.views, self.learner.network, device, group, seed=config.seed, workers=config.workers)
        self.stages = plan_stages(config, bool(network.encoder_parts()))
        self.pictures, self.folder, self.config, self.meta = pictures, folder, config, meta
        self.device, self.group = device, group
        self.samples, self.last_check = 0, 0
        self.share, self.stage_name, self.stopped = 0.0, "", False
        self.record = Record(weights=self.learner.extras.weights)
        self._start_clock()

    @property
    def minutes(self) -> float:
        return self._earlier + (time.monotonic() - self._started) / 60

    @property
    def epoch(self) -> int:
        """Whole epochs behind us."""
        return self.samples // len(self.views)

    @property
    def stage(self) -> Stage:
        return stage_at(self.stages, self.share)

    @property
    def is_over(self) -> bool:
        return self.stopped or self.share >= 1

    @property
    def stage_is_over(self) -> bool:
        return self.is_over or self.stage.name != self.stage_name

    @property
    def check_due(self) -> bool:
        new_epoch = self.epoch > self.last_check // len(self.views)
        return self.is_over or new_epoch or self.samples - self.last_check >= self._check_every

    def start(self, knows_colors: bool) -> None:
        """A new run: look at the colours there are, or check a network that knows them; leave a first state behind."""
        self.group.from_first(lambda: drop_features(self.folder.features))  # of another network, perhaps
        if not knows_colors:
            self.learner.network.learn_colors(color_sample(self.views, PALETTE_PHOTOS, PALETTE_PIXELS))
            self.learner.averaged.load_state_dict(self.learner.network.state_dict())
        self._start_clock()
        self.enter_stage()
        if knows_colors:
            self.check()  # the model to beat is the one it begins with
        else:
            self.group.from_first(lambda: self._save(self.folder.model))
            self.keep()

    def enter_stage(self) -> None:
        if self.stage.name == self.stage_name:
            return
        if self.stage.name == JOINT and self.samples > self.last_check:
            self.check()  # what the duel is measured against
        self._enter(self.stage)

    def _enter(self, stage: Stage) -> None:
        self.stage_name = stage.name
        self.learner.enter(stage)
        self.record.enter(duel=stage.name == JOINT)
        cached = self.config.cache_features and stage.name == FROZEN
        self.feed.keep_features(self.folder.features, self.config.cache_views if cached else 0)
        if stage.name != FROZEN:
            self.group.from_first(lambda: drop_features(self.folder.features))  # the encoder will be another

    def batches(self) -> Iterator[TrainBatch]:
        """What is left of this epoch."""
        config = self.config
        size = config.later_batch_size if self.learner.encoder_is_free else config.batch_size
        return self.feed.batches(self.samples, size)

    def learn(self, batch: TrainBatch) -> dict[str, float]:
        """One step. Raises VidcolorError where the loss is no longer a number; the batch is saved then."""
        if batch.features is None:
            batch = self.feed.remember(batch, self.learner.encode(batch))
        try:
            losses = self.learner.step(batch, self.stage.done(self.share))
        except Diverged as diverged:
            raise self._failure(batch, diverged) from None
        self.samples += batch.total
        self.share = self._measure_share()
        self.record.recent.append(losses)
        return losses

    def check(self) -> Scores:
        """Score the averaged weights, draw the sheet, keep the state, and the model if it is the best so far."""
        learner, terms = self.learner, self.learner.extras.of_colors
        scores = self.group.from_first(lambda: score(learner.averaged, self.held_out, self.device, terms))
        better = False
        if self.samples == 0 or self.stage_name != CRITIC:  # there the network stands still
            learner.notice(scores.loss)
            better = self.record.judge(scores)
            self.stopped = self._is_stale
        kept = self._is_kept_epoch
        place = {"samples": self.samples, "epoch": self.epoch, "minutes": self.minutes, "stage": self.stage_name}
        self.record.close(scores, place | {"rate": learner.rate, "kept": kept})
        self.last_check = self.samples
        self.group.from_first(lambda: self._leave_behind(scores, better, kept))
        self.keep()
        return scores

    def keep_now_and_then(self) -> None:
        if self.group.agree(time.monotonic() - self._kept > KEEP_SECONDS):
            self.keep()

    def keep(self) -> None:
        """Write the state: all that `restore` needs, as plain tensors and numbers."""
        self._kept = time.monotonic()
        self.group.from_first(
            lambda: self.folder.save_state(
                {
                    "fixed": self._fixed,
                    "stage": self.stage_name,
                    "learner": self.learner.state(),
                    "counters": [self.samples, self.last_check, self.minutes],
                    "record": asdict(self.record),
                }
            )
        )

    def restore(self) -> None:
        """Go on from the state in the folder, in the stage that was left; `enter_stage` leads to the one due now.

        Raises ConfigError where it is the state of another run.
        """
        state = self.folder.load_state()
        self._refuse_other(state["fixed"])
        self.samples, self.last_check, minutes = state["counters"]
        self._start_clock(minutes)
        self.share = self._measure_share()
        self._enter(replace(self.stage, name=state["stage"]))
        self.learner.restore(state["learner"])
        self.record = Record(**state["record"])
        if self.record.weigh(self.learner.extras.weights):
            self.learner.plateau.best = math.inf
        self.stopped = self.stage.name == self.stage_name and self._is_stale

    def _refuse_other(self, fixed: dict[str, Any]) -> None:
        for name, mine in self._fixed.items():
            theirs = fixed.get(name)
            if theirs != mine:
                raise ConfigError(
                    f"{self.folder.state}: that run has {name} {theirs!r}, this one {mine!r}; resume with the same"
                )

    @cached_property
    def _fixed(self) -> dict[str, Any]:
        """What must not change between sessions: the network, which picture comes next, how it is shown."""
        names = ("seed", "size", "grey", "optimizer", "adversarial", "overfit_one")
        settings = {name: getattr(self.config, name) for name in names}
        keys = "".join(f"{photo.name}|{photo.offset}|{photo.size}\n" for photo in self.views.photos)
        digest = hashlib.sha256(keys.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        network = {"network": self.meta.arch, "network settings": _plain(self.learner.network.config.to_dict())}
        return network | settings | {"number of pictures": len(self.views), "digest of the pictures": digest}

    @property
    def _duels(self) -> bool:
        """Whether this is the short joint stage at the end of a NoGAN run."""
        return self.stage_name == JOINT and len(self.stages) > 1

    @property
    def _is_stale(self) -> bool:
        """Whether the checks have been getting no better for so long that the run ends."""
        limit = self.config.patience if self._duels else self.config.early_stop
        return 0 < limit <= self.record.stale

    @property
    def _check_every(self) -> float:
        """Samples. A duel is watched closely."""
        if self._duels and self.share > 0:
            return min(self.config.check_every, self.samples / self.share * (1 - self.stage.start) / DUEL_CHECKS)
        return self.config.check_every

    @property
    def _is_kept_epoch(self) -> bool:
        every = self.config.keep_every
        return every > 0 and self.epoch // every > self.last_check // len(self.views) // every

    def _measure_share(self) -> float:
        if self.config.minutes is not None:
            return self.group.agree(min(1.0, self.minutes / self.config.minutes))
        return min(1.0, self.samples / (self.config.epochs * len(self.views)))

    def _leave_behind(self, scores: Scores, better: bool, kept: bool) -> None:
        """The files of a check."""
        if better:
            self._save(self.folder.model, scores)
        if kept:
            self._save(self.folder.epoch(self.epoch), scores)
        shown = self.pictures.held_out_views(self.config, SHEET_PHOTOS)
        draw_sheet(self.learner.averaged, shown, self.device, self.folder.sheet(self.samples))
        history = self.record.history
        sheets = {row["samples"]: self.folder.sheet(row["samples"]) for row in history}
        epochs = {row["epoch"]: self.folder.sheet(row["samples"]) for row in history if row["kept"]}
        lay_side_by_side(_spread(sheets, STRIP_CHECKS), "samples", self.folder.progress)
        lay_side_by_side(epochs, "epoch", self.folder.epochs)
        self.folder.save_curves(history)

    def _save(self, path: Path, scores: Scores | None = None) -> None:
        metrics = asdict(scores) if scores else {}
        checkpoint.save(path, self.learner.averaged, replace(self.meta, metrics=metrics))

    def _failure(self, batch: TrainBatch, diverged: Diverged) -> VidcolorError:
        tensors: dict[str, Tensor] = {"lab": batch.lab}
        if batch.lightness is not None:
            tensors["lightness"] = batch.lightness
        tensors |= {f"features.{number}": feature for number, feature in enumerate(batch.features or ())}
        names = ", ".join(f"{self.views.photos[view.index].path}: {view.number}" for view in batch.views)
        path = self.folder.save_batch(tensors, {"samples": str(self.samples), "pictures": names}, self.group.rank)
        return VidcolorError(
            f"training diverged after {self.samples} samples at rate {self.learner.rate:g} ({diverged}); the batch is "
            f"in {path}: go on from the last state with --resume and a lower --rate"
        )

    def _start_clock(self, earlier: float = 0.0) -> None:
        """Minutes count from here, on top of those of `earlier` sessions."""
        self._earlier, self._started, self._kept = earlier, time.monotonic(), time.monotonic()


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Lists for tuples, as they come back from a file."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in settings.items()}


def _spread(sheets: dict[int, Path], count: int) -> dict[int, Path]:
    """At most `count` of them, first and last among them, evenly spread."""
    keys = list(sheets)
    if len(keys) > count:
        keys = [keys[round(number * (len(keys) - 1) / (count - 1))] for number in range(count)]
    return {key: sheets[key] for key in keys}
