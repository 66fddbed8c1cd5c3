"""The numbers: every metric with its meaning, and every photo and film in a row."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from html import escape
from operator import attrgetter

from vidcolor.report.meanings import BESIDE, Meaning, meaning_of, stem
from vidcolor.report.words import name
from vidcolor.scores import EvalReport, SourceReport

COLUMNS = {"": "coloured", **BESIDE}
"""Suffix of a field -> heading of its column."""

Numbers = Mapping[str, float | None]
"""Field -> value."""


def tabulate_metrics(report: EvalReport) -> str:
    """A metric a group of rows: what it says, and its values for photos and films beside those it is measured by."""
    measured = measured_in(report)
    groups = (_group(field, measured, report.notes) for field in metrics_of(measured))
    headings = "".join(f'<th scope="col">{heading}</th>' for heading in ("metric", "of", *COLUMNS.values()))
    return f'<table class="metrics"><thead><tr>{headings}</tr></thead>{"".join(groups)}</table>'


def measured_in(report: EvalReport) -> dict[str, Numbers]:
    """Photos, films, and both together, as far as there are any."""
    photos = asdict(report.photos) if report.photos else {}
    frames = asdict(report.frames) if report.frames else {}
    films = asdict(report.films) if report.films else {}
    realism = {title.replace(" of the truth", "_of_truth"): value for title, value in report.realism.items()}
    return {"photos": photos, "films": frames | films, "all": realism}


def metrics_of(measured: Mapping[str, Numbers]) -> list[str]:
    """Every metric once, in the order they were declared."""
    return list(dict.fromkeys(stem(field) for numbers in measured.values() for field in numbers))


def _group(field: str, measured: Mapping[str, Numbers], notes: Sequence[str]) -> str:
    meaning = meaning_of(field)
    having = {kind: numbers for kind, numbers in measured.items() if field in numbers}
    rows = [f"<td>{kind}</td>{''.join(_cells(field, meaning, numbers))}" for kind, numbers in having.items()]
    why = _why(meaning, notes) if any(numbers[field] is None for numbers in having.values()) else ""
    unit = f" <small>{meaning.unit}</small>" if meaning.unit else ""
    heading = (
        f'<th scope="rowgroup" rowspan="{len(rows)}"><strong>{escape(meaning.name)}</strong>{unit}'
        f" <em>{meaning.better}</em>"
        f'<p>{meaning.says} <span class="fooled">Fooled by {meaning.fooled_by}</span></p>{why}</th>'
    )
    return f"<tbody><tr>{heading}{'</tr><tr>'.join(rows)}</tr></tbody>"


def _cells(field: str, meaning: Meaning, numbers: Numbers) -> Iterator[str]:
    for suffix, heading in COLUMNS.items():
        if field + suffix not in numbers:
            yield "<td></td>"
        elif (value := numbers[field + suffix]) is None:
            yield f'<td class="none" data-of="{heading}">not measured</td>'
        else:
            yield f'<td data-of="{heading}">{meaning.show(value)}</td>'


def _why(meaning: Meaning, notes: Sequence[str]) -> str:
    """The notes that name the metric."""
    naming = (note for note in notes if meaning.name.casefold() in note.casefold())
    return "".join(f'<small class="none">{escape(note)}</small>' for note in naming)


SOURCE_COLUMNS = (
    ("frames", 0, "frames"),
    ("shots", 0, "shots"),
    ("PSNR over grey, dB", 2, "pictures.gain"),
    ("colourful­ness", 1, "pictures.colorfulness"),
    ("original’s colourful­ness", 1, "pictures.colorfulness_of_truth"),
    ("CIEDE2000", 2, "pictures.ciede2000"),
    ("flicker", 3, "film.flicker"),
    ("flicker, no filter", 3, "film.flicker_unsmoothed"),
    ("original’s flicker", 3, "film.flicker_of_truth"),
    ("CDC", 5, "film.cdc"),
    ("original’s CDC", 5, "film.cdc_of_truth"),
)
"""Heading, digits, and where the value lies in a SourceReport."""


def tabulate_sources(sources: Sequence[SourceReport]) -> str:
    """A photo or film a row; a click on a heading sorts."""
    headings = ("source", *(heading for heading, _, _ in SOURCE_COLUMNS))
    buttons = "".join(f'<th scope="col"><button type="button">{heading}</button></th>' for heading in headings)
    rows = (
        f'<tr><th scope="row">{name(row.source)}</th>'
        + "".join(_source_cell(row, path, digits) for _, digits, path in SOURCE_COLUMNS)
        + "</tr>"
        for row in sources
    )
    return f'<table class="sources"><thead><tr>{buttons}</tr></thead><tbody>{"".join(rows)}</tbody></table>'


def _source_cell(source: SourceReport, path: str, digits: int) -> str:
    if source.film is None and path.startswith("film."):
        return "<td>–</td>"
    value = attrgetter(path)(source)
    return "<td>–</td>" if value is None else f"<td>{value:.{digits}f}</td>"
