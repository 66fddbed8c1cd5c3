"""A film at a glance, before one commits to a long run: moments of it on one sheet, grey above coloured."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from vidcolor.color import chroma_to_rgb, read_chroma, read_luma
from vidcolor.colorizer import Colorizer
from vidcolor.errors import ConfigError, InputError
from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.sheet import Pair, Picture, draw_sheet, sheet_size
from vidcolor.upsample import Upsampler
from vidcolor.video import (
    USUAL,
    Limits,
    StillReader,
    VideoReader,
    check_snapshot,
    check_snapshot_size,
    open_reader,
    save_snapshot,
)

LONGEST_SIDE = 480
"""Of a picture on the sheet, in pixels; smaller films keep their size."""


@dataclass(frozen=True)
class PreviewReport:
    """What is on a sheet."""

    source: str
    target: str
    moments: tuple[float, ...]
    """Seconds into the film, one for each column."""
    seconds: float
    """Of work, not of film."""
    model: str
    device: str
    warnings: tuple[str, ...] = ()
    """What is not as it was asked for: of the model, and places without a frame or with a damaged one."""
    unused_references: tuple[str, ...] = ()
    """Those that show nothing that the sheet shows."""


def preview(
    source: Path | str,
    target: Path | str,
    colorizer: Colorizer,
    *,
    count: int = 8,
    saturation: float = 1.0,
    overwrite: bool = False,
    limits: Limits = USUAL,
) -> PreviewReport:
    """Colour `count` moments of a film, evenly spaced, onto one picture, which appears whole or not at all.

    Only their key frames are decoded, so the film's length does not matter; every moment is coloured as a shot of its
    own. Short films have fewer. A still gives one column. Raises InputError, OutputError or ConfigError.
    """
    if count < 1:
        raise ConfigError(f"a sheet needs at least 1 moment, got {count}")
    source, target, started = Path(source), Path(target), time.monotonic()
    with open_reader(source, limits=limits) as reader:
        check_snapshot(target, source, overwrite)
        check_snapshot_size(target, *sheet_size(_expected(reader, count), *reader.turn.size(*_tile_size(reader))))
        colorizer = colorizer.suited_to(reader.turn, reader.pixel_aspect, saturation)
        pairs = list(_pairs(reader, colorizer, count, saturation))
        if not pairs:
            raise InputError(f"{source}: not one moment decodes, the file is damaged")
        save_snapshot(target, draw_sheet(pairs), overwrite)
        return PreviewReport(
            source=str(source),
            target=str(target),
            moments=tuple(float(pair.seconds or 0) for pair in pairs),
            seconds=time.monotonic() - started,
            model=colorizer.meta.name,
            device=colorizer.place,
            warnings=(
                *colorizer.warnings,
                *reader.warnings,
                *_warnings(reader, _expected(reader, count) - len(pairs)),
            ),
            unused_references=colorizer.references.unused,
        )


def _pairs(reader: VideoReader | StillReader, colorizer: Colorizer, count: int, saturation: float) -> Iterator[Pair]:
    planes = reader.info.planes
    written = PlaneFormat(8, True, planes.matrix)
    colored = colorizer.stream(_as_shots(reader.moments(count)), planes)
    for batch in Upsampler(planes, written, saturation).stream(colored):
        yield _pair(batch, reader, written)


def _expected(reader: VideoReader | StillReader, count: int) -> int:
    """Moments there will be, as far as the header knows."""
    return min(count, reader.info.frame_count or count)


def _warnings(reader: VideoReader | StillReader, missing: int) -> Iterator[str]:
    if missing > 0:
        yield f"moments without a frame of their own: {missing}"
    for loss in dict.fromkeys(map(str, reader.losses)):
        yield f"damaged at {loss}"


def _as_shots(batches: Iterable[FrameBatch]) -> Iterator[FrameBatch]:
    """Every frame the first of its shot, so that none takes on the colours of another."""
    for batch in batches:
        yield replace(batch, first_of_shot=(True,) * len(batch))


def _pair(batch: FrameBatch, reader: VideoReader | StillReader, written: PlaneFormat) -> Pair:
    """The frame of a batch at the size it has on the sheet, upright and with square pixels."""
    assert batch.chroma is not None
    size = _tile_size(reader)
    luma = _resize(read_luma(batch.luma, reader.info.planes), size)
    chroma = _resize(read_chroma(batch.chroma.cpu(), written), size)
    grey, colored = luma.expand(-1, 3, -1, -1), chroma_to_rgb(luma, chroma, written.matrix)
    seconds = None if isinstance(reader, StillReader) else batch.pts[0] * reader.info.time_base
    return Pair(_pixels(reader.turn.upright(grey)), _pixels(reader.turn.upright(colored)), seconds)


def _tile_size(reader: VideoReader | StillReader) -> tuple[int, int]:
    """(h, w) as stored of a picture on the sheet."""
    height, width = Fraction(reader.info.height), reader.info.width * reader.pixel_aspect
    scale = min(Fraction(1), LONGEST_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resize(plane: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(plane, size, mode="bilinear", antialias=True)


def _pixels(rgb: Tensor) -> Picture:
    """(1, 3, H, W) in 0..1 -> (H, W, 3) uint8."""
    pixels: Picture = (rgb[0].clamp(0, 1) * 255).round().byte().movedim(0, -1).numpy()
    return pixels
