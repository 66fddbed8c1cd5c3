"""Who is at work on a target: a lock that the system lets go of when its holder dies, however it dies."""

import sys
from pathlib import Path
from typing import BinaryIO

from vidcolor.errors import OutputError
from vidcolor.files import flush_folder
from vidcolor.resume.folder import folder_of, lock_of
from vidcolor.video import translated

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def hold(target: Path) -> BinaryIO:
    """Make the hidden folder of a target, if need be, and its lock, which is held until it is closed.

    Raises OutputError where the folder cannot be made or another process is at work on the target.
    """
    folder = folder_of(target)
    with translated(target):
        folder.mkdir(exist_ok=True)
        flush_folder(target.parent)
        lock = lock_of(target).open("ab")
        if take_lock(lock.fileno()):
            return lock
    lock.close()
    raise OutputError(f"{target}: another process is at work on it; wait for it, or choose another name")


def take_lock(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process holds its lock.

    Raises OSError where the file system knows no locks.
    """
    try:
        _lock(handle)
    except (BlockingIOError, PermissionError):  # the latter is Windows'
        return False
    return True
