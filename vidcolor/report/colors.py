"""How often each colour occurs: the a*b* plane, of the pictures beside that of the originals."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vidcolor.report.images import chart_uri
from vidcolor.report.plots import round_step, signed
from vidcolor.scores import AbHistogram, Pixels

TINT_LIGHTNESS = 65.0
UNLIT = 0.08
"""Brightness of a colour that does not occur."""
DIMMEST = 0.25
"""Brightness of one that occurs once."""
SIDE = 300


def chart_colors(histogram: AbHistogram) -> str:
    """Both charts, on one scale of brightness."""
    most = int(max(histogram.colored.max(), histogram.truth.max()))
    halves = (("Coloured", histogram.colored), ("Original", histogram.truth))
    return "".join(_chart(title, draw_counts(counts, histogram.edges, most), histogram) for title, counts in halves)


def draw_counts(counts: NDArray[np.int64], edges: NDArray[np.float64], most: int) -> Pixels:
    """(B, B, 3): a* to the right, b* upwards; each bin in its own colour at L* 65, as bright as the log of its count.

    counts: as in AbHistogram; most: the count that is brightest.
    """
    middles = (edges[:-1] + edges[1:]) / 2
    b, a = np.meshgrid(middles[::-1], middles, indexing="ij")
    lab = np.stack((np.full_like(a, TINT_LIGHTNESS), a, b), axis=-1).astype(np.float32)
    tint = np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB), 0, 1)
    seen = counts.T[::-1, :, None]
    light = DIMMEST + (1 - DIMMEST) * np.log1p(seen) / np.log1p(max(most, 1))
    return np.asarray(np.where(seen > 0, tint * light, UNLIT) * 255 + 0.5, np.uint8)


def _chart(title: str, pixels: Pixels, histogram: AbHistogram) -> str:
    low, high = float(histogram.edges[0]), float(histogram.edges[-1])
    step = round_step((high - low) / 5)
    ticks = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    places = [(signed(tick), (tick - low) / (high - low) * SIDE) for tick in ticks]
    neutral = -low / (high - low) * SIDE
    return (
        f'<figure><svg class="colors" viewBox="-48 -6 356 352" role="img" aria-label="a*b* histogram: {title}">'
        f'<image href="{chart_uri(pixels)}" width="{SIDE}" height="{SIDE}" preserveAspectRatio="none"/>'
        f'<path d="M{neutral:.1f} 0v{SIDE}M0 {SIDE - neutral:.1f}h{SIDE}"/><rect width="{SIDE}" height="{SIDE}"/>'
        + "".join(f'<text class="time" x="{place:.1f}" y="317">{tick}</text>' for tick, place in places)
        + "".join(f'<text class="level" x="-8" y="{SIDE - place:.1f}">{tick}</text>' for tick, place in places)
        + '<text class="time" x="150" y="338">a*, green to red</text>'
        '<text class="time" transform="translate(-36 150) rotate(-90)">b*, blue to yellow</text></svg>'
        f"<figcaption>{title}</figcaption></figure>"
    )
