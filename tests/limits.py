"""Less room than there is and fewer rights, for real."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes: write(2) says EFBIG, as it says ENOSPC on a full disk."""
    resource = pytest.importorskip("resource", reason="limits are POSIX's")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def held_to_permissions() -> list[str]:
    """What a command is begun with to be refused what its permissions say: root's are not asked for."""
    if os.geteuid() != 0:
        return []
    if not (setpriv := shutil.which("setpriv")):
        pytest.skip("no setpriv to take root's privileges away")
    return [setpriv, "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]
