"""The hidden folder beside an output in which what is finished of it lies, safe on the disk."""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from vidcolor.errors import ConfigError, OutputError
from vidcolor.files import Partial, flush, flush_folder

LONGEST_NAME = 200
"""Bytes of a target's name that its folder takes over; file systems end at 255."""


def folder_of(target: Path) -> Path:
    """Where it is, or would be."""
    name = target.name
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f"{name[:40]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"
    return target.with_name(f".{name}.vidcolor")


def journal_of(target: Path) -> Path:
    """The file in it that says what one process has finished."""
    return folder_of(target) / "journal.json"


def plan_of(target: Path) -> Path:
    """The file in it that says what several processes are at."""
    return folder_of(target) / "windows.json"


def lock_of(target: Path) -> Path:
    """The file in it that a process at work on the target, or one of several, holds locked."""
    return folder_of(target) / "lock"


def is_whole(target: Path) -> bool:
    """Whether the target is there and no run of it is left to be finished."""
    return target.exists() and not journal_of(target).exists() and not plan_of(target).exists()


def discard(target: Path) -> None:
    """Delete the folder, in one step as far as a run to come can tell. What a kill leaves goes with the next one."""
    folder = folder_of(target)
    done = folder.with_name(f"{folder.name}.done")
    shutil.rmtree(done, ignore_errors=True)
    with suppress(OSError):  # Windows moves no folder of which a file is open
        os.replace(folder, done)
    for left in (done, folder):
        shutil.rmtree(left, ignore_errors=True)


def made_otherwise(target: Path, changed: str) -> ConfigError:
    """What there is to say where what is finished of the target belongs to another job."""
    return ConfigError(
        f"{target}: what {folder_of(target).name} keeps of it was made otherwise ({changed}); "
        f"run it as before, or delete that folder to start anew"
    )


def left_behind(target: Path) -> OutputError:
    """What there is to say where another run has made the target since a stopped one began to."""
    return OutputError(
        f"{target}: exists already, and {folder_of(target).name} keeps what a stopped run has finished of another; "
        f"go on with --overwrite, or delete that folder to leave the file as it is"
    )


class JoinedFilm(Partial):
    """The film while its parts are joined, in their folder. It is safe on the disk before it gets its name."""

    def __init__(self, target: Path, overwrite: bool, on_ready: Callable[[], None]) -> None:
        """`on_ready` notes that it is whole: from then on what lies under the target's name may be this film."""
        super().__init__(target, overwrite, folder_of(target) / f"whole{target.suffix}")
        self._on_ready = on_ready

    def keep(self) -> None:
        flush(self.path)
        self._on_ready()
        try:
            super().keep()
        finally:
            flush_folder(self.target.parent)
