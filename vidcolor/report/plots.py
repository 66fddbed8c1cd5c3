"""Films over time, as SVG that needs no library to be seen."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vidcolor.report.words import clock, count
from vidcolor.scores import Moment

MOST_POINTS = 600
"""In a line. Of a longer film, neighbouring frames share a point."""

PANEL, GAP, TOP, AXIS = 110, 36, 22, 44
"""Pixels: height of a panel, between two, above the first, below the last."""

TIME_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """One pair of axes: its title, its lines (class of the line -> field of Moment), and how frames share a point."""

    title: str
    lines: dict[str, str]
    merge: Callable[[Values], Any]
    from_zero: bool = True


PANELS = (
    Panel(
        "Flicker, mean |Δab| in a*b* units",
        {"original": "flicker_of_truth", "unfiltered": "flicker_unsmoothed", "colored": "flicker"},
        np.max,
    ),
    Panel("Colourfulness", {"original": "colorfulness_of_truth", "colored": "colorfulness"}, np.mean),
    Panel("PSNR, dB", {"colored": "psnr"}, np.mean, from_zero=False),
)


def plot_film(moments: Sequence[Moment], label: str) -> str:
    """The panels one above the other, over one time axis; every cut is a line through all of them.

    Only the paths are stretched to the width of the page, so that letters and strokes keep their size on any screen.
    """
    bottom = TOP + len(PANELS) * (PANEL + GAP) - GAP
    times = [moment.seconds for moment in moments]
    start, span = times[0], max(times[-1] - times[0], 1e-3)
    x = (_merged(times, np.mean) - start) / span * 1000
    inside = "".join(
        [
            *(_panel(panel, moments, x, TOP + row * (PANEL + GAP)) for row, panel in enumerate(PANELS)),
            *_cuts(moments, start, span, bottom),
            *_time_axis(start, span, bottom),
        ]
    )
    return f'<svg class="plot" role="img" aria-label="{escape(label)}" height="{bottom + AXIS}">{inside}</svg>'


def points_note(frames: int) -> str:
    """What a reader must know of a film with more frames than points."""
    if frames <= MOST_POINTS:
        return ""
    each = -(-frames // MOST_POINTS)
    return f"Up to {count(each, 'frame')} share a point: the highest flicker of them, the mean of the rest"


def round_step(size: float) -> float:
    """1, 2 or 5 times a power of ten, no less than `size`."""
    power: float = 10 ** np.floor(np.log10(size))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= size * 0.999)


def signed(tick: float) -> str:
    """With a minus as long as a plus."""
    return f"{tick:g}".replace("-", "−")


def _panel(panel: Panel, moments: Sequence[Moment], x: Values, top: int) -> str:
    lines = {kind: _merged([getattr(m, field) for m in moments], panel.merge) for kind, field in panel.lines.items()}
    low, high, ticks = _scale(np.concatenate(list(lines.values())), panel.from_zero)
    paths = (f'<path class="{kind}" d="{_path(x, (high - y) / (high - low) * 100)}"/>' for kind, y in lines.items())
    return (
        f'<text class="title" y="{top - 8}">{panel.title}</text>'
        + "".join(_level(top + (high - tick) / (high - low) * PANEL, signed(tick)) for tick in ticks)
        + f'<svg y="{top}" width="100%" height="{PANEL}" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        + "".join(paths)
        + "</svg>"
    )


def _merged(values: Sequence[float | None], merge: Callable[[Values], Any]) -> Values:
    """No more than MOST_POINTS, None as NaN."""
    numbers = np.array([np.nan if value is None else value for value in values], np.float64)
    parts = np.array_split(numbers, min(len(numbers), MOST_POINTS))
    return np.array([merge(known) if (known := part[np.isfinite(part)]).size else np.nan for part in parts])


def _path(x: Values, y: Values) -> str:
    """A line through what is finite, broken where it is not; a lone point becomes a dot."""
    known = np.flatnonzero(np.isfinite(y))
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1) if known.size else []
    return "".join(f"M{'L'.join(f'{x[i]:.1f} {y[i]:.1f}' for i in run)}{'h0' * (len(run) == 1)}" for run in runs)


def _scale(values: Values, from_zero: bool) -> tuple[float, float, Values]:
    """Lowest, highest, and the three or four round numbers between."""
    known = values[np.isfinite(values)]
    low, high = (0.0 if from_zero else known.min(), known.max()) if known.size else (0.0, 0.0)
    step = round_step(max(high - low, 1e-3) / 3)
    first, last = np.floor(low / step), max(np.ceil(high / step), np.floor(low / step) + 1)
    return first * step, last * step, np.arange(first, last + 1) * step


def _level(y: float, label: str) -> str:
    return (
        f'<line class="grid" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/><text class="level" x="-8" y="{y:.1f}">{label}</text>'
    )


def _cuts(moments: Sequence[Moment], start: float, span: float, bottom: int) -> Iterator[str]:
    places = {f"{(m.seconds - start) / span:.2%}" for m in moments[1:] if m.starts_shot}
    for place in sorted(places):
        yield f'<line class="cut" x1="{place}" x2="{place}" y1="{TOP}" y2="{bottom}"/>'


def _time_axis(start: float, span: float, bottom: int) -> Iterator[str]:
    step = next((step for step in TIME_STEPS if span / step <= 6), TIME_STEPS[-1])
    digits = 2 if step < 0.1 else 1 if step < 1 else 0
    for tick in np.arange(np.ceil(start / step - 1e-6), np.floor((start + span) / step + 1e-6) + 1) * step:
        place = f"{(tick - start) / span:.2%}"
        yield f'<line class="tick" x1="{place}" x2="{place}" y1="{bottom}" y2="{bottom + 5}"/>'
        yield f'<text class="time" x="{place}" y="{bottom + 18}">{clock(tick, digits)}</text>'
    yield f'<text class="time" x="50%" y="{bottom + 38}">time, min:s</text>'
