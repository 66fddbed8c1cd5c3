"""Being told to stop, by Ctrl-C, by SIGTERM or by a terminal that closes, cleans up, and undisturbed."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from vidcolor.cli.exits import HUNG_UP, INTERRUPTED, TERMINATED

_CODES = {"SIGHUP": HUNG_UP, "SIGINT": INTERRUPTED, "SIGTERM": TERMINATED}
"""Signal, where the system has it, to exit code: 128 and its number, as shells have it."""


class Stopped(KeyboardInterrupt):
    """Raised where the program is when a signal arrives."""

    def __init__(self, exit_code: int) -> None:
        super().__init__()
        self.exit_code = exit_code


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """What to exit with."""
    return interrupt.exit_code if isinstance(interrupt, Stopped) else INTERRUPTED


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Within, the first of these signals raises Stopped; not those that somebody ignores (nohup) or handles."""
    before: dict[int, Any] = {}

    def stop(number: int, frame: object) -> None:
        for heeded in before:
            signal.signal(heeded, signal.SIG_IGN)  # the clean-up is not to be disturbed
        raise Stopped(_CODES[signal.Signals(number).name])

    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in _CODES if hasattr(signal, name)]
        before = {number: signal.signal(number, stop) for number in numbers if _is_free(number)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_free(number: int) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)
