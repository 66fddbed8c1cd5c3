"""A model is measured on photos and films: every number beside what it must be read with, nothing lost in silence."""

import io
import math
import re
import tarfile
from dataclasses import asdict, astuple, fields, replace
from itertools import islice

import av
import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from tests.clips import make_film
from tests.models import make_model
from tests.scenes import STORED, glide, photo, write_film
from vidcolor import console
from vidcolor.color import luma_of, read_luma, rgb_to_lab
from vidcolor.colorizer import load_colorizer
from vidcolor.errors import ConfigError, InputError
from vidcolor.evaluate import EvalSettings, evaluate
from vidcolor.metrics import Extractor
from vidcolor.originals import LAYOUT, find_originals, read_film, to_rgb
from vidcolor.report import write_report
from vidcolor.scores import FilmScores, PictureScores
from vidcolor.smooth import Smoother
from vidcolor.tally import Colors, FilmTally, HistogramTally, PictureTally, Step, mean_scores

HEIGHT, WIDTH = 72, 96
SETTINGS = EvalSettings(size=64)
FIRST, SECOND = 22, 6
"""Frames of the shots of the film."""


@pytest.fixture(scope="module", autouse=True)
def no_weights(tmp_path_factory):
    """torch.hub's folder is empty: what needs somebody else's weights is not measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(tmp_path_factory.mktemp("hub")))
        yield


@pytest.fixture(scope="module")
def colorizer(tmp_path_factory):
    return load_colorizer(str(make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")), "cpu", 64)


def encoded(rgb, suffix=".png"):
    """R′G′B′ (3, H, W) in 0..1 -> the bytes of a picture."""
    pixels = (rgb * 255).round().byte().movedim(0, -1).numpy()
    return cv2.imencode(suffix, pixels[..., ::-1])[1].tobytes()


def add_photos(folder, *names, size=(HEIGHT, WIDTH)):
    for name in names:
        (folder / f"{name}.png").write_bytes(encoded(photo(name, *size)))


def add_tar(path, *names):
    with tarfile.open(path, "w") as archive:
        for name in names:
            content = encoded(photo(name, HEIGHT, WIDTH), ".jpg")
            member = tarfile.TarInfo(f"deep/{name}.jpg")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def two_shots():
    return torch.cat([glide("astronaut", FIRST, HEIGHT, WIDTH), glide("coffee", SECOND, HEIGHT, WIDTH)])


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A folder with two photos, a film of two shots and words, and a tar archive of two photos."""
    folder = tmp_path_factory.mktemp("sources")
    (folder / "deep").mkdir()
    add_photos(folder / "deep", "chelsea", "rocket")
    write_film(folder / "deep" / "film.mkv", two_shots())
    (folder / "notes.txt").write_text("no picture")
    add_tar(folder / "more.tar", "astronaut", "coffee")
    return folder


@pytest.fixture(scope="module")
def heard():
    return []


@pytest.fixture(scope="module")
def found(sources, colorizer, heard):
    return evaluate([sources], colorizer, SETTINGS, lambda *told: heard.append(told))


# what is found, and what is told


def test_a_mix_is_measured_whole(found):
    rows = {row.source: (row.frames, row.shots, row.film is not None, len(row.moments)) for row in found.report.sources}
    still = (1, 1, False, 0)
    assert rows == {
        "chelsea.png": still,
        "rocket.png": still,
        "astronaut.jpg": still,
        "coffee.jpg": still,
        "film.mkv": (FIRST + SECOND, 2, True, FIRST + SECOND),
    }


def test_each_source_is_announced_before_it_is_measured(found, heard):
    assert sorted(name for name, _, _ in heard) == sorted(row.source for row in found.report.sources)
    assert [(done, total) for _, done, total in heard] == [(done, 5) for done in range(5)]


def test_the_report_says_what_it_depends_on(found, colorizer):
    report = found.report
    assert (report.model, report.device.split()[0], report.size, report.saturation) == ("tiny", "cpu", 64, 1.0)
    assert (report.work_size, report.fast) == (colorizer.work_size, False)
    assert report.smooth == Smoother().strength and report.seconds > 0 and report.realism == {}
    assert any(note.startswith("FID-Inception and IS-Inception are not measured") for note in report.notes)
    assert not any("left out" in note for note in report.notes)


