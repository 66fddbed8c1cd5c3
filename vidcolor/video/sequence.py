"""Numbered pictures that are the frames of one film, named as FFmpeg names them: scan/%06d.tif.

`@18` behind the name says 18 frames a second; 24 where nothing is said.
"""

import os
import re
from collections.abc import Iterable
from collections.abc import Sequence as Listed
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from vidcolor.errors import InputError

USUAL_RATE = Fraction(24)
FASTEST = 300
_NAME = re.compile(r"(?P<head>.*)%(?:0(?P<width>\d))?d(?P<tail>[^@]*)(?:@(?P<rate>[^@]*))?")
_NUMBERED = re.compile(r"(.*?)(\d{1,9})(\.[^.]*)")
_NTSC = Fraction(1000, 1001)
"""By which television in America is slower than what its rates are called."""
_AS_CALLED = 0.005
"""How far a rate with two decimals may be from the one that is meant."""


@dataclass(frozen=True)
class Sequence:
    """The pictures that a name stands for. Made by `find_sequence`."""

    folder: Path
    head: str
    width: int
    """Digits that a number has at least."""
    tail: str
    rate: Fraction
    """Frames a second."""

    @property
    def title(self) -> str:
        """For a file that is made of it."""
        return self.head.strip("._- ") or self.folder.resolve().name

    @property
    def pattern(self) -> str:
        """As FFmpeg's image2 takes it."""
        before = f"{self.folder}{os.sep}{self.head}".replace("%", "%%")
        return f"{before}%0{self.width}d{self.tail.replace('%', '%%')}"

    @cached_property
    def numbers(self) -> range:
        """Of the first picture to the last. Raises InputError where there is none, or one is missing between."""
        found = sorted(self._found())
        if not found:
            raise InputError(f"{self.folder / self._file(1)}: no picture of that name, nor of another number")
        numbers = range(found[0], found[-1] + 1)
        if len(numbers) > len(found):
            missing = next(number for number, there in zip(numbers, found, strict=False) if number != there)
            more = len(numbers) - len(found) - 1
            raise InputError(
                f"{self.folder / self._file(missing)}: is missing{f', and {more} more' if more else ''}; "
                f"the pictures from {self._file(found[0])} to {self._file(found[-1])} must be numbered without a gap"
            )
        return numbers

    @property
    def files(self) -> Listed[Path]:
        """In their order."""
        return [self.folder / self._file(number) for number in self.numbers]

    def _found(self) -> list[int]:
        name = re.compile(re.escape(self.head) + r"(\d+)" + re.escape(self.tail))
        try:
            with os.scandir(self.folder) as entries:
                matches = [match for entry in entries if (match := name.fullmatch(entry.name)) and entry.is_file()]
        except OSError as error:
            raise InputError(f"{self.folder}: cannot be read ({error.strerror})") from error
        return [int(match[1]) for match in matches if match[0] == self._file(int(match[1]))]

    def _file(self, number: int) -> str:
        return f"{self.head}{number:0{self.width}d}{self.tail}"


def is_sequence(source: Path) -> bool:
    """Whether a name stands for numbered pictures: by itself, and as there is no file that is called so."""
    return bool(_NAME.fullmatch(source.name)) and not os.path.lexists(source)


def find_sequence(source: Path) -> Sequence | None:
    """What the name stands for; None where it is a file's. Raises InputError."""
    if not is_sequence(source):
        return None
    parts = _NAME.fullmatch(source.name)
    assert parts is not None
    rate = USUAL_RATE if parts["rate"] is None else _read_rate(source, parts["rate"])
    return Sequence(source.parent, parts["head"], int(parts["width"] or 1), parts["tail"], rate)


def files_of(source: Path) -> Listed[Path]:
    """What lies on the disk of a film or a still, in its order. Raises InputError."""
    sequence = find_sequence(source)
    return [source] if sequence is None else sequence.files


def find_patterns(files: Iterable[Path]) -> dict[Path, int]:
    """The names of sequences that files of one numbering each would make, and how many there are."""
    numbered: dict[tuple[Path, str, str], list[str]] = {}
    for file in files:
        if match := _NUMBERED.fullmatch(file.name):
            head, number, tail = match.groups()
            numbered.setdefault((file.parent, head, tail), []).append(number)
    return {
        folder / f"{head}%{width}d{tail}": len(numbers)
        for (folder, head, tail), numbers in numbered.items()
        if (width := _width(numbers)) is not None and _is_gapless(numbers)
    }


def _is_gapless(numbers: Listed[str]) -> bool:
    values = sorted(map(int, numbers))
    return values[-1] - values[0] < len(values)


def _width(numbers: Listed[str]) -> str | None:
    """Of a pattern that all of them follow; None where there is none."""
    lengths = {len(number) for number in numbers}
    if len(lengths) == 1:
        return f"0{lengths.pop()}"
    return None if any(number.startswith("0") for number in numbers) else ""


def _read_rate(source: Path, text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 0 < rate <= FASTEST:
        raise InputError(f"{source}: behind the @ belong frames a second, above 0 and up to {FASTEST}")
    called = round(rate / _NTSC) * _NTSC
    return called if rate.denominator > 1 and abs(called - rate) < _AS_CALLED else rate
