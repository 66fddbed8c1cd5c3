"""The file to be written: it appears whole under its name, or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
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

    def __init__(self, target: Path) -> None:
        self.target = target
        # Long names are cut so that the hidden one stays within the file system's limit.
        self.path = target.with_name(f".{target.stem[:60]}.partial-{secrets.token_hex(4)}{target.suffix}")

    def save(self, image: Image.Image, **options: Any) -> None:
        """Write a picture, encoded in memory: where Pillow writes JPEG and TIFF itself, a full disk goes unnoticed."""
        data = BytesIO()
        image.save(data, format=Image.registered_extensions()[self.target.suffix.lower()], **options)
        self.path.write_bytes(data.getvalue())

    def keep(self) -> None:
        """Give the finished file its name, replacing an older one in one step. Raises OutputError.

        It lies on the disk before it has the name: some file systems tell only now that there was no room.
        """
        try:
            with self.path.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(self.path, self.target)
        except OSError as error:
            raise OutputError(f"{self.target}: cannot be written ({error.strerror})") from error

    def discard(self) -> None:
        """Delete what was written; nothing to do where nothing was, or where the folder may no longer be changed."""
        with suppress(OSError):
            self.path.unlink()


@contextmanager
def translated(target: Path) -> Iterator[None]:
    """What the encoder, the muxer or the disk raises within becomes OutputError."""
    try:
        yield
    except (FFmpegError, OSError) as error:
        words = reason(error) if isinstance(error, FFmpegError) else error.strerror
        raise OutputError(f"{target}: cannot be written ({words})") from error
