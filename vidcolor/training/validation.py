"""Held-out pictures: how well a network does on them, in numbers and as a sheet to look at."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader

from vidcolor.color import ChromaTable, chroma_to_rgb, luma_of
from vidcolor.data import PhotoViews, View, to_network
from vidcolor.metrics import colorfulness, larger_channel, psnr
from vidcolor.networks.base import Network
from vidcolor.scores import ColorScores
from vidcolor.training.strip import write_png

Terms = Callable[[Tensor, Tensor], dict[str, Tensor]]
"""What is added to a network's own loss, by name, of its ab (N, 2, S, S) and the truth, lab (N, 3, S, S)."""


@dataclass(frozen=True)
class Scores(ColorScores):
    """Means over held-out pictures. PSNR never stands without colourfulness: alone it rewards grey."""

    loss: float
    """The network's own, and the terms that a run adds to it."""
    psnr: float
    """dB, of R′G′B′ put together from the true luma and the predicted colour."""
    psnr_of_grey: float
    """dB, of the same pictures with no colour at all."""
    colorfulness: float
    colorfulness_of_truth: float
    larger_channel: float
    """Share of pixels where the larger of a* and b* is the right one: Keras calls it accuracy."""

    @property
    def flaw(self) -> float:
        """How far the colourfulness is from the truth's, and how much the PSNR falls short of 1 dB over grey."""
        return abs(self.vividness - 1) + 0.1 * max(0.0, 1 - self.gain)


@torch.inference_mode()
def score(
    network: Network, views: PhotoViews, device: torch.device, terms: Terms = lambda ab, lab: {}, batch_size: int = 32
) -> Scores:
    """`network` on the plain middle crop of every photo in `views`."""
    was_training = network.training
    network.eval()
    rows = [_score_batch(network, luma.to(device), rgb.to(device), terms) for luma, rgb in _plain(views, batch_size)]
    network.train(was_training)
    return Scores(*torch.cat(rows).mean(dim=0).tolist())


@torch.inference_mode()
def best_psnr(network: Network, views: PhotoViews) -> float:
    """dB that the network's grid and palette allow at best, mean over the photos."""
    scores = []
    for _, rgb in _plain(views, 8):
        _, lab = to_network(true_luma(rgb), rgb)
        scores.append(psnr(paint_ab(network.cpu().best_ab(lab), true_luma(rgb)), rgb.float() / 255))
    return torch.cat(scores).mean().item()


@torch.inference_mode()
def draw_sheet(network: Network, views: PhotoViews, device: torch.device, path: Path) -> None:
    """A PNG: grey, coloured and true, one column a photo."""
    was_training = network.training
    network.eval()
    columns = []
    for seen, rgb in _plain(views, 8):
        grey = seen.expand(-1, 3, -1, -1).float() / 255
        colored = paint(network, seen.to(device), true_luma(rgb).to(device)).cpu()
        columns.append(torch.cat((grey, colored, rgb.float() / 255), dim=2))
    network.train(was_training)
    sheet = torch.cat(columns).movedim(0, 2).flatten(2)
    pixels = (sheet.clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()
    write_png(path, np.ascontiguousarray(pixels[..., ::-1]))


def paint(network: Network, seen: Tensor, luma: Tensor) -> Tensor:
    """The colours that `network` gives to `seen`, put on `luma`, which is kept.

    Both (N, 1, S, S) uint8, S a multiple of the network's: the grey that it is shown, and Rec. 709 luma. They differ
    where it is trained on another grey; its colours are then judged on the luma of the truth all the same.
    Returns R′G′B′ (N, 3, S, S) in 0..1.
    """
    lightness, _ = to_network(seen, seen.expand(-1, 3, -1, -1))
    return paint_ab(network.to_ab(network(lightness)), luma)


def paint_ab(ab: Tensor, luma: Tensor) -> Tensor:
    """ab (N, 2, S, S) on luma (N, 1, S, S) uint8, which is kept -> R′G′B′ (N, 3, S, S) in 0..1."""
    brightness = luma.float() / 255
    return chroma_to_rgb(brightness, ChromaTable("709", luma.device)(brightness, ab), "709").clamp(0, 1)


def true_luma(rgb: Tensor) -> Tensor:
    """R′G′B′ (N, 3, S, S) uint8 -> Rec. 709 luma (N, 1, S, S) uint8."""
    return luma_of(rgb.float()).round().byte()


def _score_batch(network: Network, seen: Tensor, rgb: Tensor, terms: Terms) -> Tensor:
    lightness, lab = to_network(seen, rgb)
    raw = network(lightness)
    luma = true_luma(rgb)
    truth, ab = rgb.float() / 255, network.to_ab(raw)
    losses = network.loss(raw, F.avg_pool2d(lab, network.output_stride)) | terms(ab, lab)
    loss = sum(losses.values(), torch.zeros((), device=lab.device))
    colored = paint_ab(ab, luma)
    grey = (luma.float() / 255).expand_as(truth)
    return torch.stack(
        (
            loss.detach().cpu().expand(len(luma)),
            psnr(colored, truth).cpu(),
            psnr(grey, truth).cpu(),
            colorfulness(colored).cpu(),
            colorfulness(truth).cpu(),
            larger_channel(ab, lab[:, 1:]).cpu(),
        ),
        dim=1,
    )


def _plain(views: PhotoViews, batch_size: int) -> Iterator[Sequence[Tensor]]:
    everything = [View(index, None) for index in range(len(views))]
    batches = [everything[start : start + batch_size] for start in range(0, len(everything), batch_size)]
    return iter(DataLoader(views, batch_sampler=batches))