def test_photos_and_films_are_never_in_one_mean(found):
    report = found.report
    photos = [row.pictures for row in report.sources if row.film is None]
    (film,) = (row for row in report.sources if row.film)
    assert report.frames == film.pictures and report.films == film.film
    for field in ("mse", "psnr", "psnr_of_grey", "ssim", "ciede2000", "colorfulness", "colorfulness_of_truth"):
        mean = np.mean([getattr(scores, field) for scores in photos])
        assert getattr(report.photos, field) == pytest.approx(mean, rel=1e-5), field


def test_moments_tell_the_film_over_time(found):
    (film,) = (row for row in found.report.sources if row.film)
    assert [moment.seconds for moment in film.moments] == pytest.approx(np.arange(FIRST + SECOND) / 25)
    assert [i for i, moment in enumerate(film.moments) if moment.starts_shot] == [0, FIRST]
    silent = [i for i, moment in enumerate(film.moments) if moment.flicker_of_truth is None]
    assert set(silent) >= {0, FIRST}
    assert film.pictures.psnr == pytest.approx(np.mean([moment.psnr for moment in film.moments]))


def test_one_sample_for_every_photo_and_shot(found):
    """Of a shot its 13th frame, or its last where it is shorter."""
    shown = {(sample.source, sample.seconds) for sample in found.samples}
    assert shown == {(f"{name}.png", None) for name in ("chelsea", "rocket")} | {
        (f"{name}.jpg", None) for name in ("astronaut", "coffee")
    } | {("film.mkv", 12 / 25), ("film.mkv", (FIRST + SECOND - 1) / 25)}


def test_samples_show_grey_colour_and_truth_at_the_size_that_was_compared(found):
    height, width = 55, 74  # of an area of at most 64²
    for sample in found.samples:
        assert {picture.shape for picture in (sample.grey, sample.colored, sample.truth)} == {(height, width, 3)}
        assert np.ptp(sample.grey, axis=2).max() == 0
        assert np.ptp(sample.truth.astype(int), axis=2).mean() > 10
        luma = sample.truth @ np.array([0.2126, 0.7152, 0.0722])
        assert np.abs(sample.grey[..., 0] - luma).mean() < 1


def test_the_histogram_counts_every_pixel_that_is_looked_at_closely(found):
    """All photos, and one frame of a film in eight."""
    looked_at = (4 + math.ceil((FIRST + SECOND) / 8)) * 55 * 74
    assert found.histogram.colored.sum() == found.histogram.truth.sum() == looked_at


@pytest.mark.parametrize(("size", "shape"), [(256, (96, 128)), (112, (96, 128)), (64, (55, 74))])
def test_pictures_are_shrunk_and_never_enlarged(tmp_path, colorizer, size, shape):
    add_photos(tmp_path, "rocket", size=(96, 128))
    write_film(tmp_path / "film.mkv", glide("coffee", 2, 96, 128))
    samples = evaluate([tmp_path], colorizer, EvalSettings(size=size)).samples
    assert [sample.truth.shape[:2] for sample in samples] == [shape, shape]


def test_a_tiny_size_is_refused():
    with pytest.raises(ConfigError, match="at least 64, got 63"):
        EvalSettings(size=63)


def test_features_of_a_classifier_are_compared(tmp_path, colorizer):
    class Means(nn.Module):
        def forward(self, pictures):
            return pictures.mean((2, 3)), pictures.mean((2, 3))

    add_photos(tmp_path, "chelsea", "rocket", "coffee")
    report = evaluate([tmp_path], colorizer, replace(SETTINGS, features=(Extractor("Means", 3, Means()),))).report
    assert set(report.realism) == {"FID-Means", "IS-Means", "IS-Means of the truth"}
    assert report.realism["FID-Means"] > 0
    assert any("of 3 pictures and biased" in note for note in report.notes)


# what is honest


