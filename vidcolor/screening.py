"""Pictures that cannot teach colour are left out: grey or toned ones, tiny ones, and what is no picture at all."""

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from vidcolor.errors import InputError
from vidcolor.files import write_bytes
from vidcolor.photos import LEAST_SIDE, Photo, Picture
from vidcolor.tones import Colorfulness, measure_colors

LEAST_CHROMA = 5.5
"""Mean C*ab under which a picture is grey. Of the shrunken picture that is judged; of the whole one it is about 6."""
LEAST_SPREAD = 2.8
"""Spread of a*b* at one lightness under which a picture is toned; JPEG makes up to 2.7 of sepia."""
LEAST_VARIETY = 0.1
"""Spread by mean chroma under which it is toned as well, however strong the tint."""
JUDGED_SIDE = 64
"""Pixels of the short side at which colours are judged; noise and fine texture are averaged away."""


@dataclass(frozen=True)
class Screened:
    photos: list[Photo]
    """In the order in which they came."""
    left_out: dict[str, int]
    """Reason -> how many: "grey", "toned", "tiny", "broken"."""


def screen(photos: Sequence[Photo], kept: Path | None = None, *, workers: int = 0) -> Screened:
    """The photos that show colours. Raises InputError where none does.

    `kept` is a JSON file of earlier verdicts, read and written anew: no photo in it is looked at again while its file
    stays as it is. `workers` threads look at the others.
    """
    known = _recall(kept) if kept else {}
    keys = _keys(photos)
    fresh = [(key, photo) for key, photo in zip(keys, photos, strict=True) if key not in known]
    with ThreadPoolExecutor(max(1, workers)) as pool:
        known.update(zip((key for key, _ in fresh), pool.map(judge, (photo for _, photo in fresh)), strict=True))
    if kept and fresh:
        write_bytes(kept, json.dumps(known, indent=0).encode())
    verdicts = [known[key] for key in keys]
    left_out = dict(Counter(verdict for verdict in verdicts if verdict).most_common())
    colored = [photo for photo, verdict in zip(photos, verdicts, strict=True) if not verdict]
    if not colored:
        counts = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise InputError(f"no colour pictures among {len(photos)}: {counts}; train on colour photos or colour films")
    return Screened(colored, left_out)


def judge(photo: Photo) -> str:
    """Why the photo is left out, "" where it is not.

    It is decoded at a quarter of its size, which of a JPEG costs a fraction, and whole only where that leaves its true
    size in doubt.
    """
    try:
        picture = photo.decode(quartered=True)
        if picture is None or min(picture.shape[:2]) <= LEAST_SIDE // 4:
            picture = photo.decode()
            if picture is not None and min(picture.shape[:2]) < LEAST_SIDE:
                return "tiny"
    except (OSError, InputError):
        picture = None
    return "broken" if picture is None else judge_colors(picture)


def judge_colors(picture: Picture) -> str:
    """ "grey", "toned" or "" for (H, W, 3) uint8 RGB."""
    colors = colors_of(picture)
    if colors.chroma < LEAST_CHROMA:
        return "grey"
    return "toned" if colors.spread < max(LEAST_SPREAD, LEAST_VARIETY * colors.chroma) else ""


def colors_of(picture: Picture) -> Colorfulness:
    """Of (H, W, 3) uint8 RGB, shrunken to JUDGED_SIDE."""
    scale = min(1.0, JUDGED_SIDE / min(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return measure_colors(np.divide(small, 255, dtype=np.float32))


def _recall(kept: Path) -> dict[str, str]:
    """Photo's key -> verdict; nothing where there is no such file yet, or a spoilt one."""
    try:
        known = json.loads(kept.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) and all(isinstance(verdict, str) for verdict in known.values()) else {}


def _keys(photos: Sequence[Photo]) -> list[str]:
    """What tells each photo from all others, and from a later state of its file."""
    states = {path: _state(path) for path in {photo.path for photo in photos}}
    return [f"{photo.path.absolute()}|{states[photo.path]}|{photo.offset}" for photo in photos]


def _state(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size}|{stat.st_mtime_ns}"
