"""A contact sheet: the right moments, found without decoding the film, shown as they will be coloured."""

from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from tests.clips import LOSSLESS, leftovers, make_film, make_picture, pattern
from tests.limits import room_for
from tests.models import make_model
from vidcolor.colorizer import load_colorizer
from vidcolor.compare import compare
from vidcolor.errors import ConfigError, InputError, OutputError
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.preview import preview
from vidcolor.sheet import GAP, GROUND, Pair, draw_sheet, time_code
from vidcolor.smooth import Smoother
from vidcolor.video import moments, open_reader

TURNED_RIGHT = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)


@pytest.fixture(scope="module")
def colorizer(tmp_path_factory):
    return load_colorizer(str(make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")), "cpu", 64)


@pytest.fixture
def decoded(monkeypatch):
    """The pts of every frame that is decoded while looking for moments."""
    seen = []
    original = moments.decode

    def counted(*words):
        for frame in original(*words):
            seen.append(frame.pts)
            yield frame

    monkeypatch.setattr(moments, "decode", counted)
    return seen


def read(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def cells(path, size, columns):
    """The pictures of a sheet of one row: (grey ones, coloured ones)."""
    sheet, (height, width) = read(path), size
    assert sheet.shape == (2 * GAP + 2 * height + GAP // 2, columns * (width + GAP) + GAP, 3)
    rows = [slice(GAP, GAP + height), slice(GAP + height + GAP // 2, GAP + 2 * height + GAP // 2)]
    places = [slice(GAP + index * (width + GAP), GAP + index * (width + GAP) + width) for index in range(columns)]
    return [[sheet[row, place] for place in places] for row in rows]


def seconds_of(reader, batch):
    return float(batch.pts[0] * reader.info.time_base)


# which moments


def test_a_long_film_is_sought_in_not_decoded(tmp_path, decoded):
    film = make_film(tmp_path / "in.mkv", count=3000, options={"g": "50", "sc_threshold": "0"})
    with open_reader(film) as reader:
        found = [seconds_of(reader, batch) for batch in reader.moments(8)]
    assert found == pytest.approx([7.52, 22, 36, 52, 66, 82, 96, 112], abs=0.05)
    assert len(decoded) < 8 + 50


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".avi", ".ts"])
def test_every_container_gives_its_moments(tmp_path, decoded, suffix):
    film = make_film(tmp_path / f"in{suffix}", count=1000, options={"g": "25", "sc_threshold": "0", "bf": "0"})
    with open_reader(film) as reader:
        found = [seconds_of(reader, batch) for batch in reader.moments(4)]
    assert np.abs(np.diff(found) - 10).max() <= 1.1
    assert 4 <= found[0] <= 6.5
    assert len(decoded) < 100


def test_without_key_frames_decoding_goes_on_as_far_as_is_cheap(tmp_path, decoded, monkeypatch):
    film = make_film(tmp_path / "in.mkv", count=200, options={"g": "1000", "sc_threshold": "0"})
    with open_reader(film) as reader:
        found = [seconds_of(reader, batch) for batch in reader.moments(4)]
        assert found == pytest.approx([1, 3, 5, 7])
        assert decoded == sorted(set(decoded))  # nothing is decoded twice
        monkeypatch.setattr(moments, "MOST_STEPS", 10)
        found = [seconds_of(reader, batch) for batch in reader.moments(4)]
    assert found == pytest.approx([0.36, 0.76, 1.16, 1.56])


def test_a_film_shorter_than_the_sheet_gives_what_it_has(tmp_path):
    film = make_film(tmp_path / "in.mp4", count=3)
    with open_reader(film) as reader:
        assert [batch.pts[0] * reader.info.time_base for batch in reader.moments(8)] == [
            0,
            Fraction(1, 25),
            Fraction(2, 25),
        ]


def test_the_pictures_are_the_frames_of_their_times(tmp_path):
    film = make_film(tmp_path / "in.mkv", count=60, codec="ffv1", pix_fmt="yuv420p10le")
    lumas = pattern(60, 48, 64, 10)
    with open_reader(film) as reader:
        for batch in reader.moments(5):
            assert np.array_equal(batch.luma[0, 0].numpy(), lumas[round(seconds_of(reader, batch) * 25)])


def test_damaged_places_are_passed_over_with_a_warning(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=200, width=320, height=240, options={"g": "10", "sc_threshold": "0"})
    content = bytearray(film.read_bytes())
    start, end = int(len(content) * 0.4), int(len(content) * 0.6)
    content[start:end] = np.random.default_rng(0).bytes(end - start)
    film.write_bytes(content)
    report = preview(film, tmp_path / "sheet.png", colorizer, count=10)
    assert 5 <= len(report.moments) < 10
    assert not [moment for moment in report.moments if 3.6 < moment < 4.4]
    assert report.warnings[0] == f"moments without a frame of their own: {10 - len(report.moments)}"
    assert all(warning.startswith("damaged at ") for warning in report.warnings[1:])


def test_a_film_cut_off_shows_what_is_left(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mp4", count=200, width=320, height=240, options={"g": "10"},
                     container_options={"movflags": "faststart"})  # fmt: skip
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    report = preview(film, tmp_path / "sheet.png", colorizer, count=4)
    assert 1 <= len(report.moments) < 4
    assert any("cut off" in warning for warning in report.warnings)


# what is on the sheet


def test_grey_stands_above_what_a_run_would_give(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=4, codec="ffv1", width=96, height=64, rate=1)
    report = preview(film, tmp_path / "sheet.png", colorizer, count=2)
    assert report.moments == (1.0, 3.0)
    grey, colored = cells(tmp_path / "sheet.png", (64, 96), 2)
    settings = RunSettings(encoding=LOSSLESS, smoother=Smoother(0))
    for index, moment in enumerate((1, 3)):
        (tmp_path / "one").mkdir(exist_ok=True)
        luma = pattern(4, 64, 96)[moment]
        expected = (luma.astype(int) - 16).clip(0, 219) * 255 / 219
        above_label = slice(0, 40)
        assert np.abs(grey[index] - expected[..., None])[above_label].max() <= 1
        alone = one_frame(tmp_path / f"{moment}.mkv", luma)
        colorize_video(alone, tmp_path / f"{moment}_out.mkv", colorizer, settings)
        with av.open(str(tmp_path / f"{moment}_out.mkv")) as container:
            run = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
        assert np.abs(colored[index] - run)[above_label].mean() < 5
        assert np.ptp(colored[index][above_label], axis=2).mean() > 10


def one_frame(path, luma):
    """A lossless film of one frame."""
    height, width = luma.shape
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", 1, width=width, height=height)
        stream.pix_fmt = "yuv420p"
        grey = np.full((height // 2, width), 128, np.uint8)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.vstack([luma, grey]), "yuv420p")))
        output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("size", "aspect", "matrix", "shown"),
    [
        ((64, 48), None, None, (48, 64)),
        ((1280, 720), None, None, (270, 480)),
        ((360, 640), None, None, (480, 270)),
        ((320, 240), Fraction(2), None, (180, 480)),
        ((160, 120), Fraction(4, 3), TURNED_RIGHT, (213, 120)),
        ((960, 540), None, TURNED_RIGHT, (480, 270)),
    ],
)
def test_pictures_have_the_shape_in_which_they_are_shown(tmp_path, colorizer, size, aspect, matrix, shown):
    film = make_film(
        tmp_path / "in.mp4",
        count=2,
        width=size[0],
        height=size[1],
        matrix=matrix,
        tags={"sample_aspect_ratio": aspect} if aspect else None,
    )
    preview(film, tmp_path / "sheet.png", colorizer, count=1)
    cells(tmp_path / "sheet.png", shown, 1)


def test_a_turned_film_stands_upright(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mp4", count=1, width=96, height=64, matrix=TURNED_RIGHT, options={"qp": "0"})
    preview(film, tmp_path / "sheet.png", colorizer, count=1)
    ((grey,), _) = cells(tmp_path / "sheet.png", (96, 64), 1)
    upright = np.rot90((pattern(1, 64, 96)[0].astype(int) - 16).clip(0, 219) * 255 / 219, -1)
    assert np.abs(grey[:70] - upright[:70, :, None]).max() <= 1


def test_a_still_gives_one_column_without_a_time(tmp_path, colorizer):
    exif = Image.Exif()
    exif[274] = 6
    luma = pattern(1, 60, 90)[0]
    picture = make_picture(tmp_path / "in.png", luma, exif=exif)
    report = preview(picture, tmp_path / "sheet.jpg", colorizer)
    assert report.moments == (0.0,)
    preview(picture, tmp_path / "sheet.png", colorizer)
    (grey,), (colored,) = cells(tmp_path / "sheet.png", (90, 60), 1)
    assert np.array_equal(grey, np.repeat(np.rot90(luma, -1)[..., None], 3, axis=2))
    assert np.ptp(colored, axis=2).mean() > 10
    assert np.abs(read(tmp_path / "sheet.jpg") - read(tmp_path / "sheet.png")).mean() < 6


def test_places_may_be_told_in_plain_strings(tmp_path, colorizer):
    grey = str(make_picture(tmp_path / "in.png", pattern(1, 64, 48)[0]))
    colored, sheet, both = (str(tmp_path / name) for name in ("out.png", "sheet.png", "both.png"))
    assert colorize_video(grey, colored, colorizer).target == colored
    assert preview(grey, sheet, colorizer).target == sheet
    assert compare(grey, colored, both).target == both


def test_saturation_zero_is_grey(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=3, codec="ffv1")
    preview(film, tmp_path / "sheet.png", colorizer, count=1, saturation=0)
    ((grey,), (colored,)) = cells(tmp_path / "sheet.png", (48, 64), 1)
    assert np.array_equal(grey, colored)


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (4, 1, 4), (5, 2, 3), (8, 2, 4), (9, 3, 3)])
def test_rows_are_filled_evenly(count, rows, columns):
    grey, colored = np.full((30, 40, 3), 90, np.uint8), np.full((30, 40, 3), 200, np.uint8)
    sheet = draw_sheet([Pair(grey, colored) for _ in range(count)])
    assert sheet.shape == (rows * (60 + GAP // 2 + GAP) + GAP, columns * (40 + GAP) + GAP, 3)
    assert (sheet == 90).sum() == (sheet == 200).sum() == count * grey.size
    assert (sheet == GROUND).sum() == sheet.size - 2 * count * grey.size


def test_the_time_is_written_on_every_picture_and_not_into_the_given_one():
    grey, colored = np.full((270, 480, 3), 90, np.uint8), np.full((270, 480, 3), 200, np.uint8)
    sheet = draw_sheet([Pair(grey, colored, Fraction(225))])
    for top, level in ((GAP, 90), (GAP + 270 + GAP // 2, 200)):
        picture = sheet[top : top + 270, GAP:-GAP]
        label = picture[245:, :130]
        assert (label == 255).any() and (label == level // 3).any()
        assert (picture[:235] == level).all()
        assert (picture[:, 150:] == level).all()
    assert (grey == 90).all() and (colored == 200).all()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0:00:00.0"), (12.34, "0:00:12.3"), (3599.99, "0:59:59.9"), (36_061, "10:01:01.0"), (-1, "0:00:00.0")],
)
def test_time_codes(seconds, words):
    assert time_code(Fraction(seconds)) == words


# errors


@pytest.mark.parametrize(
    ("source", "target", "error", "message"),
    [
        ("absent.mkv", "out.png", InputError, r"absent\.mkv: no such file"),
        ("film.mkv", "film.mkv", OutputError, "is the input itself"),
        ("film.mkv", "old.png", OutputError, "exists already"),
        ("film.mkv", "out.mkv", OutputError, r"\.mkv is no picture, use \.png or \.jpg"),
        ("film.mkv", "out", OutputError, "no suffix is no picture"),
        ("film.mkv", "nowhere/out.png", OutputError, "does not exist"),
    ],
)
def test_bad_input_is_one_line_and_touches_nothing(tmp_path, colorizer, source, target, error, message):
    make_film(tmp_path / "film.mkv", count=2)
    (tmp_path / "old.png").write_bytes(b"precious")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(error, match=message) as caught:
        preview(tmp_path / source, tmp_path / target, colorizer)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_sheet_that_cannot_be_saved_leaves_the_old_one(tmp_path, colorizer, suffix):
    film = make_film(tmp_path / "film.mkv", count=2)
    sheet = tmp_path / f"old{suffix}"
    sheet.write_bytes(b"precious")
    with room_for(1000), pytest.raises(OutputError, match=r"cannot be written \(File too large\)"):
        preview(film, sheet, colorizer, overwrite=True)
    assert sheet.read_bytes() == b"precious"
    assert leftovers(tmp_path) == []
    preview(film, sheet, colorizer, overwrite=True)
    assert read(sheet).shape[2] == 3


def test_a_file_that_came_to_be_meanwhile_is_left_alone(tmp_path, colorizer, monkeypatch):
    film, sheet = make_film(tmp_path / "film.mkv", count=2), tmp_path / "sheet.png"

    def draw(pairs):
        sheet.write_bytes(b"precious")
        return draw_sheet(pairs)

    monkeypatch.setattr("vidcolor.preview.draw_sheet", draw)
    with pytest.raises(OutputError, match=r"left alone; it is in sheet-2\.png$"):
        preview(film, sheet, colorizer)
    assert sheet.read_bytes() == b"precious" and read(tmp_path / "sheet-2.png").shape[2] == 3


def test_no_moments_are_no_sheet(tmp_path, colorizer):
    film = make_film(tmp_path / "film.mkv", count=2)
    with pytest.raises(ConfigError, match="at least 1 moment, got 0"):
        preview(film, tmp_path / "out.png", colorizer, count=0)


@pytest.mark.parametrize(("suffix", "most"), [(".jpg", 65500), (".webp", 16383)])
def test_a_sheet_that_its_format_does_not_hold_is_refused_before_the_work(
    tmp_path, colorizer, monkeypatch, suffix, most
):
    film = make_film(tmp_path / "film.mkv", count=30, width=64, height=480)
    monkeypatch.setattr("vidcolor.preview._expected", lambda reader, count: count)
    monkeypatch.setattr("vidcolor.preview._pairs", lambda *_: pytest.fail("the work was begun"))
    with pytest.raises(OutputError, match=f"more than the {most} pixels that its format has: use .png$"):
        preview(film, tmp_path / f"sheet{suffix}", colorizer, count=400)


def test_what_is_strange_about_the_source_is_told(tmp_path, colorizer):
    film = make_film(tmp_path / "film.mkv", count=4, tags={"color_trc": 18, "color_primaries": 9})
    assert any("HLG" in warning for warning in preview(film, tmp_path / "sheet.png", colorizer).warnings)