def test_nothing_but_the_luma_is_seen(tmp_path, colorizer):
    """Two films of one luma and other colours are coloured the same."""
    rgb = two_shots()[::3]
    write_film(tmp_path / "colored.mkv", rgb)
    write_film(tmp_path / "grey.mkv", luma_of(rgb))
    one, other = (evaluate([tmp_path / f"{name}.mkv"], colorizer, SETTINGS) for name in ("colored", "grey"))
    assert other.report.frames.colorfulness_of_truth < 1 < 10 < one.report.frames.colorfulness_of_truth
    assert one.report.frames.colorfulness == pytest.approx(other.report.frames.colorfulness, abs=0.1)
    for left, right in zip(one.samples, other.samples, strict=True):
        assert np.abs(left.colored.astype(int) - right.colored).max() <= 2


def test_a_damaged_film_is_measured_and_named(colorizer, tmp_path):
    film = make_film(tmp_path / "film.mp4", count=20, width=96, height=96, options={"g": "5"})
    assert not any("damaged" in note for note in evaluate([film], colorizer, SETTINGS).report.notes)
    with av.open(str(film)) as container:
        packet = bytes([packet for packet in container.demux(video=0) if packet.size][10])
    film.write_bytes(film.read_bytes().replace(packet, packet[:6] + b"\x55" * (len(packet) - 6)))
    report = evaluate([film], colorizer, SETTINGS).report
    assert report.sources[0].frames > 10
    assert [note.startswith(f"{film}: damaged in ") for note in report.notes if "damaged" in note] == [True]


def test_a_film_is_measured_as_far_as_it_can_be_read(colorizer, tmp_path, monkeypatch):
    film = write_film(tmp_path / "film.mkv", glide("coffee", 90, 48, 64))

    def fail_after(count):
        def read(*words):
            yield from islice(read_film(*words), count)
            raise InputError("film.mkv: cannot be read any more")

        return read

    with monkeypatch.context() as patch:
        patch.setattr("vidcolor.evaluate.read_film", fail_after(20))
        report = evaluate([film], colorizer, SETTINGS).report
    frames = report.sources[0].frames
    assert 0 < frames <= 20 * colorizer.batch_size < 90
    assert f"film.mkv: cannot be read any more; measured up to {(frames - 1) / 25:.1f} s" in report.notes
    monkeypatch.setattr("vidcolor.evaluate.read_film", fail_after(0))
    with pytest.raises(InputError, match=r"any more$"):
        evaluate([film], colorizer, SETTINGS)


def test_a_film_is_its_own_truth(tmp_path):
    """What is compared with is the film as it was made, up to rounding: 219 levels, shown with 255."""
    rgb = two_shots()
    film = write_film(tmp_path / "film.mkv", rgb)
    read = torch.cat([to_rgb(batch) for batch, _ in read_film(film, 256, 5)])
    assert read.shape == rgb.shape
    assert (read - rgb).abs().mean() < 1 / 255
    assert STORED.matrix == LAYOUT.matrix


class Oracle:
    """Colours as the originals are: what a perfect network would do."""

    def __init__(self, colorizer, gain=1.0):
        self.meta, self.place, self.warnings = colorizer.meta, colorizer.place, ()
        self.batch_size, self.gain, self.fast, self.work_size = 4, gain, False, colorizer.work_size

    def stream(self, batches, planes):
        for batch in batches:
            yield replace(batch, guide=read_luma(batch.luma, planes), ab=self.gain * rgb_to_lab(to_rgb(batch))[:, 1:])


def test_the_better_the_colours_the_better_the_scores(sources, colorizer, found):
    """Not perfect: the pictures are brought through the guided filter, as they would be when written."""
    perfect, half = (evaluate([sources], Oracle(colorizer, gain), SETTINGS).report for gain in (1.0, 0.5))
    for kind in ("photos", "frames"):
        best, middle, tiny = (getattr(report, kind) for report in (perfect, half, found.report))
        assert best.psnr > middle.psnr > tiny.psnr and best.gain > 6
        assert best.ciede2000 < middle.ciede2000 < tiny.ciede2000
        assert best.auc > middle.auc > tiny.auc
        assert 0.85 < best.vividness < 1.05 and middle.vividness == pytest.approx(best.vividness / 2, rel=0.25)
        assert best.larger_channel > 0.8
    assert perfect.films.cut_lag is None  # the second shot is too short for it


