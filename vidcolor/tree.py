"""What lies in a folder or an archive for people to see: half-written files and macOS' companions are hidden."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath

from vidcolor.errors import InputError

RUN_STATE, RUN_SETTINGS = "state.pt", "config.toml"
"""Side by side they tell the folder of a training run."""


def refuse_missing(sources: Iterable[Path]) -> None:
    """Raise InputError for the first that is not there."""
    for source in sources:
        if not source.exists():
            raise InputError(f"{source}: no such file or folder")


def walk(folder: Path) -> Iterator[Path]:
    """Files and folders below the folder to the bottom, sorted, but none that is hidden or lies in a hidden one."""
    return (path for path in sorted(folder.rglob("*")) if not is_hidden(path.relative_to(folder)))


def walk_originals(folder: Path) -> Iterator[Path]:
    """The same but for what lies in the folders of training runs below: pictures that are made of others."""
    paths = list(walk(folder))
    states = [path for path in paths if path.name == RUN_STATE and (path.parent / RUN_SETTINGS).exists()]
    runs = {path.parent for path in states} - {folder}
    return (path for path in paths if runs.isdisjoint(path.parents))


def is_locked(path: Path) -> bool:
    """Whether it is a folder that may not be looked into."""
    return os.path.isdir(path) and not os.access(path, os.R_OK | os.X_OK)


def is_hidden(place: PurePath) -> bool:
    """Whether a name on the way begins with a dot, like `.film.mp4.vidcolor/whole.mp4` and `__MACOSX/._cat.jpg`."""
    return any(name.startswith(".") and name != ".." for name in place.parts)
