"""Everything vidcolor raises on purpose.

VidcolorError
├── InputError              the source cannot be read as pictures
├── OutputError             the target cannot be written
├── DeviceError             the device asked for is not there, or its memory does not suffice
├── ConfigError             settings that do not fit together
└── CheckpointError         a model file cannot be used
    ├── UnknownModel
    ├── DamagedCheckpoint
    └── MismatchedCheckpoint

Every message is one line: what failed, on which value, what to do about it.
"""

import contextlib
import os
from collections import abc


class VidcolorError(Exception):
    """Root of the tree; `cli` turns it into one line and exit code 1."""

    def __str__(self) -> str:
        """One line that any terminal prints, whatever the name of a file holds."""
        return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in super().__str__())


class InputError(VidcolorError):
    """The source is missing, empty, not a picture or not decodable."""


class OutputError(VidcolorError):
    """The target exists, cannot be written or refuses the format."""


class DeviceError(VidcolorError):
    """The device asked for does not exist on this machine, or has not memory enough for one frame."""


class ConfigError(VidcolorError):
    """A setting is unknown, out of range or contradicts another."""


class CheckpointError(VidcolorError):
    """A model file cannot be used."""


class UnknownModel(CheckpointError):
    """Neither a released model nor a file."""


class DamagedCheckpoint(CheckpointError):
    """The file is truncated, pickled or otherwise not a vidcolor checkpoint."""


class MismatchedCheckpoint(CheckpointError):
    """The file is sound but belongs to another network or another version."""


@contextlib.contextmanager
def worded(about: os.PathLike[str] | None = None) -> abc.Iterator[None]:
    """What the system refuses within, and nobody nearer by has put in words, becomes a VidcolorError.

    `about` is the file it is about where the system names none, as it does not where a disk fails in the middle of one.
    """
    try:
        yield
    except OSError as error:
        name = about if error.filename is None else error.filename
        if name is None:
            raise
        raise VidcolorError(f"{name}: {error.strerror or error}") from error
