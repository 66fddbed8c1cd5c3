"""Run an iterator a few items ahead of its consumer, in a thread of its own."""

from collections.abc import Generator, Iterable
from queue import Full, Queue
from threading import Event, Thread
from typing import Any, TypeVar

import torch

T = TypeVar("T")
_END = object()


def prefetch(items: Iterable[T], ahead: int = 2, processors: int = 1) -> Generator[T]:
    """The same items in the same order, `ahead` of them ready.

    torch computes with `processors` threads in that thread: its own wait for each other awake, and would take from the
    codecs what they do not use.

    What `items` raises is raised here, at its place. Closing this generator stops and joins the thread, and closes
    `items`.
    """
    queue: Queue[Any] = Queue(ahead)
    usual = torch.get_num_threads()
    stopped = Event()
    thread = Thread(
        target=_fill, args=(iter(items), queue, stopped, processors, usual), name="vidcolor-prefetch", daemon=True
    )
    try:
        thread.start()
        while (item := queue.get()) is not _END:
            if isinstance(item, _Raised):
                raise item.error
            yield item
    finally:
        stopped.set()
        if thread.ident is not None:
            thread.join()


class _Raised:
    def __init__(self, error: BaseException):
        self.error = error


def _fill(items: Any, queue: "Queue[Any]", stopped: Event, processors: int, usual: int) -> None:
    torch.set_num_threads(processors)
    try:
        for item in items:
            if not _put(item, queue, stopped):
                return
        _put(_END, queue, stopped)
    except BaseException as error:  # handed to the consumer, who raises it
        _put(_Raised(error), queue, stopped)
    finally:
        if hasattr(items, "close"):
            items.close()
        torch.set_num_threads(usual)  # threads that begin later take over what was set last


def _put(item: Any, queue: "Queue[Any]", stopped: Event) -> bool:
    """Wait for room, but not longer than somebody listens."""
    while not stopped.is_set():
        try:
            queue.put(item, timeout=0.05)
            return True
        except Full:
            continue
    return False
