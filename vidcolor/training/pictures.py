"""The pictures of a run: gathered, screened, and split into those to learn from and those to score on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from vidcolor.data import PhotoViews, View
from vidcolor.photos import Photo, find_photos
from vidcolor.screening import screen
from vidcolor.training.config import TrainConfig
from vidcolor.training.feed import split_photos
from vidcolor.training.folder import RunFolder

REPEATS = 64
"""How often one picture makes an epoch, where it is the only one."""


@dataclass(frozen=True)
class Pictures:
    training: list[Photo]
    held_out: list[Photo]
    left_out: dict[str, int]
    """How many were grey, toned, tiny or broken."""

    def training_views(self, config: TrainConfig) -> PhotoViews:
        kind = PlainViews if config.overfit_one else PhotoViews
        return kind(self.training, config.size, config.seed, config.film_look, zoom=config.zoom, grey=config.grey)

    def held_out_views(self, config: TrainConfig, count: int | None = None) -> PhotoViews:
        return PhotoViews(self.held_out[:count], config.size, grey=config.grey)


class PlainViews(PhotoViews):
    """Nothing but the plain middle crop of every picture."""

    def __getitem__(self, view: View) -> tuple[Tensor, Tensor]:
        return super().__getitem__(View(view.index, None))


def gather(sources: Sequence[Path], folder: RunFolder, config: TrainConfig) -> Pictures:
    """Raises InputError where no colour picture is found."""
    screened = screen(
        find_photos(sources, folder.frames, leave_out=folder.path), folder.verdicts, workers=config.workers
    )
    if config.overfit_one:
        return Pictures(screened.photos[:1] * REPEATS, screened.photos[:1], screened.left_out)
    training, held_out = split_photos(screened.photos, config.held_out, config.seed, config.held_out_share)
    return Pictures(training, held_out, screened.left_out)
