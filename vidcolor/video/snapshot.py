"""A finished picture, saved as it is."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vidcolor.errors import OutputError
from vidcolor.files import Partial
from vidcolor.video.pillow import save_picture
from vidcolor.video.suffixes import STILLS
from vidcolor.video.target import check_target

_QUALITY = {".jpg": 92, ".jpeg": 92, ".webp": 92}
_LONGEST_SIDE = {".jpg": 65500, ".jpeg": 65500, ".webp": 16383}


def check_snapshot(target: Path, source: Path, overwrite: bool) -> None:
    """Raise OutputError before any work is done: what `check_target` finds, or a suffix of no picture."""
    check_target(target, source, overwrite)
    if target.suffix.lower() not in STILLS:
        raise OutputError(f"{target}: {target.suffix or 'no suffix'} is no picture, use .png or .jpg")


def check_snapshot_size(target: Path, height: int, width: int) -> None:
    """Raise OutputError for more pixels on a side than the format has."""
    most = _LONGEST_SIDE.get(target.suffix.lower(), max(height, width))
    if max(height, width) > most:
        raise OutputError(f"{target}: {width}x{height} is more than the {most} pixels that its format has: use .png")


def save_snapshot(target: Path, pixels: NDArray[np.uint8], overwrite: bool) -> None:
    """Save (H, W, 3) R′G′B′, whole or not at all. Raises OutputError."""
    partial = Partial(target, overwrite)
    try:
        save_picture(partial.path, Image.fromarray(pixels), quality=_QUALITY.get(target.suffix.lower(), 100))
        partial.keep()
    except (OSError, ValueError) as error:
        raise OutputError(f"{target}: cannot be written ({getattr(error, 'strerror', None) or error})") from error
    finally:
        partial.discard()
