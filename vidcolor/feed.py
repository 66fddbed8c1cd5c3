"""Training batches in an order that depends on the seed alone, fresh from the photos or from cached features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from vidcolor.data import Photo, PhotoViews, View, to_network
from vidcolor.features import FeatureCache
from vidcolor.networks.base import Features, Network


@dataclass(frozen=True)
class TrainBatch:
    lab: Tensor
    """(N, 3, h, w), the truth at the network's output size, L*a*b*."""
    lightness: Tensor | None = None
    """(N, 1, S, S) in -1..1; None where features are at hand."""
    features: Features | None = None
    """What a frozen encoder made of it, from the cache."""
    rows: tuple[int, ...] = ()
    """Where the features of this batch belong in the cache."""


class Feed:
    """Endless epochs over the photos, entered at any sample."""

    def __init__(self, views: PhotoViews, network: Network, device: torch.device, *, seed: int, workers: int):
        self.views, self.network, self.device, self.seed, self.workers = views, network, device, seed, workers
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
            self.cache = FeatureCache(folder, len(self.views) * views, shapes)

    def remember(self, batch: TrainBatch, features: Features) -> None:
        """Put what the encoder made of a fresh batch into the cache, if there is one."""
        if self.cache is not None:
            self.cache.write(batch.rows, (*features, batch.lab))

    def batches(self, sample: int, size: int) -> Iterator[TrainBatch]:
        """What is left of the epoch that `sample` lies in, in batches of `size`."""
        plan = self._plan(sample, size)
        fresh = [views for views in plan if not self._cached(views)]
        loaded = iter(DataLoader(self.views, batch_sampler=fresh, num_workers=self.workers if fresh else 0))
        for views in plan:
            yield self._read(views) if self._cached(views) else self._prepare(views, *next(loaded))

    def _plan(self, sample: int, size: int) -> list[list[View]]:
        epoch, done = divmod(sample, len(self.views))
        number = epoch % self.cache_views if self.cache else epoch
        order = torch.randperm(len(self.views), generator=torch.Generator().manual_seed(self.seed + epoch))
        left = [View(index, number) for index in order.tolist()[done:]]
        return [left[start : start + size] for start in range(0, len(left), size)]

    def _rows(self, views: Sequence[View]) -> tuple[int, ...]:
        return tuple(view.index * self.cache_views + (view.number or 0) for view in views)

    def _cached(self, views: Sequence[View]) -> bool:
        return self.cache is not None and self.cache.has(self._rows(views))

    def _read(self, views: Sequence[View]) -> TrainBatch:
        assert self.cache is not None
        *features, lab = (tensor.to(self.device) for tensor in self.cache.read(self._rows(views)))
        return TrainBatch(lab, features=tuple(map(_channels_last, features)))

    def _prepare(self, views: Sequence[View], luma: Tensor, rgb: Tensor) -> TrainBatch:
        lightness, lab = to_network(luma.to(self.device, non_blocking=True), rgb.to(self.device, non_blocking=True))
        return TrainBatch(
            F.avg_pool2d(lab, self.network.output_stride), _channels_last(lightness), rows=self._rows(views)
        )


def split_photos(photos: Sequence[Photo], held_out: int, seed: int) -> tuple[list[Photo], list[Photo]]:
    """(to train on, to score on): at most a tenth is held out, and one photo alone serves as both."""
    order = torch.randperm(len(photos), generator=torch.Generator().manual_seed(seed)).tolist()
    count = min(held_out, len(photos) // 10)
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