def test_grey_is_not_called_good(tmp_path, sources, colorizer):
    found = evaluate([sources], colorizer, replace(SETTINGS, saturation=0))
    for scores in (found.report.photos, found.report.frames):
        assert scores.colorfulness < 0.1 < 10 < scores.colorfulness_of_truth
        assert scores.psnr == pytest.approx(scores.psnr_of_grey, abs=0.05)
        assert scores.vividness < 0.01
    assert found.report.films.flicker < 1e-4 and found.report.saturation == 0
    page = write_report(found, tmp_path).read_text("utf-8")
    headline = page[page.index('<div class="headline">') : page.index("<nav")]
    assert headline.count("PSNR 0.00\u202fdB above grey at 0\u202f% of the originals’ colourfulness") == 2


def test_without_the_filter_both_columns_are_the_same(sources, colorizer):
    report = evaluate([sources / "deep" / "film.mkv"], colorizer, replace(SETTINGS, smoother=Smoother(0))).report
    films = report.films
    assert report.smooth == 0
    assert (films.cdc, films.flicker, films.warp_error) == (
        films.cdc_unsmoothed,
        films.flicker_unsmoothed,
        films.warp_error_unsmoothed,
    )
    assert (report.frames.psnr, report.frames.colorfulness) == (films.psnr_unsmoothed, films.colorfulness_unsmoothed)


def test_the_filter_makes_the_film_steadier(found):
    films = found.report.films
    assert films.flicker < films.flicker_unsmoothed and films.warp_error < films.warp_error_unsmoothed


# what cannot be read


def test_what_cannot_be_read_is_named_and_the_rest_is_measured(tmp_path, colorizer):
    add_photos(tmp_path, "coffee", "rocket")
    write_film(tmp_path / "film.mkv", glide("chelsea", 3, HEIGHT, WIDTH))
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "bad.mp4").write_bytes(b"\0" * 1000)
    (tmp_path / "bad.tar").write_text("no archive at all" * 100)
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "sliver.png").write_bytes(encoded(photo("rocket", 10, 200)))
    report = evaluate([tmp_path], colorizer, SETTINGS).report
    assert sorted(row.source for row in report.sources) == ["coffee.png", "film.mkv", "rocket.png"]
    left_out = [note for note in report.notes if note.startswith("left out: ")]
    assert [next(note for note in left_out if name in note) for name in ("bad.jpg", "empty.png", "bad.mp4", "bad.tar")]
    assert "sliver.png: 200 x 10 is too small" in " ".join(left_out)
    assert len(left_out) == 5 and not any("\n" in note for note in left_out)


def test_what_is_hidden_is_no_original(tmp_path):
    make_film(tmp_path / "film.mp4", count=3)
    add_photos(tmp_path, "coffee")
    before = find_originals([tmp_path])
    for name in (".film.mp4.vidcolor/whole.mp4", ".x.partial-0a.mp4", "._coffee.png", "._coffee.tar"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"half of it")
    assert find_originals([tmp_path]) == before


def test_where_nothing_can_be_read_one_line_says_why(tmp_path, colorizer):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    (tmp_path / "bad.mp4").write_bytes(b"\0" * 1000)
    with pytest.raises(InputError, match=r"^bad\.jpg: is no picture that can be read; .*bad\.mp4: ") as raised:
        evaluate([tmp_path], colorizer, SETTINGS)
    assert "\n" not in str(raised.value)


