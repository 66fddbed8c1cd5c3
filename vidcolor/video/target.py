"""The file to be written: it appears whole under its name, or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Any

from av import FFmpegError
from PIL import Image

from vidcolor.errors import OutputError
from vidcolor.video.source import reason


def check_target(target: Path, source: Path, overwrite: bool) -> None:
    """Raise OutputError before anything is created: same file, existing file, missing or unwritable folder."""
    with translated(target):
        folder = target.parent
        if not folder.is_dir():
            raise OutputError(f"{target}: the folder {folder} does not exist, create it first")
        if target.is_dir():
            raise OutputError(f"{target}: is a folder, give a file name")
        if target.exists() and target.samefile(source):
            raise OutputError(f"{target}: is the input itself, choose another name")
        if target.exists() and not overwrite:
            raise OutputError(f"{target}: exists already, choose another name or allow overwriting")
        if not os.access(folder, os.W_OK):
            raise OutputError(f"{target}: the folder {folder} cannot be written to")


class Partial:
    """A hidden file beside the target, with its suffix, that `keep` puts in the target's place."""

    def __init__(self, target: Path, overwrite: bool, path: Path | None = None) -> None:
        """`overwrite`: whether it may replace what lies under the target's name by then; `path`: another place."""
        self.target, self._overwrite = target, overwrite
        # Long names are cut so that the hidden one stays within the file system's limit.
        self.path = path or target.with_name(f".{target.stem[:60]}.partial-{secrets.token_hex(4)}{target.suffix}")
        self.kept_as: Path | None = None
        """The name that it has in the end."""

    def save(self, image: Image.Image, **options: Any) -> None:
        """Write a picture, encoded in memory: where Pillow writes JPEG and TIFF itself, a full disk goes unnoticed."""
        data = BytesIO()
        image.save(data, format=Image.registered_extensions()[self.target.suffix.lower()], **options)
        self.path.write_bytes(data.getvalue())

    def keep(self) -> None:
        """Give the finished file its name, replacing an older one in one step. Raises OutputError.

        It lies on the disk before it has the name: some file systems tell only now that there was no room. Where a file
        that may not be replaced came to that name while this one was made, it gets a free name instead, which the error
        tells.
        """
        with translated(self.target):
            with self.path.open("rb+") as file:
                os.fsync(file.fileno())
            name = self.target if self._overwrite else _free_name(self.target)
            os.replace(self.path, name)
        self.kept_as = name
        if name != self.target:
            raise OutputError(f"{self.target}: came to be while this was made and was left alone; it is in {name.name}")

    def discard(self) -> None:
        """Delete what was written; nothing to do where nothing was, or where the folder may no longer be changed."""
        with suppress(OSError):
            self.path.unlink()


def _free_name(target: Path) -> Path:
    """The target, or film-2.mp4 and so on for film.mp4 where that exists."""
    names = (target.with_stem(f"{target.stem[:60]}-{number}") for number in count(2))
    return next(name for name in chain([target], names) if not os.path.lexists(name))


@contextmanager
def translated(target: Path) -> Iterator[None]:
    """What the encoder, the muxer or the disk raises within becomes OutputError."""
    try:
        yield
    except (FFmpegError, OSError) as error:
        words = reason(error) if isinstance(error, FFmpegError) else error.strerror
        raise OutputError(f"{target}: cannot be written ({words})") from error
