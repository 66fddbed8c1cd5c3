"""Does the loader keep up with the network? And how much memory do 41 000 pictures take?

    python benchmarks/training.py PHOTOS... --encoder-weights FILE [--json FILE]

Trains `fusion` without cache, in each stage, in alternating blocks: fed by the loader, and on one batch that is already
in memory. The second is the bound set by the forward and backward pass alone. Memory is the peak of the process and
its loader's workers together, while it trains on 41 000 pictures (those there are, repeated).
"""

import argparse
import itertools
import json
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from vidcolor.data import PhotoViews
from vidcolor.environment import describe_environment
from vidcolor.networks import new_network
from vidcolor.parallel import Group
from vidcolor.photos import find_photos
from vidcolor.training import TrainConfig
from vidcolor.training.feed import Feed, TrainBatch
from vidcolor.training.learner import Learner
from vidcolor.training.stages import FREE, FROZEN, Stage

PICTURES = 41_000
STEPS, BLOCKS, REFILL = 6, 5, 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--encoder-weights", default="torchvision")
    parser.add_argument("--encoder-padding", default="torch")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    config = TrainConfig(workers=options.workers)
    with TemporaryDirectory() as spool:
        found = find_photos(options.photos, Path(spool))
        photos = list(itertools.islice(itertools.cycle(found), PICTURES))
        settings = {"encoder_padding": options.encoder_padding}
        learner = Learner(new_network("fusion", settings, options.encoder_weights), config, device, Group())
        views = PhotoViews(photos, config.size)
        feed = Feed(views, learner.network, device, Group(), seed=0, workers=config.workers)
        with PeakMemory() as memory:
            stages = {stage.name: measure(learner, feed, stage) for stage in (Stage(FROZEN, 0, 1), Stage(FREE, 0, 1))}
    result = {
        "environment": describe_environment().__dict__,
        "pictures": PICTURES,
        "distinct_pictures": len(found),
        "batch_size": config.batch_size,
        "size": config.size,
        "workers": config.workers,
        "stages": stages,
        "peak_mib": round(memory.peak / 1024),
    }
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


class PeakMemory:
    """The most that this process and its children hold together, in KiB; shared pages count once (Linux's Pss)."""

    def __enter__(self) -> "PeakMemory":
        self.peak, self._over = 0, threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._over.wait(1.0):
            children = Path("/proc/self/task").glob("*/children")
            family = ["self", *" ".join(path.read_text() for path in children).split()]
            self.peak = max(self.peak, sum(map(_pss, family)))


def _pss(process: str) -> int:
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:  # over by now
        return 0
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def measure(learner: Learner, feed: Feed, stage: Stage) -> dict[str, Any]:
    learner.enter(stage)
    batches = endless(feed, learner.config.batch_size)
    kept = next(batches)
    ways: dict[str, Callable[[], TrainBatch]] = {"fed": lambda: next(batches), "bound": lambda: kept}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for block in range(BLOCKS + 1):
        for name, fetch in ways.items():
            time.sleep(REFILL)  # the loader's queue is as full as it gets: no block pays for another's pictures
            rate = images_per_second(learner, fetch)
            if block:  # the first warms up
                rates[name].append(rate)
    ratios = [fed / bound for fed, bound in zip(rates["fed"], rates["bound"], strict=True)]
    return {
        "images_per_second": {name: round(statistics.median(found), 2) for name, found in rates.items()},
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def endless(feed: Feed, size: int) -> Iterator[TrainBatch]:
    for epoch in itertools.count():
        yield from feed.batches(epoch * len(feed.views), size)


def images_per_second(learner: Learner, fetch: Callable[[], TrainBatch]) -> float:
    synchronise()
    started, images = time.perf_counter(), 0
    for _ in range(STEPS):
        batch = fetch()
        learner.step(replace(batch, features=learner.encode(batch)), 0.5)
        images += len(batch.lab)
    synchronise()
    return images / (time.perf_counter() - started)


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
