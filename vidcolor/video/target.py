"""The file to be written: what may hinder it, before and while it is written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from av import FFmpegError

from vidcolor.errors import OutputError
from vidcolor.files import check_place
from vidcolor.video.source import reason


def check_target(target: Path, source: Path, overwrite: bool) -> None:
    """Raise OutputError before anything is created: same file, existing file, missing or unwritable folder."""
    with translated(target):
        check_place(target)
        if target.exists() and source.exists() and target.samefile(source):
            raise OutputError(f"{target}: is the input itself, choose another name")
        if os.path.lexists(target) and not overwrite:
            what = "exists already" if target.exists() else "is a link to what is not there"
            raise OutputError(f"{target}: {what}, choose another name or allow overwriting")
        if not os.access(target.parent, os.W_OK):
            raise OutputError(f"{target}: the folder {target.parent} cannot be written to")


@contextmanager
def translated(target: Path) -> Iterator[None]:
    """What the encoder, the muxer or the disk raises within becomes OutputError."""
    try:
        yield
    except (FFmpegError, OSError) as error:
        words = reason(error) if isinstance(error, FFmpegError) else error.strerror
        raise OutputError(f"{target}: cannot be written ({words})") from error
