"""The training loop, in plain sight.

A run goes through the stages of `stages.py` and is measured in epochs, or in minutes where those are given. Started by
`torchrun`, every process runs this same loop on its own part of every batch.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from vidcolor.checkpoint import CheckpointMeta
from vidcolor.networks.base import Network
from vidcolor.parallel import join_group
from vidcolor.training.config import TrainConfig, TrainFile
from vidcolor.training.features import drop_features
from vidcolor.training.folder import RunFolder
from vidcolor.training.misfits import refuse_misfits
from vidcolor.training.pictures import gather
from vidcolor.training.run import Run
from vidcolor.training.validation import Scores, best_psnr


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
    pictures: int
    """That it was trained on."""
    left_out: dict[str, int]
    """How many were grey, toned, tiny or broken."""
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row a check."""
    best_psnr: float | None = None
    """With `overfit_one`: dB that the network's grid and palette allow at best on that picture."""


def train(
    network: Network,
    sources: Sequence[Path],
    out: Path,
    config: TrainConfig,
    meta: CheckpointMeta,
    *,
    device: torch.device,
    resume: bool = False,
    knows_colors: bool = False,
    on_step: Callable[[TrainProgress], None] = lambda progress: None,
) -> TrainReport:
    """Train `network` on the pictures in `sources`; `folder.py` says what is left in `out`.

    `knows_colors`: the network was trained before; it keeps its palette, and is the first to be checked. The state is
    kept at every check, every few minutes, and when `on_step` raises KeyboardInterrupt. Raises ConfigError, InputError,
    OutputError, or VidcolorError where the loss is no longer a number.
    """
    refuse_misfits(meta.arch, network, config)
    with join_group(device) as group, ExitStack() as until_the_end:
        folder = RunFolder(out)

        def hold() -> None:
            until_the_end.enter_context(folder.hold())

        group.from_first(hold)
        settings = TrainFile(meta.name, meta.arch, network.config.to_dict(), asdict(config))
        if not resume:
            group.from_first(folder.prepare)
        pictures = group.from_first(lambda: gather(sources, folder, config))
        run = Run(network, pictures, folder, config, meta, group.device(device), group)
        if resume:
            run.restore()
            group.from_first(lambda: folder.save_settings(settings))
        else:
            group.from_first(lambda: folder.save_settings(settings))
            run.start(knows_colors)
        while not run.is_over:
            run.enter_stage()
            for batch in run.batches():
                losses = run.learn(batch)
                scores = run.check() if run.check_due else None
                progress = TrainProgress(run.samples, run.share, run.stage_name, losses, scores)
                interrupt = _interrupt(on_step, progress)
                if group.any(interrupt is not None):
                    run.keep()
                    raise interrupt or KeyboardInterrupt
                if run.stage_is_over:
                    break
                run.keep_now_and_then()
        group.from_first(lambda: drop_features(folder.features))
    best = best_psnr(run.learner.averaged, run.held_out) if config.overfit_one else None
    counts = len(pictures.training), pictures.left_out
    return TrainReport(str(folder.model), run.samples, run.minutes, *counts, run.record.history, best)


def _interrupt(on_step: Callable[[TrainProgress], None], progress: TrainProgress) -> KeyboardInterrupt | None:
    try:
        on_step(progress)
    except KeyboardInterrupt as interrupt:
        return interrupt
    return None
