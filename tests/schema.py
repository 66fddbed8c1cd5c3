"""Whether JSON is what a dataclass would write: the dataclass is the schema."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from math import isfinite
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints


def complaints(value: Any, kind: Any, place: str = "report") -> Iterator[str]:
    """One line for everything in `value`, plain types, that is not as `kind` says. A field with a default may lack."""
    if is_dataclass(kind):
        yield from _in_fields(value, kind, place)
    elif get_origin(kind) is UnionType:
        if all([*complaints(value, choice)] for choice in get_args(kind)):
            yield f"{place}: {value!r} is no {kind}"
    elif get_origin(kind) is dict:
        entries = value.items() if isinstance(value, dict) else [("", _NOTHING)]
        for name, entry in entries:
            yield from complaints(entry, get_args(kind)[1], f"{place}.{name}")
    elif get_origin(kind) is tuple:
        entries = value if isinstance(value, list) else [_NOTHING]
        for number, entry in enumerate(entries):
            yield from complaints(entry, get_args(kind)[0], f"{place}[{number}]")
    elif not _is_plain(value, kind):
        yield f"{place}: {value!r} is no {kind.__name__}"


_NOTHING = object()


def _in_fields(value: Any, kind: Any, place: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{place}: {value!r} is no {kind.__name__}"
        return
    hints = get_type_hints(kind)
    needed = {field.name for field in fields(kind) if field.default is field.default_factory is MISSING}
    yield from (f"{place}: {name} is missing" for name in sorted(needed - set(value)))
    yield from (f"{place}: {name} is unknown" for name in sorted(set(value) - set(hints)))
    for name in hints.keys() & value.keys():
        yield from complaints(value[name], hints[name], f"{place}.{name}")


def _is_plain(value: Any, kind: Any) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
    return value is None if kind is NoneType else type(value) is kind
