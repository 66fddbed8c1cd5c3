"""Settings that were typed or lie in a file: whether there are such names, of such kinds and such values."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from types import UnionType
from typing import Any, get_args, get_origin

from vidcolor.errors import ConfigError


def check_names(values: Mapping[str, Any], settings: type, known: str) -> None:
    """Raises ConfigError for what is no field of the dataclass `settings`; `known` says which there are."""
    names = {item.name for item in fields(settings)}
    for name in values:
        if name not in names:
            raise ConfigError(f"unknown setting {name!r}: {known}")


def check_kinds(values: Mapping[str, Any], settings: type) -> None:
    """Raises ConfigError where a value is of another kind than the field of its name in the dataclass `settings`."""
    for item in fields(settings):
        if item.name in values and not _fits(value := values[item.name], item.type):
            raise ConfigError(f"{item.name} = {value!r} is of the wrong kind: it should be {_name_of(item.type)}")


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raises ConfigError where a setting is none of its choices."""
    if value not in (known := tuple(choices)):
        raise ConfigError(f"{name} must be one of {', '.join(known)}, got {value}")


def check_range(name: str, value: float, least: float, below: float = math.inf) -> None:
    """Raises ConfigError where a setting is less than `least`, or not below `below`; nan and inf never fit."""
    if not least <= value < below:
        limit = f" and below {below:g}" if below < math.inf else ""
        raise ConfigError(f"{name} must be at least {least:g}{limit}, got {value}")


def _fits(value: object, kind: Any) -> bool:
    """A whole number will do for a float; True and False are no numbers."""
    plain, inner = get_origin(kind) or kind, get_args(kind)
    if plain is UnionType:
        return any(_fits(value, choice) for choice in inner)
    if plain is tuple:
        return isinstance(value, tuple) and len(value) == len(inner) and all(map(_fits, value, inner))
    if plain is dict:
        return isinstance(value, dict) and all(_fits(entry, inner[1]) for entry in value.values())
    accepted = (float, int) if kind is float else kind
    return kind is Any or (isinstance(value, accepted) and (not isinstance(value, bool) or kind is bool))


def _name_of(kind: Any) -> str:
    return kind.__name__ if type(kind) is type else str(kind)
