"""Pictures to compare with one's own eyes: grey, coloured and original under one divider."""

from collections.abc import Sequence
from html import escape
from itertools import groupby

import numpy as np

from vidcolor.report.images import photo_uri
from vidcolor.report.words import clock, count, name
from vidcolor.scores import MOST_SAMPLES, Sample


def chosen(samples: Sequence[Sample]) -> list[Sample]:
    """No more than MOST_SAMPLES, spread evenly; photos first, then film after film."""
    places = np.linspace(0, len(samples) - 1, min(len(samples), MOST_SAMPLES)).round().astype(int)
    return sorted((samples[place] for place in places), key=lambda sample: sample.seconds is not None)


def draw_gallery(samples: Sequence[Sample]) -> str:
    """The chosen samples, photos together and each film under its name."""
    shown = chosen(samples)
    left_out = len(samples) - len(shown)
    note = f"<p>Shown are {len(shown)}, spread evenly; {count(left_out, 'sample')} left out.</p>" if left_out else ""
    return note + "".join(_group(title, list(group)) for title, group in groupby(shown, _title))


def _title(sample: Sample) -> str:
    return "Photos" if sample.seconds is None else name(sample.source)


def _group(title: str, samples: Sequence[Sample]) -> str:
    return f'<h3>{title}</h3><div class="gallery">{"".join(map(_figure, samples))}</div>'


def _figure(sample: Sample) -> str:
    caption = name(sample.source) if sample.seconds is None else f"at {clock(sample.seconds, 1)}"
    place = "" if sample.seconds is None else f" at {clock(sample.seconds, 1)}"
    height, width = sample.truth.shape[:2]
    layers = (("grey", sample.grey), ("colored", sample.colored), ("truth", sample.truth))
    pictures = "".join(
        f'<img class="{kind}" src="{photo_uri(pixels)}" alt="" width="{width}" height="{height}"'
        ' loading="lazy" decoding="async">'
        for kind, pixels in layers
    )
    return (
        f'<figure style="--ratio: {width / height:.4f}"><div class="split">{pictures}<i></i>'
        '<input type="range" min="0" max="100" value="50" autocomplete="off"'
        f' aria-label="Divider in {escape(sample.source)}{place}"></div><figcaption>{caption}</figcaption></figure>'
    )
