"""Training batches in an order that depends on the seed alone, fresh from the photos or from cached features."""

import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from vidcolor.data import PhotoViews, View, to_network
from vidcolor.networks.base import Features, Network
from vidcolor.parallel import Group
from vidcolor.photos import Photo
from vidcolor.training.features import FeatureCache


@dataclass(frozen=True)
class TrainBatch:
    """This process's part of a batch: n pictures of `total`."""

    views: tuple[View, ...]
    total: int
    """Pictures in the parts of all processes."""
    lab: Tensor
    """(n, 3, h, w), the truth at the network's output size, L*a*b*."""
    full_lab: Tensor | None = None
    """(n, 3, S, S); None where features are at hand."""
    lightness: Tensor | None = None
    """(n, 1, S, S) in -1..1; None where features are at hand."""
    features: Features | None = None
    """What a frozen encoder made of it, from the cache."""


class Feed:
    """Endless epochs over the photos, entered at any sample."""

    def __init__(
        self, views: PhotoViews, network: Network, device: torch.device, group: Group, *, seed: int, workers: int
    ):
        self.views, self.network, self.device, self.group = views, network, device, group
        self.seed, self.workers = seed, workers
        self.cache: FeatureCache | None = None
        self.cache_views = 1

    def keep_features(self, folder: Path, views: int) -> None:
        """From now on keep `views` views of every photo in `folder` once their features are known; 0: none."""
        self.cache, self.cache_views = None, max(1, views)
        if views:
            size, grid = self.views.size, self.views.size // self.network.output_stride
            with torch.no_grad():
                features = self.network.encode(torch.zeros(1, 1, size, size, device=self.device))
            shapes = [tuple(tensor.shape[1:]) for tensor in features] + [(3, grid, grid)]
            make = partial(FeatureCache, folder, len(self.views) * views, shapes)
            self.group.from_first(lambda: make() is not None)
            self.cache = make()

    def remember(self, batch: TrainBatch, features: Features) -> TrainBatch:
        """The batch with its features, as they will come from the cache later, if there is one.

        In half precision from the first time on: whether a run was stopped in between makes no difference.
        """
        if self.cache is None:
            return replace(batch, features=features)
        self.cache.write(self._rows(batch.views), (*features, batch.lab))
        return self._read(batch.views, batch.total)

    def batches(self, sample: int, size: int) -> Iterator[TrainBatch]:
        """What is left of the epoch that `sample` lies in, in batches of `size`."""
        plan = self._plan(sample, size)
        parts = [self.group.share_of(batch) for batch in plan]
        cached = [self._cached(views) for views in parts]
        loaded = iter(self._loader([views for views, known in zip(parts, cached, strict=True) if not known]))
        for batch, views, known in zip(plan, parts, cached, strict=True):
            if known:
                yield self._read(views, len(batch))
            else:
                yield self._prepare(views, len(batch), *next(loaded))

    def _plan(self, sample: int, size: int) -> list[list[View]]:
        epoch, done = divmod(sample, len(self.views))
        number = epoch % self.cache_views if self.cache else epoch
        order = torch.randperm(len(self.views), generator=torch.Generator().manual_seed(self.seed + epoch))
        left = [View(index, number) for index in order.tolist()[done:]]
        return [left[start : start + size] for start in range(0, len(left), size)]

    def _loader(self, batches: list[list[View]]) -> DataLoader[tuple[Tensor, Tensor]]:
        """Its own generator: how often a run was resumed leaves no trace in the random numbers of the training."""
        return DataLoader(
            self.views,
            batch_sampler=batches,
            num_workers=self.workers if batches else 0,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),
            worker_init_fn=_ignore_signals,
        )

    def _rows(self, views: Sequence[View]) -> tuple[int, ...]:
        return tuple(view.index * self.cache_views + (view.number or 0) for view in views)

    def _cached(self, views: Sequence[View]) -> bool:
        return self.cache is not None and self.cache.has(self._rows(views))

    def _read(self, views: Sequence[View], total: int) -> TrainBatch:
        assert self.cache is not None
        *features, lab = (tensor.to(self.device) for tensor in self.cache.read(self._rows(views)))
        return TrainBatch(tuple(views), total, lab, features=tuple(map(_channels_last, features)))

    def _prepare(self, views: Sequence[View], total: int, luma: Tensor, rgb: Tensor) -> TrainBatch:
        lightness, lab = to_network(luma.to(self.device, non_blocking=True), rgb.to(self.device, non_blocking=True))
        at_output = F.avg_pool2d(lab, self.network.output_stride)
        return TrainBatch(tuple(views), total, at_output, lab, _channels_last(lightness))


def split_photos(
    photos: Sequence[Photo], held_out: int, seed: int, share: float = 0.1
) -> tuple[list[Photo], list[Photo]]:
    """(to train on, to score on): at most `share` of them is held out; fewer than one would be serve as both."""
    order = torch.randperm(len(photos), generator=torch.Generator().manual_seed(seed)).tolist()
    count = min(held_out, int(len(photos) * share))
    if count == 0:
        return list(photos), list(photos[:held_out])
    return [photos[index] for index in sorted(order[count:])], [photos[index] for index in order[:count]]


def color_sample(views: PhotoViews, photos: int, pixels: int) -> Tensor:
    """R′G′B′ (M, 3) in 0..1 of about `pixels` pixels from at most `photos` photos, both spread evenly."""
    indices = range(0, len(views), max(1, len(views) // photos))
    step = max(1, len(indices) * views.size**2 // pixels)
    samples = []
    for index in indices:
        _, rgb = views[View(index, None)]
        samples.append(rgb.flatten(1).T[step // 2 :: step])
    return torch.cat(samples) / 255


def _channels_last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last)


def _ignore_signals(worker: int) -> None:
    """torchrun and terminals stop whole groups of processes: what loads photos is needed until the state is kept."""
    for name in ("SIGHUP", "SIGINT", "SIGTERM"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
