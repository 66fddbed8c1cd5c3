"""Which suffixes are those of stills and of films, and which can be written."""

from pathlib import Path

STILLS = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp"})
FILMS = frozenset({
    ".3g2", ".3gp", ".apng", ".asf", ".avi", ".divx", ".dv", ".f4v", ".flv", ".gif", ".m1v", ".m2t", ".m2ts", ".m2v",
    ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpe", ".mpeg", ".mpg", ".mts", ".mxf", ".nut", ".ogm", ".ogv",
    ".qt", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip
WRITABLE_FILMS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".ts", ".m2ts", ".mts"})


def is_still(path: Path) -> bool:
    """True where the suffix says one picture; `holds_one_picture` also looks into the file."""
    return path.suffix.lower() in STILLS


def is_animation(path: Path) -> bool:
    """True where the suffix says pictures that stand as long as each of them likes; of a still's, if it is a film."""
    return path.suffix.lower() in STILLS | {".gif", ".apng"}


def is_media(path: Path) -> bool:
    """True where the suffix says a picture or a film that is worth opening."""
    return path.suffix.lower() in STILLS | FILMS
