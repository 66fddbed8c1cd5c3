"""The page of an evaluation: whole in one file, and honest in every number."""

import base64
import json
import re
from dataclasses import asdict, fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from skimage import data

from tests.evaluations import CUTS, HOSTILE, film_of, make_evaluation, numbered, photo
from vidcolor.errors import OutputError
from vidcolor.report import write_report
from vidcolor.report.gallery import MOST_SAMPLES, chosen
from vidcolor.report.meanings import BESIDE, MEANINGS, meaning_of, stem
from vidcolor.report.plots import plot_film
from vidcolor.report.words import clock
from vidcolor.scores import Evaluation, FilmScores, PictureScores, Sample
from vidcolor.tally import SAMPLE_EVERY

VOID = {"img", "input", "meta"}


class Tags(HTMLParser):
    """All tags of a page, and whether every one is closed."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(make_evaluation(), tmp_path_factory.mktemp("report") / "made" / "on the way")


@pytest.fixture(scope="module")
def page(path: Path) -> str:
    return path.read_text("utf-8")


def metrics_of(page: str) -> dict[str, str]:
    """Name of a metric -> its rows in the table."""
    table = page[page.index('<table class="metrics">') :].partition("</table>")[0]
    return {re.findall("<strong>(.*?)</strong>", group)[0]: group for group in table.split("<tbody>")[1:]}


def write(folder: Path, evaluation: Evaluation) -> str:
    return write_report(evaluation, folder).read_text("utf-8")


def test_the_page_stands_alone(page: str) -> None:
    references = {"src", "href", "xlink:href", "srcset", "action", "data", "poster", "background"}
    pointed = [value for _, attrs in Tags(page).found for key, value in attrs.items() if key in references]
    assert [value for value in pointed if not str(value).startswith(("data:image/", "#"))] == []
    assert "link" not in {tag for tag, _ in Tags(page).found}
    assert not re.search(r"://|url\(|@import|\bimport\(|fetch\(", page)


def test_names_are_text(page: str) -> None:
    tags = [tag for tag, _ in Tags(page).found]
    assert tags.count("script") == tags.count("title") == 1
    assert not tags.count("b") and "onerror" not in {key for _, attrs in Tags(page).found for key in attrs}
    assert "&lt;script&gt;window.harmed" in page and "caf\\udce9.jpg" in page
    assert "&amp;amp; $title ${model}" in page


def test_the_page_says_what_its_numbers_depend_on(page: str) -> None:
    facts = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert (facts["Size"], facts["Working size"]) == ("area of 256 × 256 pixels", "area of 192 × 192 pixels")
    assert (facts["Network sees"], facts["Temporal filter"], facts["Saturation"]) == (
        "key frames",
        "strength 0.7",
        "1.1",
    )
    assert f"the rest of one frame in {SAMPLE_EVERY}." in page


def test_the_report_is_written_as_json(path: Path) -> None:
    plain = json.loads((path.parent / "report.json").read_text("utf-8"))
    assert plain == json.loads(json.dumps(asdict(make_evaluation().report)))
    assert plain["sources"][3]["source"] == HOSTILE[3]


@pytest.mark.parametrize("scores", [PictureScores, FilmScores])
def test_every_metric_has_a_meaning(scores: type[Any]) -> None:
    assert {field.name for field in fields(scores) if stem(field.name) not in MEANINGS} == set()


def test_no_meaning_is_left_over() -> None:
    known = {stem(field.name) for scores in (PictureScores, FilmScores) for field in fields(scores)}
    assert set(MEANINGS) == known


def test_every_value_stands_in_the_table_beside_its_like(page: str) -> None:
    report, rows = make_evaluation().report, metrics_of(page)
    for scores in (report.photos, report.frames, report.films):
        for field, value in asdict(scores).items():
            meaning = MEANINGS[stem(field)]
            column = BESIDE.get(field.removeprefix(stem(field)), "coloured")
            shown = "not measured" if value is None else meaning.show(value)
            assert f'data-of="{column}">{shown}</td>' in rows[meaning.name], field
            assert meaning.says in rows[meaning.name] and meaning.fooled_by in rows[meaning.name]


def test_realism_keeps_the_name_of_its_network(page: str) -> None:
    rows = metrics_of(page)
    assert 'data-of="coloured">31.40<' in rows["FID-MobileNetV2"]
    assert 'data-of="original">14.70<' in rows["IS-MobileNetV2"]
    assert "is not the published FID" in meaning_of("FID-MobileNetV2").fooled_by


def test_what_was_not_measured_is_said_with_its_note(page: str) -> None:
    assert metrics_of(page)["LPIPS"].count("not measured</td>") == 2
    assert "the weights of &lt;AlexNet&gt;</small>" in metrics_of(page)["LPIPS"]
    assert "<li>LPIPS is not measured" in page


def test_the_headline_never_leaves_a_number_alone(page: str) -> None:
    report = make_evaluation().report
    headline = page[page.index('<div class="headline">') : page.index("<nav")]
    for scores in (report.photos, report.frames):
        assert scores and re.search(
            rf"PSNR {abs(scores.gain):.2f}\sdB \w+ grey at {scores.vividness * 100:.0f}\s% of the orig", headline
        )
    assert report.films
    for field in ("flicker", "flicker_unsmoothed", "flicker_of_truth"):
        assert f"{getattr(report.films, field):.3f}" in headline
    for field in ("cdc", "cdc_of_truth"):
        assert f"{getattr(report.films, field):.5f}" in headline


def test_a_share_of_no_colour_is_not_given(tmp_path: Path) -> None:
    page = write(tmp_path, make_evaluation(photos=numbered(PictureScores, 10, colorfulness_of_truth=0.0)))
    assert "where the originals have none" in page


def test_photos_alone_make_a_page(tmp_path: Path) -> None:
    whole = make_evaluation(frames=None, films=None, sources=make_evaluation().report.sources[:5], realism={}, notes=())
    page = write(tmp_path, replace(whole, samples=whole.samples[:5]))
    assert "5 photos, 0 films" in page and "No film was evaluated." in page
    assert set(metrics_of(page)) == {MEANINGS[stem(field.name)].name for field in fields(PictureScores)}


def test_cuts_are_marked() -> None:
    assert len(re.findall('<line class="cut"', plot_film(film_of(150), "film"))) == len(CUTS)
    assert '<line class="cut" x1="50.00%"' in plot_film(film_of(101, (50,)), "film")


def test_a_line_breaks_where_there_is_no_value() -> None:
    drawn = re.findall(r'<path class="colored" d="(.*?)"', plot_film(film_of(150), "film"))
    assert [path.count("M") for path in drawn] == [3, 1, 1]
    alone = re.findall(r'<path class="colored" d="(.*?)"', plot_film(film_of(3, (2,)), "film"))
    assert alone[0].count("M") == 1 and alone[0].endswith("h0")


@pytest.mark.parametrize("cuts", [(), (1,)])
def test_a_film_of_one_or_two_frames_is_drawn(cuts: tuple[int, ...]) -> None:
    plot = plot_film(film_of(1 + len(cuts), cuts), "film")
    assert "nan" not in plot and "inf" not in plot


def test_a_spike_outlives_the_joining_of_frames() -> None:
    moments = list(film_of(6000, ()))
    moments[3210] = replace(moments[3210], flicker=8.0)
    plot = plot_film(moments, "film")
    points = re.split("[ML]", re.findall(r'<path class="colored" d="(.*?)"', plot)[0])[1:]
    heights = [float(point.split()[1]) for point in points]
    assert len(heights) <= 600 and ">10</text>" in plot
    assert min(heights) == 20 and sum(height < 90 for height in heights) == 1


def test_a_long_film_makes_no_long_page(tmp_path: Path) -> None:
    whole = make_evaluation()
    film = replace(whole.report.sources[-1], moments=film_of(10_000, tuple(range(3, 10_000, 3))))
    page = write(tmp_path, replace(whole, samples=(), report=replace(whole.report, sources=(film,))))
    assert len(page) < 400_000


def test_hundreds_of_samples_are_thinned_evenly(tmp_path: Path) -> None:
    tiny = np.zeros((4, 4, 3), np.uint8)
    many = [Sample(f"{i}.jpg", None, tiny, tiny, tiny) for i in range(400)]
    places = [int(sample.source.removesuffix(".jpg")) for sample in chosen(many)]
    assert len(places) == MOST_SAMPLES and (places[0], places[-1]) == (0, 399)
    assert max(np.diff(places)) - min(np.diff(places)) <= 1
    page = write(tmp_path, replace(make_evaluation(), samples=tuple(many)))
    assert f"{400 - MOST_SAMPLES} samples left out" in page
    assert page.count('type="range"') == MOST_SAMPLES


def test_pictures_are_no_larger_than_they_are_shown(tmp_path: Path) -> None:
    large = photo(data.astronaut(), "large.jpg")
    vast = replace(large, truth=cv2.resize(large.truth, (3000, 2000)))
    page = write(tmp_path, replace(make_evaluation(), samples=(vast,)))
    assert max(len(uri) for uri in re.findall("data:image/jpeg[^\"']*", page)) < 200_000


def test_the_histogram_lights_the_colour_that_occurs(page: str) -> None:
    charts = [base64.b64decode(text) for text in re.findall(r"data:image/png;base64,([\w+/=]+)", page)]
    colored, truth = (cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB) for png in charts)
    column, row = 16, 21 - 8  # a* of 50 lies in the 17th of 22 bins, b* of -30 in the 9th from below
    assert truth.shape == (22, 22, 3) and np.argwhere(truth.max(axis=2) > 30).tolist() == [[row, column]]
    _, a, b = cv2.cvtColor(truth[row : row + 1, column : column + 1].astype(np.float32) / 255, cv2.COLOR_RGB2Lab)[0, 0]
    assert a > 30 and b < -15
    assert colored[10, 11].min() > truth[row, column].min() > 30, "more pixels are brighter"


@pytest.mark.parametrize(
    ("seconds", "digits", "text"),
    [(0, 0, "0:00"), (75.25, 1, "1:15.2"), (59.96, 1, "1:00.0"), (3725, 0, "1:02:05"), (0.05, 2, "0:00.05")],
)
def test_clock(seconds: float, digits: int, text: str) -> None:
    assert clock(seconds, digits) == text


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"^.*file/report: cannot be made \(.*\); choose another output$"):
        write_report(make_evaluation(), tmp_path / "file" / "report")


def test_a_page_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "index.html").mkdir()
    with pytest.raises(OutputError, match=r"^.*index\.html: cannot be written .*$"):
        write_report(make_evaluation(), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["index.html", "report.json"]