def test_a_photo_that_goes_away_meanwhile_is_named(tmp_path, colorizer):
    add_photos(tmp_path, "coffee", "rocket")

    def take_away(name, done, total):
        if done == 0:
            (tmp_path / "rocket.png").unlink()

    report = evaluate([tmp_path], colorizer, SETTINGS, take_away).report
    assert [row.source for row in report.sources] == ["coffee.png"]
    assert any(note.startswith("left out: rocket.png: cannot be read (No such file") for note in report.notes)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent.mp4", r"absent\.mp4: no such file or folder"),
        ("words.txt", r"words\.txt: no films and no pictures there"),
        ("empty", "empty: no films and no pictures there"),
        ("words.tar", r"words\.tar: not an uncompressed tar archive"),
    ],
)
def test_sources_with_nothing_in_them_are_refused(tmp_path, colorizer, name, message):
    (tmp_path / "empty").mkdir()
    for words in ("words.txt", "words.tar"):
        (tmp_path / words).write_text("no picture and no archive" * 100)
    with pytest.raises(InputError, match=message):
        evaluate([tmp_path / name], colorizer, SETTINGS)


# what cannot be measured


@pytest.fixture
def one_frame(tmp_path, colorizer):
    return evaluate([write_film(tmp_path / "one.mkv", photo("coffee", 48, 64)[None])], colorizer, SETTINGS)


def test_a_film_of_one_frame_has_no_steadiness(one_frame):
    films = asdict(one_frame.report.films)
    always = {name: films.pop(name) for name in ("psnr_unsmoothed", "colorfulness_unsmoothed")}
    assert set(films.values()) == {None} and None not in always.values()
    assert len(one_frame.samples) == 1 and one_frame.report.photos is None


def test_what_is_none_is_printed_and_written(one_frame, tmp_path, capsys):
    console.print_evaluation(one_frame.report)
    shown = capsys.readouterr().out
    assert "None" not in shown and "Colourfulness" in shown
    page = write_report(one_frame, tmp_path / "report").read_text("utf-8")
    assert not re.search(r"\b(None|nan)\b", page)
    assert page.count('data-of="coloured">not measured</td>') == 5  # LPIPS, CDC, flicker, warp error, lag


def test_a_film_in_which_everything_changes_has_no_flicker(tmp_path, colorizer):
    """CDC is measured, and what stands still is nowhere; the page says the one without the other."""
    light = torch.tensor([0.0, 0.3, 0.1, 0.4]).view(-1, 1, 1, 1)
    film = write_film(tmp_path / "in.mkv", 0.1 + 0.5 * photo("coffee", 48, 64)[None] + light)
    found = evaluate([film], colorizer, SETTINGS)
    assert found.report.films.flicker is None and found.report.films.cdc is not None
    page = write_report(found, tmp_path / "report").read_text("utf-8")
    assert "Films: consistency of colours (CDC)" in page and "Films: flicker" not in page


# tallies


def colors(count=1, seed=0):
    return Colors(torch.rand(count, 3, 40, 48, generator=torch.Generator().manual_seed(seed)))


def steps_of(count, cuts=(), late=0, *, smoothed=None):
    """Steps of a glide whose colours are the truth, after each cut grey for `late` frames."""
    truth = glide("coffee", count, 48, 64)
    luma = luma_of(truth)
    for index in range(count):
        since = min((index - cut for cut in cuts if cut <= index), default=late)
        true = Colors(truth[index : index + 1])
        shown = Colors(luma[index : index + 1].expand(-1, 3, -1, -1)) if since < late else true
        yield Step(index / 25, index in (0, *cuts), luma[index : index + 1], shown, shown, true)


def test_a_picture_that_is_the_truth_is_perfect():
    tally, truth = PictureTally(), colors()
    tally.add(truth, truth, luma_of(truth.rgb))
    scores = tally.scores
    assert scores.psnr == pytest.approx(100) and scores.mse == 0 and scores.ssim == pytest.approx(1)
    assert scores.ciede2000 == pytest.approx(0, abs=1e-4)
    assert scores.auc == scores.auc_rebalanced == scores.larger_channel == scores.vividness == 1
    assert scores.lpips is None and scores.gain > 50


def test_slow_metrics_only_look_at_samples():
    tally, truth, other = PictureTally(), colors(), colors(seed=1)
    tally.add(truth, truth, luma_of(truth.rgb))
    tally.add(other, truth, luma_of(truth.rgb), is_sample=False)
    assert tally.scores.ssim == pytest.approx(1) and tally.scores.auc == 1
    assert tally.scores.psnr < 60


