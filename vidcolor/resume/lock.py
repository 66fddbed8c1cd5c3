"""A lock that the system lets go of when its holder dies, however it dies."""

import sys

if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def take_lock(handle: int) -> bool:
    """Lock an open file until it is closed; False where another process holds its lock.

    Raises OSError where the file system knows no locks.
    """
    try:
        _lock(handle)
    except (BlockingIOError, PermissionError):  # the latter is Windows'
        return False
    return True
