"""Being told to stop, by Ctrl-C, by SIGTERM or by a terminal that closes, cleans up, and undisturbed."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from vidcolor.cli.exits import HUNG_UP, INTERRUPTED, TERMINATED

T = TypeVar("T")

_CODES = {"SIGHUP": HUNG_UP, "SIGINT": INTERRUPTED, "SIGTERM": TERMINATED}
"""Signal, where the system has it, to exit code: 128 and its number, as shells have it."""
PATIENCE = 10.0
"""Seconds for which the clean-up is not to be disturbed."""
PAUSE = 0.05
"""Seconds until it is looked again whether an import is over."""


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
    """Within, the first of these signals raises Stopped; not those that somebody ignores (nohup) or handles.

    One that comes amid an import waits for its end. Others are heard again after PATIENCE: what is raised may be lost
    where C code or a destructor calls Python.
    """
    before: dict[int, Any] = {}
    if threading.current_thread() is threading.main_thread():
        before = _hand_over((signal.SIG_DFL, signal.default_int_handler), _stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stopped_between_steps(show: Callable[[T], None]) -> Iterator[Callable[[T], None]]:
    """Yields a callback for the end of every step, which does what `show` does.

    From the first step on, what `stopped_by_signals` heeds raises Stopped there and not amid a step, so that the state
    can be kept. A second signal does not wait.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        _hand_over((ask,), _stop)

    def on_step(progress: T) -> None:
        show(progress)
        if asked:
            raise Stopped(_code_of(asked[0]))
        _hand_over((_stop,), ask)

    try:
        yield on_step
    finally:
        _hand_over((ask,), _stop)


def _stop(number: int, frame: FrameType | None) -> None:
    if _is_importing(frame):
        later = threading.Timer(PAUSE, signal.raise_signal, [number])
        later.daemon = True
        later.start()
        return
    heard = time.monotonic()

    def stop_again(number: int, frame: FrameType | None) -> None:
        if time.monotonic() - heard >= PATIENCE:
            _hand_over((stop_again,), _stop)
            _stop(number, frame)

    _hand_over((_stop,), stop_again)
    raise Stopped(_code_of(number))


def _is_importing(frame: FrameType | None) -> bool:
    """Whether the program is amid an import, which an exception may leave half done: torch's own even loses it."""
    while frame is not None and (module := frame.f_globals.get("__name__")) != "vidcolor.cli":
        if module == "importlib._bootstrap":
            return True
        frame = frame.f_back
    return False


def _hand_over(handlers: tuple[Any, ...], new: Any) -> dict[int, Any]:
    """Let `new` handle the signals that one of `handlers` does. Returns what handled each of them."""
    numbers = [getattr(signal, name) for name in _CODES if hasattr(signal, name)]
    return {number: signal.signal(number, new) for number in numbers if signal.getsignal(number) in handlers}


def _code_of(number: int) -> int:
    return _CODES[signal.Signals(number).name]
