"""Which files are stills, which are films and which can be written: decided by suffix alone."""

from pathlib import Path

STILLS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
FILMS = frozenset({
    ".3g2", ".3gp", ".apng", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".m1v", ".m2t", ".m2ts", ".m2v",
    ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm", ".ogv",
    ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip
WRITABLE_FILMS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".ts", ".m2ts", ".mts"})
WRITABLE = WRITABLE_FILMS | STILLS
"""Suffixes that `open_writer` takes as a target."""


def is_still(path: Path) -> bool:
    """True where the suffix says one picture (animated .gif and .apng count as films)."""
    return path.suffix.lower() in STILLS


def is_media(path: Path) -> bool:
    """True where the suffix says a picture or a film that is worth opening."""
    return path.suffix.lower() in STILLS | FILMS
