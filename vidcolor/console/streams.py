"""Where it is said: messages on stderr, results on stdout."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console

from vidcolor.errors import OutputError


class _Messages(Console):
    """Stderr. The work goes on where nobody listens: the pipe or the terminal is gone, or the disk of the log full."""

    def __exit__(self, *error: Any) -> None:
        try:
            super().__exit__(*error)
        except OSError:
            _drop(sys.stderr)

    def on_broken_pipe(self) -> None:
        """Called by rich where it has caught the error, to end the program."""
        raise


stderr = _Messages(stderr=True, highlight=False)


class _Results(Console):
    """Stdout. Raises OutputError where nobody takes what is printed."""

    def print(self, *lines: Any, **options: Any) -> None:
        with _taken():
            super().print(*lines, **options)
            self.file.flush()

    def on_broken_pipe(self) -> None:
        """Called by rich where it has caught the error, to end the program."""
        raise


stdout = _Results(highlight=False)


def print_json(value: Any) -> None:
    """A dataclass, or anything made of them, as indented JSON on stdout. Raises OutputError where nobody takes it."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=_plain)
    with _taken():
        print(text.encode("utf-8", "backslashreplace").decode(), flush=True)  # a file's name need not be Unicode


@contextmanager
def _taken() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _drop(sys.stdout)
        raise OutputError(f"the report cannot be printed ({error.strerror}); the work itself is done") from None


def _drop(stream: TextIO) -> None:
    """From now on nothing is written to it, not even what is still in its buffer, which would raise once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Fraction):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
