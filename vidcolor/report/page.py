"""The page as a whole: the template with every part in its place."""

from collections.abc import Iterator
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template

from vidcolor.report.colors import chart_colors
from vidcolor.report.gallery import draw_gallery
from vidcolor.report.plots import plot_film, points_note
from vidcolor.report.tables import tabulate_metrics, tabulate_sources
from vidcolor.report.words import count, name
from vidcolor.scores import COLORLESS, EvalReport, Evaluation, FilmScores, PictureScores, SourceReport
from vidcolor.tally import SAMPLE_EVERY


def draw_page(evaluation: Evaluation, when: datetime) -> str:
    """The HTML; nothing in it is fetched from anywhere."""
    report = evaluation.report
    films = [source for source in report.sources if source.moments]
    template = Template(files("vidcolor.report").joinpath("page.html").read_text("utf-8"))
    return template.substitute(
        title=escape(report.model),
        model=name(report.model),
        facts="".join(f"<div><dt>{term}</dt><dd>{value}</dd></div>" for term, value in _facts(report, when)),
        headline="".join(_finding(*finding) for finding in _headline(report)),
        notes=_notes(report.notes),
        gallery=draw_gallery(evaluation.samples),
        sample_every=SAMPLE_EVERY,
        metrics=tabulate_metrics(report),
        films="".join(map(_film, films)) or "<p>No film was evaluated.</p>",
        colors=chart_colors(evaluation.histogram),
        sources=tabulate_sources(report.sources),
    )


def _facts(report: EvalReport, when: datetime) -> Iterator[tuple[str, str]]:
    """Everything the numbers depend on, and how much they rest on."""
    films = [source for source in report.sources if source.film]
    photos = len(report.sources) - len(films)
    frames = sum(source.frames for source in films)
    yield "Pictures", f"{count(photos, 'photo')}, {count(len(films), 'film')} of {count(frames, 'frame')}"
    yield "Size", f"area of {report.size} × {report.size} pixels"
    yield "Working size", f"area of {report.work_size} × {report.work_size} pixels"
    yield "Network sees", "key frames" if report.fast else "every frame"
    yield "Temporal filter", f"strength {report.smooth:g}" if report.smooth else "off"
    yield "Saturation", f"{report.saturation:g}"
    yield "Device", name(report.device)
    yield "Time of work", f"{report.seconds / 60:.1f} min"
    yield "Written", f'<time datetime="{when.isoformat(timespec="minutes")}">{when:%Y-%m-%d %H:%M}</time>'


def _headline(report: EvalReport) -> Iterator[tuple[str, str, str]]:
    """(what, finding, what stands beside it): no finding can be read without its counterweight."""
    for kind, scores in (("Photos", report.photos), ("Films", report.frames)):
        if scores:
            yield f"{kind}: nearness to the original", _nearness(scores), _levels(scores)
    if report.films:
        yield from _steadiness(report.films)


def _nearness(scores: PictureScores) -> str:
    gain = f"PSNR {abs(scores.gain):.2f}\u202fdB {'above' if scores.gain >= 0 else 'below'} grey"
    if scores.colorfulness_of_truth < COLORLESS:
        return f"{gain} at a colourfulness of {scores.colorfulness:.1f}, where the originals have none"
    return f"{gain} at {scores.vividness * 100:.0f}\u202f% of the originals’ colourfulness"


def _levels(scores: PictureScores) -> str:
    return (
        f"PSNR {scores.psnr:.2f} dB, of the same pictures without colour {scores.psnr_of_grey:.2f} dB. "
        f"Colourfulness {scores.colorfulness:.1f}, of the originals {scores.colorfulness_of_truth:.1f}."
    )


def _steadiness(films: FilmScores) -> Iterator[tuple[str, str, str]]:
    if films.flicker is not None:
        yield (
            "Films: flicker",
            _flicker(films),
            "Change of a*b* from frame to frame where nothing moves. A film without colour has none.",
        )
    if films.cdc is not None:
        yield (
            "Films: consistency of colours (CDC)",
            f"{films.cdc:.5f}, and {films.cdc_of_truth:.5f} in the original",
            f"Without the filter {films.cdc_unsmoothed:.5f}. "
            "Lower is steadier, and a film without colour nearly perfect.",
        )


def _flicker(films: FilmScores) -> str:
    with_and_without = f"{films.flicker:.3f} with the filter, {films.flicker_unsmoothed:.3f} without"
    return f"{with_and_without}, {films.flicker_of_truth:.3f} in the original"


def _finding(what: str, finding: str, beside: str) -> str:
    return f"<div><h2>{what}</h2><p>{finding}</p><small>{beside}</small></div>"


def _notes(notes: tuple[str, ...]) -> str:
    return f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul>' if notes else ""


def _film(film: SourceReport) -> str:
    sentences = (
        f"{count(film.frames, 'frame')}, {count(film.shots, 'shot')}",
        _nearness(film.pictures),
        f"Flicker {_flicker(film.film)}" if film.film and film.film.flicker is not None else "",
        points_note(len(film.moments)),
    )
    plot = plot_film(film.moments, f"Flicker, colourfulness and PSNR of {film.source} over time")
    return f"<figure><h3>{name(film.source)}</h3><p>{'. '.join(filter(None, sentences))}.</p>{plot}</figure>"
