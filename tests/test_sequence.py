"""Numbered pictures are the frames of a film: all of them, in their order, at the rate that is given."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.clips import LOSSLESS, leftovers, make_film, make_picture, pattern, shown
from tests.models import make_model
from vidcolor.cli import main
from vidcolor.colorizer import load_colorizer
from vidcolor.errors import ConfigError, InputError
from vidcolor.jobs import FEWEST_FRAMES, plan_jobs
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.preview import preview
from vidcolor.video import Limits, StillReader, find_sequence, open_reader

pytestmark = pytest.mark.openvino

COUNT, HEIGHT, WIDTH = 12, 48, 64
SETTINGS = RunSettings(encoding=LOSSLESS)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")


@pytest.fixture(scope="module")
def colorizer(model):
    return load_colorizer(str(model), "cpu", 64)


def scan(folder: Path, name="%04d.png", count=COUNT, first=95, depth=8):
    """Numbered pictures, and the name for all of them."""
    folder.mkdir(exist_ok=True)
    for number, samples in enumerate(pattern(count, HEIGHT, WIDTH, depth), first):
        make_picture(folder / (name % number), samples)
    return folder / name


@pytest.mark.parametrize(("name", "depth"), [("%04d.png", 8), ("f_%d.png", 16), ("%05d.tif", 16), ("%03d.bmp", 8)])
def test_every_picture_is_a_frame_and_its_luma_stays(tmp_path, colorizer, name, depth):
    target = tmp_path / "out.mkv"
    report = colorize_video(scan(tmp_path / "scan", name, depth=depth), target, colorizer, SETTINGS)
    assert report.frames == COUNT and report.warnings == () == report.losses
    assert np.array_equal([frame.luma for frame in shown(target)], pattern(COUNT, HEIGHT, WIDTH, depth))


@pytest.mark.parametrize(
    ("said", "rate"),
    [("", 24), ("@18", 18), ("@16.5", Fraction(33, 2)), ("@23.976", Fraction(24000, 1001)),
        ("@29.97", Fraction(30000, 1001))],
)  # fmt: skip
def test_the_rate_is_what_stands_behind_the_name(tmp_path, said, rate):
    with open_reader(Path(f"{scan(tmp_path / 'scan')}{said}")) as reader:
        assert reader.info.rate == rate and reader.info.frame_count == COUNT
        pts = [pts * reader.info.time_base for batch in reader.batches(5) for pts in batch.pts]
    assert pts == [number / Fraction(rate) for number in range(COUNT)]


@pytest.mark.parametrize("rate", ["0", "-3", "fast", "1e9", "", "1/0", "nan"])
def test_a_rate_that_is_none_is_refused_in_a_line(rate):
    with pytest.raises(InputError, match=r"behind the @ belong frames a second"):
        open_reader(Path(f"%04d.png@{rate.replace('/', '∕')}"))


def test_a_missing_number_is_refused(tmp_path):
    name = scan(tmp_path / "scan")
    for number in (97, 100, 106):
        (tmp_path / "scan" / f"{number:04d}.png").unlink()
    with pytest.raises(InputError, match=r"0097\.png: is missing, and 1 more; .*from 0095\.png to 0105\.png"):
        open_reader(name)


def test_no_picture_of_the_name_is_one_line(tmp_path):
    (tmp_path / "1.png").mkdir()
    with pytest.raises(InputError, match=r"1\.png: no picture of that name"):
        open_reader(tmp_path / "%d.png")
    with pytest.raises(InputError, match=r"nowhere: cannot be read \(No such file or directory\)"):
        open_reader(tmp_path / "nowhere" / "%d.png")


def test_numbers_are_written_as_the_name_says(tmp_path):
    folder = tmp_path / "100%"
    scan(folder, "%d.png", 3, first=9)
    scan(folder, "%04d.png", 2, first=10)
    scan(folder, "9%%_%03d.png", 2, first=999)
    for name, numbers in (("%d.png", (9, 10, 11)), ("%04d.png", (10, 11)), ("9%_%03d.png", (999, 1000))):
        sequence = find_sequence(folder / name)
        assert tuple(sequence.numbers) == numbers
        assert all(file.is_file() for file in sequence.files)
        with open_reader(folder / name) as reader:
            assert sum(map(len, reader.batches(4))) == len(numbers)


def test_a_file_that_is_called_so_is_that_file(tmp_path):
    picture = make_picture(tmp_path / "%04d.png", pattern(1, HEIGHT, WIDTH)[0])
    film = make_film(tmp_path / "%d.mkv", count=3, codec="ffv1")
    assert find_sequence(film) is None
    with open_reader(picture) as still, open_reader(film) as reader:
        assert isinstance(still, StillReader) and sum(map(len, reader.batches(4))) == 3


def test_a_damaged_picture_is_named_and_the_others_keep_their_times(tmp_path, colorizer):
    name = scan(tmp_path / "scan")
    (tmp_path / "scan" / "0099.png").write_bytes(b"no picture")
    report = colorize_video(name, tmp_path / "out.mkv", colorizer, SETTINGS)
    assert report.frames == COUNT - 1 and len(report.losses) == 1 and report.losses[0].startswith("0.167 s")
    frames = shown(tmp_path / "out.mkv")
    assert np.array_equal([frame.luma for frame in frames], np.delete(pattern(COUNT, HEIGHT, WIDTH), 4, axis=0))
    assert frames[4].seconds == pytest.approx(5 / 24, abs=0.001)


def test_limits_hold_for_the_pictures_and_their_number(tmp_path):
    name = scan(tmp_path / "scan")
    with pytest.raises(InputError, match="--max-pixels"):
        open_reader(name, limits=Limits(pixels=HEIGHT * WIDTH - 1))
    with pytest.raises(InputError, match="--max-hours"):
        open_reader(name, limits=Limits(hours=(COUNT - 1) / 60 / 3600))


def test_a_run_goes_on_only_with_the_same_pictures_and_rate(tmp_path, colorizer):
    name, target = scan(tmp_path / "scan", count=4), tmp_path / "out.mkv"
    settings = replace(SETTINGS, resume=True)
    with pytest.raises(RuntimeError, match="pulled"):
        colorize_video(name, target, colorizer, settings, pull)
    with pytest.raises(ConfigError, match="source was"):
        colorize_video(Path(f"{name}@18"), target, colorizer, settings)
    last = tmp_path / "scan" / "0098.png"
    kept = last.read_bytes()
    make_picture(last, pattern(1, HEIGHT, WIDTH)[0])
    with pytest.raises(ConfigError, match="source was"):
        colorize_video(name, target, colorizer, settings)
    last.write_bytes(kept)
    assert colorize_video(name, target, colorizer, settings).frames == 4
    assert leftovers(tmp_path) == []


def pull(done, expected):
    raise RuntimeError("pulled")


def test_a_sheet_shows_moments_of_it(tmp_path, colorizer):
    report = preview(scan(tmp_path / "scan"), tmp_path / "sheet.png", colorizer, count=3)
    assert report.moments == pytest.approx([2 / 24, 6 / 24, 10 / 24])


@pytest.mark.parametrize(("name", "made"), [("%04d.png", "scan.mkv"), ("reel_%d.png@18", "reel.mkv")])
def test_in_a_folder_the_film_is_called_like_its_pictures(tmp_path, name, made):
    (job,) = plan_jobs([str(tmp_path / "scan" / name)], tmp_path)
    assert job.target == tmp_path / made


@pytest.mark.parametrize(
    ("name", "first", "count", "hint"),
    [("%05d.png", 1, FEWEST_FRAMES, "%05d.png"), ("f-%d.png", 1, FEWEST_FRAMES, "f-%d.png"),
        ("%05d.png", 1, FEWEST_FRAMES - 1, None), ("%d0.png", 1, FEWEST_FRAMES, None)],
)  # fmt: skip
def test_pictures_that_look_like_a_film_are_told_of(tmp_path, model, name, first, count, hint):
    scan(tmp_path / "scan", name, count, first)
    done = CliRunner().invoke(main, ["run", str(tmp_path / "scan"), str(tmp_path / "out"), "--model", str(model)])
    assert done.exit_code == 0, done.output
    words = f"{count} numbered pictures are coloured one by one; if they are the frames of a film, give "
    assert (f"{words}{tmp_path / 'scan'}/{hint}" in done.stderr) == (hint is not None)