def test_a_film_that_is_the_truth_is_as_steady_as_the_truth():
    tally = FilmTally(PictureTally())
    looked_at = [tally.add(step) for step in steps_of(40, cuts=(20,))]
    scores = tally.scores
    assert [i for i, looked in enumerate(looked_at) if looked] == [0, 8, 16, 24, 32]
    assert scores.cdc == scores.cdc_of_truth > 0
    assert scores.flicker == scores.flicker_of_truth > 0
    assert scores.warp_error == scores.warp_error_of_truth > 0
    assert (scores.cut_lag, tally.shots, tally.pictures.scores.ciede2000) == (0, 2, pytest.approx(0, abs=1e-4))


def test_colours_that_come_late_after_a_cut_lag():
    tally = FilmTally(PictureTally())
    for step in steps_of(40, cuts=(20,), late=5):
        tally.add(step)
    assert tally.scores.cut_lag == 5


def test_nothing_is_compared_over_a_cut():
    """Two shots that rest, each in its own colour."""
    tally, luma = FilmTally(PictureTally()), torch.full((1, 1, 40, 48), 0.5)
    for index in range(8):
        shown = Colors(torch.full((1, 3, 40, 48), 0.5) + (0.2 if index >= 4 else -0.2))
        tally.add(Step(index / 25, index in (0, 4), luma, shown, shown, shown))
    assert (tally.scores.flicker, tally.scores.cdc, tally.scores.warp_error) == (0, 0, 0)


def test_the_histogram_knows_where_colours_lie():
    tally = HistogramTally()
    tally.add(Colors(torch.full((1, 3, 10, 10), 0.5)), Colors(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)))
    found = tally.histogram
    assert found.colored.sum() == 100 and found.truth.sum() == 1
    (row, column), edges = np.argwhere(found.truth)[0], found.edges
    assert edges[row] <= 80.1 <= edges[row + 1] and edges[column] <= 67.2 <= edges[column + 1]  # red, CIE 15


def test_vivid_colours_all_have_a_place_in_the_histogram():
    """The corners of sRGB reach farthest."""
    corners = torch.tensor([[red, green, blue] for red in (0, 1) for green in (0, 1) for blue in (0, 1)])
    rgb = Colors(corners.float().T.reshape(1, 3, 2, 4))
    tally = HistogramTally()
    tally.add(rgb, rgb)
    assert tally.histogram.truth.sum() == 8


def test_means_over_films_leave_out_what_was_not_measured():
    blank = dict.fromkeys(field.name for field in fields(FilmScores))
    one, other = FilmScores(**blank | {"cdc": 1.0, "flicker": 2.0}), FilmScores(**blank | {"cdc": 3.0})
    mean = mean_scores([one, other])
    assert (mean.cdc, mean.flicker, mean.warp_error) == (2, 2, None)
    assert mean_scores([]) is None
    same = PictureScores(*range(11))
    assert astuple(mean_scores([same, same])) == tuple(range(11))


def test_many_photos_leave_few_samples_spread_evenly(tmp_path, colorizer, monkeypatch):
    monkeypatch.setattr("vidcolor.evaluate.MOST_SAMPLES", 2)
    picture = encoded(photo("coffee", 32, 40))
    for number in range(11):
        (tmp_path / f"{number:02}.png").write_bytes(picture)
    found = evaluate([tmp_path], colorizer, SETTINGS)
    assert len(found.report.sources) == 11
    assert [sample.source for sample in found.samples] == ["00.png", "04.png", "08.png"]


def test_originals_without_colour_are_named(tmp_path, colorizer):
    add_photos(tmp_path, "coffee")
    for name in ("a.png", "b.png"):
        Image.fromarray(np.full((64, 64), 90, np.uint8)).save(tmp_path / name)
    notes = evaluate([tmp_path], colorizer, SETTINGS).report.notes
    assert "originals without any colour among them: 2 (a.png, b.png)" in notes
