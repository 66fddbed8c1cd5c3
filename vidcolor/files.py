"""Files that are whole or absent, and the folders they go into."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

from vidcolor.errors import OutputError


class Partial:
    """A hidden file beside the target, with its suffix, that `keep` puts in the target's place."""

    def __init__(self, target: Path, overwrite: bool, path: Path | None = None) -> None:
        """`overwrite`: whether it may replace what lies under the target's name by then; `path`: another place."""
        self.target, self._overwrite = target, overwrite
        self.path = path or target.with_name(f".{_short(target)}.partial-{secrets.token_hex(4)}{target.suffix}")
        self.kept_as: Path | None = None
        """The name that it has in the end."""

    def keep(self) -> None:
        """Give the finished file its name, replacing an older one in one step. Raises OutputError.

        It lies on the disk before it has the name: some file systems tell only now that there was no room. Where a file
        that may not be replaced came to that name while this one was made, it gets a free name instead, which the error
        tells.
        """
        try:
            flush(self.path)
            name = self.target if self._overwrite else _free_name(self.target)
            os.replace(self.path, name)
        except OSError as error:
            raise _unwritable(self.target, error) from error
        self.kept_as = name
        if name != self.target:
            raise OutputError(f"{self.target}: came to be while this was made and was left alone; it is in {name.name}")

    def discard(self) -> None:
        """Delete what was written; nothing to do where nothing was, or where the folder may no longer be changed."""
        with suppress(OSError):
            self.path.unlink()


def check_place(target: Path) -> None:
    """Raise OutputError where there is no folder to write the target into, or it is one itself."""
    if not target.parent.is_dir():
        raise OutputError(f"{target}: the folder {target.parent} does not exist, create it first")
    if target.is_dir():
        raise OutputError(f"{target}: is a folder, give a file name")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """What `write` writes to the file that it is given, whole or not at all. Raises OutputError."""
    partial = Partial(path, overwrite=True)
    try:
        write(partial.path)
        partial.keep()
    except (OSError, RuntimeError) as error:  # torch.save has a RuntimeError for a full disk
        raise _unwritable(path, error) from error
    finally:
        partial.discard()


def write_bytes(path: Path, data: bytes) -> None:
    """Whole or not at all. Raises OutputError."""
    write_whole(path, lambda partial: partial.write_bytes(data))


def make_folder(folder: Path) -> None:
    """With all above it, unless it is there. Raises OutputError where it cannot be made or written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror}); choose another output") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: cannot be written to; choose another output")


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


def _free_name(target: Path) -> Path:
    """The target, or film-2.mp4 and so on for film.mp4 where that exists."""
    names = (target.with_stem(f"{_short(target)}-{number}") for number in count(2))
    return next(name for name in chain([target], names) if not os.path.lexists(name))


def _short(target: Path) -> str:
    """Its stem, cut so that with something added the name stays within the file systems' 255 bytes."""
    return target.stem.encode("utf-8", "ignore")[:120].decode("utf-8", "ignore")


def _unwritable(path: Path, error: OSError | RuntimeError) -> OutputError:
    if isinstance(error, OSError) and error.strerror:
        return OutputError(f"{path}: cannot be written ({error.strerror})")
    return OutputError(f"{path}: cannot be written ({str(error).splitlines()[0]}); check the free space")
