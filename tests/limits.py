"""Less room than there is, for real."""

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
