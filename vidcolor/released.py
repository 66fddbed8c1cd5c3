"""The models that come with vidcolor: where they lie, what they are called, and whether they arrived whole."""

import hashlib
import os
from pathlib import Path

from vidcolor.errors import DamagedCheckpoint, UnknownModel

DEFAULT_MODEL = "fusion"
SUFFIX = ".safetensors"
DIGESTS = "SHA256SUMS"


def models_folder() -> Path:
    """Inside the package where it was installed from a wheel, beside it in a checkout."""
    package = Path(__file__).parent
    packed = package / "models"
    return packed if packed.is_dir() else package.parent / "models"


def released_models() -> tuple[str, ...]:
    """Names of the released models, in alphabetical order."""
    return tuple(sorted(path.stem for path in models_folder().glob(f"*{SUFFIX}")))


def find_model(name_or_path: str) -> Path:
    """The file of a released model, its digest checked, or the file at a path. A released name comes first.

    Raises UnknownModel or DamagedCheckpoint.
    """
    if name_or_path in released_models():
        path = models_folder() / f"{name_or_path}{SUFFIX}"
        _check_digest(path)
        return path
    if os.path.isfile(name_or_path):
        return Path(name_or_path)
    released = ", ".join(released_models()) or "none"
    raise UnknownModel(f"unknown model {name_or_path!r}: give a released name ({released}) or a {SUFFIX} file")


def _check_digest(path: Path) -> None:
    expected = _digests(path.parent).get(path.name)
    if expected is None:
        raise DamagedCheckpoint(f"{path}: {DIGESTS} does not list it; install vidcolor again")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise DamagedCheckpoint(f"{path}: its SHA-256 is {found[:12]}…, not {expected[:12]}…; install vidcolor again")


def _digests(folder: Path) -> dict[str, str]:
    """File name -> hexadecimal SHA-256, from lines as sha256sum writes them."""
    file = folder / DIGESTS
    lines = file.read_text("utf-8").splitlines() if file.is_file() else []
    rows = (line.split(maxsplit=1) for line in lines if line.strip())
    return {name.removeprefix("*"): digest.lower() for digest, name in rows}
