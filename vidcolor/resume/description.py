"""What a run is made of, in plain types: two runs of the same description make the same film."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

from vidcolor.environment import installed

Description = Mapping[str, str]

_MAKERS = ("vidcolor", "torch", "av", "numpy", "opencv-python", "opencv-python-headless")
"""Packages whose versions may change the frames that come out."""


def describe(**parts: object) -> Description:
    """Everything by name: settings field by field, as JSON can hold it, and the versions of what does the work."""
    said = {name: str(value) for part, values in parts.items() for name, value in _flat(part, values)}
    return said | installed(_MAKERS)


def digest_of(*files: Path) -> str:
    """SHA-256 of their contents, one behind the other."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            hashlib.file_digest(stream, lambda: digest)
    return digest.hexdigest()


def differences(old: Description, new: Description) -> str:
    """What changed from one job to another, in words; empty where nothing did."""
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return ", ".join(f"{name} was {_short(old.get(name))} and is {_short(new.get(name))}" for name in names)


def _flat(name: str, value: object) -> Iterator[tuple[str, object]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _flat(f"{name}.{field.name}", getattr(value, field.name))
    else:
        yield name, dict(value) if isinstance(value, Mapping) else value


def _short(value: str | None) -> str:
    text = value or "nothing"
    return text if len(text) <= 32 else f"{text[:12]}…"
