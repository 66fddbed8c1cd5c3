"""Small files that claim too much are refused before memory or time is spent, unless the limit is raised."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from tests import bombs
from tests.clips import QUICK, Tone, make_film, make_picture, packets, pattern, with_grey
from vidcolor.cli import main
from vidcolor.data import PhotoViews, View
from vidcolor.errors import ConfigError, InputError
from vidcolor.originals import read_photo
from vidcolor.photos import Photo, find_photos
from vidcolor.screening import judge
from vidcolor.video import Limits, Span, VideoReader, open_reader, open_writer, probe
from vidcolor.video.boxes import count_samples

ROOMY = Limits(pixels=2**40, hours=1e9)
ENOUGH = 300_000
"""Kilobytes that opening a bomb may take on top of the interpreter's own."""
PEAK = """
import resource, sys
from pathlib import Path
from vidcolor.errors import InputError
from vidcolor.video import open_reader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        open_reader(Path(path))
        print("opened")
    except InputError as error:
        print(error)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_bombs_are_refused_before_they_go_off(tmp_path):
    made = [
        (bombs.png(tmp_path / "bomb.png", 60_000, 60_000, rows=99), "--max-pixels"),
        (bombs.gif(tmp_path / "bomb.gif", 60_000, 60_000), "--max-pixels"),
        (bombs.gif(tmp_path / "wide.gif", 15_800, 15_800), "--max-pixels"),
        (bombs.endless(tmp_path / "years.mkv"), "--max-hours"),
        (bombs.index(tmp_path / "years.mp4", 80_000_000), "--max-hours"),
        (bombs.index(tmp_path / "more.mp4", 4_000_000_000), "--max-hours"),
    ]
    assert max(path.stat().st_size for path, _ in made) < 10_000
    paths = [str(path) for path, _ in made]
    done = subprocess.run([sys.executable, "-c", PEAK, *paths], capture_output=True, text=True, check=True)
    *errors, grown = done.stdout.splitlines()
    for (path, flag), error in zip(made, errors, strict=True):
        assert str(path) in error and flag in error
    assert int(grown) < ENOUGH
    assert done.stderr == ""


def test_neither_training_nor_an_evaluation_decodes_a_bomb(tmp_path):
    bomb = bombs.png(tmp_path / "bomb.png", 60_000, 60_000, rows=99)
    (tmp_path / "small.png").write_bytes(b"P6 60000 60000 255 ")  # OpenCV reads it, whatever its suffix says
    large = bombs.png(tmp_path / "large.png", 1200, 1700)
    photos = {photo.name: photo for photo in find_photos([tmp_path])}
    for name in ("bomb.png", "small.png"):
        with pytest.raises(InputError, match=f"^{name}: claims a picture of 60000x60000 .*--max-pixels"):
            read_photo(photos[name], 256)
        assert judge(photos[name]) == "broken"
    assert bomb.stat().st_size < 10_000
    assert photos["large.png"].decode().shape == (1700, 1200, 3)
    with pytest.raises(InputError, match="--max-pixels"):
        read_photo(photos["large.png"], 256, Limits(pixels=1200 * 1700 - 1))
    views = PhotoViews([photos["bomb.png"], Photo(large)], 64)
    assert views[View(0, None)][1].shape == (3, 64, 64)


def test_a_raised_limit_lets_it_pass(tmp_path):
    with open_reader(bombs.endless(tmp_path / "years.mkv"), limits=ROOMY) as reader:
        assert [pts * reader.info.time_base for batch in reader.batches(4) for pts in batch.pts] == [0, bombs.TEN_YEARS]
    with open_reader(bombs.png(tmp_path / "large.png", 12_000, 17_000), limits=ROOMY) as reader:
        assert (reader.info.width, reader.info.height) == (12_000, 17_000)
    assert count_samples(bombs.index(tmp_path / "index.mp4", 1000)) == 1000


def test_the_usual_limits_let_a_16k_frame_pass(tmp_path):
    path = bombs.png(tmp_path / "16k.png", 15_360, 8_640)
    with open_reader(path) as reader:  # a warning of Pillow's would fail the test
        assert (reader.info.width, reader.info.height) == (15_360, 8_640)
    Limits().check_picture(path, 16_384, 8_640)


def test_pillows_own_limit_is_as_it_was(tmp_path):
    before = Image.MAX_IMAGE_PIXELS
    open_reader(make_picture(tmp_path / "in.png", pattern(1, 20, 30)[0]))
    with pytest.raises(InputError):
        open_reader(bombs.png(tmp_path / "bomb.png", 60_000, 60_000, rows=99))
    assert before == Image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv"])
def test_a_film_is_held_to_them_by_every_reader(tmp_path, name):
    film = make_film(tmp_path / name, count=40)
    with pytest.raises(InputError, match="--max-pixels"):
        VideoReader(film, Span(), Limits(pixels=64 * 47))
    with pytest.raises(InputError, match="--max-hours"):
        VideoReader(film, Span(), Limits(hours=1.5 / 3600))
    VideoReader(film, Span(), Limits(pixels=64 * 48, hours=1.7 / 3600))


def test_a_picture_that_grows_in_the_middle_is_not_decoded(tmp_path):
    film = tmp_path / "film.ts"
    small = make_film(tmp_path / "small.ts", count=200, width=32, height=32, codec="mpeg2video")
    large = make_film(tmp_path / "large.ts", count=9, width=128, height=96, codec="mpeg2video")
    film.write_bytes(small.read_bytes() + large.read_bytes())
    with open_reader(film) as reader:
        assert sum(map(len, reader.batches(4))) > 200
    with open_reader(film, limits=Limits(pixels=64 * 64)) as reader:
        assert sum(map(len, reader.batches(4))) in (199, 200)
        assert reader.losses


def test_sound_counts_no_frames(tmp_path):
    film = make_film(tmp_path / "film.mov", count=10, tones=[Tone("pcm_s16le")])
    assert count_samples(film) in range(5, 20)
    assert count_samples(make_film(tmp_path / "film.mkv", count=3)) == 0


def test_fragments_are_counted(tmp_path):
    film = make_film(tmp_path / "f.mp4", count=30, container_options={"movflags": "frag_keyframe+empty_moov"})
    assert count_samples(film) == 30


@pytest.mark.parametrize(
    "garbage", [b"\0\0\0\x08moov" * 9000, b"\0\0\0\0moov" * 9, b"\0\0\0\1moov\xff", b"\0\0\0\7moov"]
)
def test_senseless_boxes_come_to_an_end(tmp_path, garbage):
    (tmp_path / "x.mp4").write_bytes(garbage)
    assert count_samples(tmp_path / "x.mp4") == 0


def test_a_postscript_in_disguise_is_not_run(tmp_path):
    (tmp_path / "in.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
    with pytest.raises(InputError, match="is no picture"):
        open_reader(tmp_path / "in.png")


@pytest.mark.parametrize("pixels, hours", [(0, 1), (5, 0), (-1, 1), (5, float("nan"))])
def test_limits_check_themselves(pixels, hours):
    with pytest.raises(ConfigError, match="above 0"):
        Limits(pixels, hours)


@pytest.mark.parametrize("command", ["run", "preview", "compare", "eval", "info"])
def test_the_flags_have_the_library_s_defaults(command):
    known = {option.name: option.default for option in main.commands[command].params}
    assert Limits(known["max_pixels"], known["max_hours"]) == Limits()
    assert all(isinstance(option, click.Option) for option in main.commands[command].params if "max" in option.name)


@pytest.mark.parametrize("source", ["in.mp4", "in.png"])
@pytest.mark.parametrize("words", [["run", "out.mkv"], ["preview", "out.png"], ["info"], ["eval"]])
def test_the_flags_arrive(tmp_path, monkeypatch, words, source):
    make_film(tmp_path / "in.mp4", count=3)
    make_picture(tmp_path / "in.png", pattern(1, 48, 64)[0])
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, [words[0], source, *words[1:], "--max-pixels", "99"])
    if words[0] == "info":
        assert result.exit_code == 0
    else:
        assert result.exit_code == 1 and f"Error: {source}: claims a picture of 64x48 pixels" in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["in.mp4", "in.png"]


@pytest.mark.parametrize(("hours", "code", "said"), [("inf", 0, ""), ("nan", 1, "Error: limits must be above 0")])
def test_hours_that_are_no_number(tmp_path, hours, code, said):
    film = make_film(tmp_path / "in.mp4", count=3)
    result = CliRunner().invoke(main, ["info", str(film), "--max-hours", hours])
    assert result.exit_code == code and result.stderr.startswith(said)
    Limits(hours=float("inf")).check_frames(film, 2**63)


def test_raised_limits_hold_wherever_the_film_is_opened(tmp_path, monkeypatch):
    film = make_film(tmp_path / "in.mp4", count=3, tones=[Tone()])
    monkeypatch.setattr("vidcolor.video.source.count_samples", lambda source: 30_000_000)
    with pytest.raises(InputError, match="--max-hours"):
        open_reader(film)
    with (
        open_reader(film, limits=Limits(hours=1000)) as reader,
        open_writer(tmp_path / "out.mp4", reader, encoding=QUICK) as writer,
    ):
        for batch in reader.batches(3):
            writer.write(with_grey(batch, writer.planes))
    assert len(packets(tmp_path / "out.mp4", "audio")[0]) == len(packets(film, "audio")[0])


def test_info_of_a_bomb_stays_small(tmp_path):
    summary = probe(bombs.gif(tmp_path / "bomb.gif", 60_000, 60_000))
    assert [stream.is_picture for stream in summary.streams] == [False]
