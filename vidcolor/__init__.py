"""Colour black-and-white film.

The public names are loaded on first use (PEP 562): `import vidcolor` costs nothing, and `vidcolor --help` little.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vidcolor.colorizer import Colorizer, load_colorizer
    from vidcolor.errors import (
        CheckpointError,
        ConfigError,
        DamagedCheckpoint,
        DeviceError,
        InputError,
        MismatchedCheckpoint,
        OutputError,
        UnknownModel,
        VidcolorError,
    )
    from vidcolor.pipeline import RunReport, RunSettings, colorize_video
    from vidcolor.released import released_models
    from vidcolor.smooth import Smoother
    from vidcolor.video import Encoding, Limits, Span

__version__ = "0.1.0"

__all__ = [
    "CheckpointError",
    "Colorizer",
    "ConfigError",
    "DamagedCheckpoint",
    "DeviceError",
    "Encoding",
    "InputError",
    "Limits",
    "MismatchedCheckpoint",
    "OutputError",
    "RunReport",
    "RunSettings",
    "Smoother",
    "Span",
    "UnknownModel",
    "VidcolorError",
    "colorize_video",
    "load_colorizer",
    "released_models",
]

_HOMES = {
    "colorizer": ("Colorizer", "load_colorizer"),
    "pipeline": ("RunReport", "RunSettings", "colorize_video"),
    "released": ("released_models",),
    "smooth": ("Smoother",),
    "video": ("Encoding", "Limits", "Span"),
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'vidcolor' has no attribute {name!r}")
        home = next((home for home, names in _HOMES.items() if name in names), "errors")
        return getattr(import_module(f"vidcolor.{home}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
