"""A reel with cuts, a long shot, sound and frames of uneven length, and everything that a copy of it must share."""

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

from tests.clips import Heard, Tone, make_film, packets
from tests.scenes import glide

MILLISECOND = Fraction(1, 1000)


def make_reel(path: Path, shots: Sequence[tuple[str, int]], seed: int = 0) -> Path:
    """A photo of scikit-image's under a moving camera for every shot of so many frames, 96x72; two sound tracks."""
    grey = torch.cat([glide(name, frames, 72, 96).mean(1) for name, frames in shots])
    pts = np.random.default_rng(seed).integers(20, 90, len(grey)).cumsum()
    seconds = float(pts[-1]) / 1000
    return make_film(
        path,
        codec="ffv1",
        width=96,
        height=72,
        time_base=MILLISECOND,
        pts=pts.tolist(),
        grey=(grey * 219 + 16).round().byte().numpy(),
        tones=[Tone(seconds=seconds), Tone(codec="mp3", seconds=seconds, offset=Fraction(1, 4))],
    )


def pictures(path: Path) -> list[tuple[Fraction, str]]:
    """Time and digest of every decoded frame."""
    with av.open(str(path)) as container:
        return [
            (frame.pts * frame.time_base, hashlib.sha256(frame.to_ndarray().tobytes()).hexdigest())
            for frame in container.decode(video=0)
        ]


def sounds(path: Path) -> list[list[Heard]]:
    """Every packet of every sound track."""
    return packets(path, "audio")
