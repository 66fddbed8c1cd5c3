"""The hidden folder beside an output in which what is finished of it lies, safe on the disk."""

import hashlib
import os
from pathlib import Path

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


def is_whole(target: Path) -> bool:
    """Whether the target is there and no run of it is left to be finished."""
    return target.exists() and not journal_of(target).exists() and not plan_of(target).exists()


def flush(file: Path) -> None:
    """Make sure that its content survives a power cut."""
    with file.open("rb+") as stream:
        os.fsync(stream.fileno())


def flush_folder(folder: Path) -> None:
    """Make sure that the names in it survive a power cut."""
    if os.name == "nt":  # which cannot open folders, and needs not
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
