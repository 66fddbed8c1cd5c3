"""Grey beside colour, and two films in one: every half is what it was alone, at the time it had alone."""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.clips import LOSSLESS, QUICK, Line, Tone, leftovers, make_film, make_picture, packets, pattern
from tests.models import make_model
from vidcolor.colorizer import load_colorizer
from vidcolor.compare import compare
from vidcolor.errors import ConfigError, InputError, OutputError
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.video import Encoding, Span
from vidcolor.video.source import display_matrix

TURNS = {
    "right": ((0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30), lambda plane: np.rot90(plane, -1)),
    "left": ((0, -65536, 0, 65536, 0, 0, 0, 0, 1 << 30), np.rot90),
    "over": ((-65536, 0, 0, 0, -65536, 0, 0, 0, 1 << 30), lambda plane: np.rot90(plane, 2)),
    "mirrored": ((-65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30), np.fliplr),
}
"""Display matrix, and what it does to a plane."""


@pytest.fixture(scope="module")
def colorizer(tmp_path_factory):
    return load_colorizer(str(make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")), "cpu", 64)


@dataclass(frozen=True)
class Seen:
    """One decoded frame: its planes and its time."""

    luma: NDArray
    blue: NDArray
    red: NDArray
    seconds: Fraction


def seen(path):
    """Every frame of a film in planar Y′CbCr."""
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        frames = []
        for frame in container.decode(stream):
            dtype = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
            planes = [
                np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, : plane.width]
                for plane in frame.planes
            ]
            frames.append(Seen(*(plane.copy() for plane in planes), frame.pts * stream.time_base))
        return frames


def header(path):
    """What the picture's stream and first frame are tagged with."""
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        frame = next(container.decode(stream))
        return stream.sample_aspect_ratio, display_matrix(frame), frame.colorspace


def flat_film(path, colors, *, width=64, height=48, rate=25, colorspace=2, full=False, pts=None):
    """A lossless film of frames of one colour each: (Y′, Cb, Cr) as stored."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate, width=width, height=height, time_base=Fraction(1, 1000))
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = colorspace
        stream.codec_context.color_range = 2 if full else 1
        for index, color in enumerate(colors):
            frame = av.VideoFrame(width, height, "yuv420p")
            for plane, level in zip(frame.planes, color, strict=True):
                plane.update(bytes([level]) * plane.buffer_size)
            frame.pts, frame.time_base = pts[index] if pts else round(index * 1000 / rate), Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def greys(*levels):
    return [(level, 128, 128) for level in levels]


def pixels_of(path):
    """A still's samples, signed, (H, W, C)."""
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def colored(film, colorizer, tmp_path, compare=None, encoding=LOSSLESS):
    """The film after a run, with or without its grey beside it."""
    target = tmp_path / f"{compare}{film.suffix}"
    report = colorize_video(film, target, colorizer, RunSettings(encoding=encoding, compare=compare))
    return target, report


# vidcolor run --compare


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p", "yuv411p", "gray"])
def test_side_is_the_grey_source_and_the_plain_run_bit_for_bit(tmp_path, colorizer, pix_fmt):
    film = make_film(tmp_path / "in.mkv", count=7, codec="ffv1", pix_fmt=pix_fmt)
    plain, both = (seen(colored(film, colorizer, tmp_path, name)[0]) for name in (None, "side"))
    assert len(both) == 7
    for alone, frame in zip(plain, both, strict=True):
        grey = 1 << (9 if pix_fmt.endswith("10le") else 7)
        width = alone.blue.shape[1]
        assert np.array_equal(frame.luma, np.hstack([alone.luma, alone.luma]))
        for chroma, own in ((frame.blue, alone.blue), (frame.red, alone.red)):
            assert (chroma[:, :width] == grey).all()
            assert np.array_equal(chroma[:, width:], own)
        assert np.abs(alone.blue.astype(int) - grey).max() > 3


def test_the_halves_of_an_odd_film_are_drawn_out_to_an_even_width(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=3, codec="ffv1", width=63, height=47)
    plain, both = (seen(colored(film, colorizer, tmp_path, name)[0]) for name in (None, "side"))
    for alone, frame in zip(plain, both, strict=True):
        assert frame.luma.shape == (47, 128)
        for half in (frame.luma[:, :64], frame.luma[:, 64:]):
            assert np.array_equal(half[:, :63], alone.luma)
            assert np.array_equal(half[:, 63], alone.luma[:, 62])
        assert (frame.blue[:, :32] == 128).all()
        assert np.array_equal(frame.blue[:, 32:], alone.blue)
        assert np.array_equal(frame.red[:, 32:], alone.red)


def test_an_odd_width_no_longer_troubles_an_encoder(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=3, codec="ffv1", width=63)
    target, report = colored(film, colorizer, tmp_path, "side", QUICK)
    assert report.warnings == ()
    assert seen(target)[0].blue.shape == (24, 64)


def white_line(frame, height):
    """First and last column of a frame's dividing line."""
    columns = np.flatnonzero((frame.luma[:height] == 235).all(axis=0))
    return int(columns[0]), int(columns[-1])


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_the_line_of_a_split_stands_where_the_time_says(tmp_path, colorizer, pix_fmt):
    """Variable rate: the pendulum follows presentation times, not frames. The source never reaches white."""
    times = [0, 100, 500, 1000, 1700, 2000, 3000, 3900, 4100]
    variable = {"time_base": Fraction(1, 1000), "pts": times}
    film = make_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt=pix_fmt, width=160, **variable)
    plain, split = (seen(colored(film, colorizer, tmp_path, name)[0]) for name in (None, "split"))
    for alone, frame, time in zip(plain, split, times, strict=True):
        assert frame.luma.shape == alone.luma.shape
        assert frame.seconds == alone.seconds == Fraction(time, 1000)
        start, last = white_line(frame, 48)
        assert last == start + 1
        assert abs(start - 158 * (1 + math.sin(math.tau * time / 4000)) / 2) <= 1
        beside = [column for column in range(160) if column not in (start, last)]
        assert np.array_equal(frame.luma[:, beside], alone.luma[:, beside])
        left, right = (slice(start), slice(last + 1, None))
        if pix_fmt == "yuv420p":
            assert start % 2 == 0
            left, right = slice(start // 2), slice(start // 2 + 1, None)
        assert (frame.red[:, left] == 128).all()
        assert np.array_equal(frame.blue[:, right], alone.blue[:, right])
        assert np.array_equal(frame.red[:, right], alone.red[:, right])


def test_the_line_grows_with_the_picture(tmp_path, colorizer):
    film = flat_film(tmp_path / "in.mkv", greys(90), width=640, height=1080)
    (frame,) = seen(colored(film, colorizer, tmp_path, "split")[0])
    start, last = white_line(frame, 1080)
    assert (start, last) == (318, 321)
    assert (frame.blue[:, 159:161] == 128).all()


@pytest.mark.parametrize("name", TURNS)
@pytest.mark.parametrize("layout", ["side", "split"])
def test_grey_is_at_the_left_of_the_picture_as_it_is_shown(tmp_path, colorizer, name, layout):
    matrix, turn = TURNS[name]
    film = make_film(tmp_path / "in.mp4", count=2, width=96, height=64, matrix=matrix, options={"qp": "0"})
    lossless = Encoding(codec="libx264", crf=0, preset="ultrafast")
    alone, both = (colored(film, colorizer, tmp_path, name, lossless)[0] for name in (None, layout))
    assert header(both)[1] == matrix
    for before, after in zip(seen(alone), seen(both), strict=True):
        shown = {key: turn(getattr(after, key)) for key in ("luma", "blue", "red")}
        own = {key: turn(getattr(before, key)) for key in shown}
        width = own["red"].shape[1]
        if layout == "side":
            assert np.array_equal(shown["luma"], np.hstack([own["luma"], own["luma"]]))
            assert (shown["red"][:, :width] == 128).all()
            assert np.array_equal(shown["red"][:, width:], own["red"])
            assert np.array_equal(shown["blue"][:, width:], own["blue"])
        else:
            assert shown["luma"].shape == own["luma"].shape
            assert (shown["blue"][:, : width // 2 - 2] == 128).all()
            assert np.array_equal(shown["blue"][:, width // 2 + 5 :], own["blue"][:, width // 2 + 5 :])


def test_sound_subtitles_times_and_aspect_stay(tmp_path, colorizer):
    pts = [0, 40, 80, 200, 240, 1000, 1040, 1500]
    film = make_film(
        tmp_path / "in.mkv",
        time_base=Fraction(1, 1000),
        pts=pts,
        tones=[Tone(), Tone(codec="libopus")],
        lines=[Line(100, 900, "Hello")],
        tags={"sample_aspect_ratio": Fraction(16, 15)},
    )
    target, report = colored(film, colorizer, tmp_path, "side", QUICK)
    assert report.warnings == ()
    assert [frame.seconds for frame in seen(target)] == [Fraction(time, 1000) for time in pts]
    assert packets(target, "audio") == packets(film, "audio")
    assert [line.data for line in packets(target, "subtitle")[0]] == [b"Hello"]
    assert header(target)[0] == Fraction(16, 15)


def test_the_matrix_that_players_guess_by_the_size_is_named_where_the_size_changes(tmp_path, colorizer):
    """640 wide they take for Rec. 601, 1280 wide for Rec. 709."""
    film = make_film(tmp_path / "in.mkv", count=1, codec="ffv1", width=640, height=480)
    targets = [colored(film, colorizer, tmp_path, name)[0] for name in (None, "split", "side")]
    assert [header(target)[2] for target in targets] == [2, 2, 6]


def test_a_span_keeps_its_times(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=50, codec="ffv1")
    span = Span(Fraction(1), Fraction(3, 2))
    target = tmp_path / "out.mkv"
    colorize_video(film, target, colorizer, RunSettings(encoding=LOSSLESS, compare="split", span=span))
    frames = seen(target)
    assert len(frames) == 13
    assert frames[0].seconds == 0
    assert white_line(frames[0], 48) == (32, 33)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_still_has_two_halves(tmp_path, colorizer, suffix):
    picture = make_picture(tmp_path / f"in{suffix}", pattern(1, 48, 63)[0] // 2 + 60)
    targets = [colored(picture, colorizer, tmp_path, name)[0] for name in (None, "side", "split")]
    alone, side, split = map(pixels_of, targets)
    assert side.shape == (48, 128, 3)
    assert split.shape == alone.shape == (48, 63, 3)
    tolerance = 16 if suffix == ".jpg" else 0
    assert np.ptp(side[:, :48], axis=2).max() <= tolerance < np.ptp(side[:, 64:], axis=2).max()
    assert np.abs(side[:, 64:127] - alone).mean() <= tolerance / 8
    assert np.ptp(split[:, :24], axis=2).max() <= tolerance
    assert np.abs(split[:, 40:] - alone[:, 40:]).mean() <= tolerance / 8
    assert (split[:, 31] >= 255 - tolerance).all()


def test_a_16_bit_still_keeps_its_depth(tmp_path, colorizer):
    deep = np.tile(np.linspace(20_000, 40_000, 64).astype(np.uint16), (48, 1))
    picture = make_picture(tmp_path / "in.png", deep)
    for name, grey, white in (("side", slice(64), None), ("split", slice(32), slice(32, 34))):
        target, report = colored(picture, colorizer, tmp_path, name)
        made = cv2.imread(str(target), cv2.IMREAD_UNCHANGED)
        assert (made.dtype, report.warnings) == (np.uint16, ())
        assert (made[:, grey] == deep[:, grey, None]).all()
        assert white is None or (made[:, white] == 65_535).all()
        assert np.ptp(made[:, 64 if name == "side" else 34 :].astype(int), axis=2).min() > 500


def test_a_turned_still_is_parted_as_it_is_shown(tmp_path, colorizer):
    exif = Image.Exif()
    exif[274] = 6
    picture = make_picture(tmp_path / "in.png", pattern(1, 48, 64)[0] // 2 + 60, exif=exif)
    target, _ = colored(picture, colorizer, tmp_path, "side")
    with Image.open(target) as image:
        assert image.getexif()[274] == 6
        shown = np.rot90(np.asarray(image).astype(int), -1)
    assert shown.shape == (64, 96, 3)
    assert np.ptp(shown[:, :48], axis=2).max() == 0
    assert np.ptp(shown[:, 48:], axis=2).max() > 10


def test_the_alpha_channel_stays_where_the_size_does(tmp_path, colorizer):
    pixels = np.dstack([pattern(1, 48, 64)[0]] * 3 + [np.full((48, 64), 99, np.uint8)])
    picture = make_picture(tmp_path / "in.png", pixels)
    side, report = colored(picture, colorizer, tmp_path, "side")
    assert any("alpha" in warning for warning in report.warnings)
    assert pixels_of(side).shape == (48, 128, 3)
    split, report = colored(picture, colorizer, tmp_path, "split")
    assert report.warnings == ()
    assert (pixels_of(split)[..., 3] == 99).all()


def test_what_cannot_be_laid_out_or_encoded_is_one_line_and_leaves_nothing(tmp_path, colorizer):
    film = flat_film(tmp_path / "in.mkv", greys(90), width=9000, height=16)
    with pytest.raises(ConfigError, match="unknown layout 'above', use side or split"):
        colored(film, colorizer, tmp_path, "above")
    with pytest.raises(OutputError, match=r"side\.mkv: cannot be written") as caught:
        colored(film, colorizer, tmp_path, "side", QUICK)
    assert "\n" not in str(caught.value)
    wide = make_picture(tmp_path / "in.webp", np.full((16, 9000), 90, np.uint8))
    with pytest.raises(OutputError, match=r"side\.webp: cannot be written .*16383"):
        colored(wide, colorizer, tmp_path, "side")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "in.webp"]


# vidcolor compare


def test_both_films_stay_bit_for_bit_where_nothing_has_to_change(tmp_path):
    one = make_film(tmp_path / "one.mkv", count=5, codec="ffv1")
    other = flat_film(tmp_path / "other.mkv", [(60 + 20 * index, 90, 170) for index in range(5)])
    report = compare(one, other, tmp_path / "out.mkv", encoding=LOSSLESS)
    assert report.frames == 5
    assert report.warnings == ()
    for left, right, both in zip(seen(one), seen(other), seen(tmp_path / "out.mkv"), strict=True):
        for plane in ("luma", "blue", "red"):
            assert np.array_equal(getattr(both, plane), np.hstack([getattr(left, plane), getattr(right, plane)]))


@pytest.mark.parametrize(("size", "width"), [((128, 96), 64), ((32, 24), 64), ((200, 48), 200), ((33, 95), 18)])
def test_the_right_film_gets_the_left_ones_height(tmp_path, size, width):
    one = flat_film(tmp_path / "one.mkv", greys(50))
    other = flat_film(tmp_path / "other.mkv", [(150, 80, 190)], width=size[0], height=size[1])
    compare(one, other, tmp_path / "out.mkv", encoding=LOSSLESS)
    (frame,) = seen(tmp_path / "out.mkv")
    assert frame.luma.shape == (48, 64 + width)
    assert (frame.luma[:, :64] == 50).all()
    assert np.abs(frame.luma[:, 64:].astype(int) - 150).max() <= 1
    assert np.abs(frame.blue[:, 32:].astype(int) - 80).max() <= 1
    assert np.abs(frame.red[:, 32:].astype(int) - 190).max() <= 1


def test_the_right_film_is_put_into_the_left_ones_matrix_and_range(tmp_path):
    """A red in Rec. 709, full range, as Rec. 601 of limited range stores it (ITU-R BT.601, BT.709)."""
    one = flat_film(tmp_path / "one.mkv", greys(50), colorspace=6)
    other = flat_film(tmp_path / "other.mkv", [(100, 110, 200)], colorspace=1, full=True)
    compare(one, other, tmp_path / "out.mkv", encoding=LOSSLESS)
    y, cb, cr = 100 / 255, -18 / 255, 72 / 255
    red, blue = y + 1.5748 * cr, y + 1.8556 * cb
    green = (y - 0.2126 * red - 0.0722 * blue) / 0.7152
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    expected = (16 + 219 * luma, 128 + 224 * (blue - luma) / 1.772, 128 + 224 * (red - luma) / 1.402)
    (frame,) = seen(tmp_path / "out.mkv")
    found = (frame.luma[24, 100], frame.blue[12, 50], frame.red[12, 50])
    assert found == pytest.approx(expected, abs=2)
    assert header(tmp_path / "out.mkv")[2] == 6


def levels(path):
    """The luma in the left and in the right half of every frame of a film of flat frames."""
    return [(int(frame.luma[20, 20]), int(frame.luma[20, -20])) for frame in seen(path)]


def test_the_right_frame_is_the_one_on_screen_at_the_time(tmp_path):
    one = flat_film(tmp_path / "one.mkv", greys(*range(20, 30)), pts=[0, 40, 80, 120, 200, 210, 400, 450, 500, 590])
    other = flat_film(tmp_path / "other.mkv", greys(100, 110, 120, 130, 140, 150), rate=10)
    report = compare(one, other, tmp_path / "out.mkv", encoding=LOSSLESS)
    right = [100, 100, 100, 110, 120, 120, 140, 140, 150, 150]
    assert levels(tmp_path / "out.mkv") == list(zip(range(20, 30), right, strict=True))
    assert [frame.seconds for frame in seen(tmp_path / "out.mkv")] == [frame.seconds for frame in seen(one)]
    assert report.warnings == ()


def test_times_that_a_container_rounded_still_meet(tmp_path):
    """24 frames a second, in exact ticks at the left and in Matroska's milliseconds at the right."""
    lumas = range(40, 64)
    other = flat_film(tmp_path / "other.mkv", greys(*lumas), rate=24)
    with av.open(str(tmp_path / "one.mov"), "w") as output, av.open(str(other)) as source:
        stream = output.add_stream("libx264", 24, {"qp": "0"}, width=64, height=48, time_base=Fraction(1, 24))
        for index, frame in enumerate(source.decode(video=0)):
            frame.pts, frame.time_base = index, Fraction(1, 24)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    for left, right in ((tmp_path / "one.mov", other), (other, tmp_path / "one.mov")):
        compare(left, right, tmp_path / "out.mkv", encoding=LOSSLESS, overwrite=True)
        assert levels(tmp_path / "out.mkv") == [(luma, luma) for luma in lumas]


def test_a_shorter_film_stays_at_its_last_frame_with_a_warning(tmp_path):
    one = flat_film(tmp_path / "one.mkv", greys(*range(20, 30)))
    other = flat_film(tmp_path / "other.mkv", greys(100, 110, 120, 130))
    report = compare(one, other, tmp_path / "out.mkv", encoding=LOSSLESS)
    assert [right for _, right in levels(tmp_path / "out.mkv")] == [100, 110, 120] + [130] * 7
    (warning,) = report.warnings
    assert "other.mkv ends at 0.160 s" in warning
    back = compare(other, one, tmp_path / "back.mkv", encoding=LOSSLESS)
    assert (back.frames, back.warnings) == (4, ())


def test_sound_and_everything_else_are_the_left_films(tmp_path):
    one = make_film(tmp_path / "one.mkv", count=20, tones=[Tone(seconds=0.8)], lines=[Line(100, 500, "Hello")])
    other = make_film(tmp_path / "other.mkv", count=20, tones=[Tone(codec="libopus", rate=48_000)])
    compare(one, other, tmp_path / "out.mkv", encoding=QUICK)
    assert packets(tmp_path / "out.mkv", "audio") == packets(one, "audio")
    assert len(packets(tmp_path / "out.mkv", "subtitle")) == 1


@pytest.mark.parametrize("left", [None, "right", "over"])
@pytest.mark.parametrize("right", [None, "left", "mirrored"])
def test_each_film_is_turned_as_its_own_header_says(tmp_path, left, right):
    """A film whose shown left half is dark: it must be so in the shown comparison, however it is stored."""
    shown = np.tile(np.where(np.arange(96) < 48, 40, 200).astype(np.uint8), (64, 1))
    films = []
    for name, side in (("one", left), ("other", right)):
        matrix, turn = TURNS[side] if side else (None, lambda plane: plane)
        stored = next(
            stored
            for stored in (shown, np.rot90(shown), np.rot90(shown, 2), np.rot90(shown, -1), np.fliplr(shown))
            if np.array_equal(turn(stored), shown)
        )
        films.append(stored_film(tmp_path / f"{name}.mov", stored, matrix))
    compare(*films, tmp_path / "out.mov", encoding=Encoding(codec="libx264", crf=0, preset="ultrafast"))
    (frame,) = seen(tmp_path / "out.mov")
    picture = TURNS[left][1](frame.luma) if left else frame.luma
    assert picture.shape == (64, 192)
    assert np.abs(picture[:, [20, 70, 116, 166]].astype(int) - [40, 200, 40, 200]).max() <= 2


def stored_film(path, luma, matrix):
    """One frame of a given luma plane and no colour, coded without loss."""
    height, width = luma.shape
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", 25, {"qp": "0"}, width=width, height=height)
        if matrix:
            stream.set_display_matrix(matrix)
        grey = np.full((height // 2, width), 128, np.uint8)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.vstack([luma, grey]), "yuv420p")))
        output.mux(stream.encode(None))
    return path


def test_the_right_film_keeps_its_shape_between_pixels_of_two_kinds(tmp_path):
    """64x48 of pixels 2:1 shows 128x48; beside pixels 1:2 that takes 256 of them."""
    one = make_film(tmp_path / "one.mkv", count=2, tags={"sample_aspect_ratio": Fraction(1, 2)})
    other = make_film(tmp_path / "other.mkv", count=2, tags={"sample_aspect_ratio": Fraction(2)})
    compare(one, other, tmp_path / "out.mkv", encoding=QUICK)
    assert seen(tmp_path / "out.mkv")[0].luma.shape == (48, 64 + 256)
    assert header(tmp_path / "out.mkv")[0] == Fraction(1, 2)


@pytest.mark.parametrize("width", [24, 65, 200])
def test_a_split_shows_the_right_film_centred(tmp_path, width):
    one = flat_film(tmp_path / "one.mkv", [(50, 100, 100)], width=128)
    other = flat_film(tmp_path / "other.mkv", [(150, 160, 160)], width=width)
    compare(one, other, tmp_path / "out.mkv", layout="split", encoding=LOSSLESS)
    (frame,) = seen(tmp_path / "out.mkv")
    assert frame.luma.shape == (48, 128)
    start, last = white_line(frame, 48)
    assert (frame.luma[:, :start] == 50).all()
    margin = max(0, (128 - width) // 2)
    assert (frame.luma[:, last + 1 : 128 - margin - 2] == 150).all()
    assert (frame.red[:, last // 2 + 1 : 64 - margin // 2 - 2] == 160).all()
    assert (frame.luma[:, 128 - margin + 2 :] == 16).all()
    assert (frame.red[:, 64 - margin // 2 + 2 :] == 128).all()


def test_deep_films_and_deep_codecs_meet_at_8_bits(tmp_path):
    one = make_film(tmp_path / "one.mkv", count=2, codec="ffv1", pix_fmt="yuv422p10le")
    other = flat_film(tmp_path / "other.mkv", [(150, 80, 190)] * 2)
    compare(one, other, tmp_path / "out.mkv", encoding=LOSSLESS)
    for before, frame in zip(seen(one), seen(tmp_path / "out.mkv"), strict=True):
        assert frame.luma.dtype == np.uint8
        assert np.abs(frame.luma[:, :64] * 4.0 - before.luma).max() <= 4
    compare(one, other, tmp_path / "out.mov", encoding=Encoding(codec="prores_ks"))
    frame = seen(tmp_path / "out.mov")[0]
    assert frame.luma[20, 100] == pytest.approx(600, abs=8)
    assert frame.red[20, 50] == pytest.approx(760, abs=8)


def test_two_stills_become_one(tmp_path):
    pixels = np.dstack([pattern(3, 40, 60)[index] for index in range(3)])
    one = make_picture(tmp_path / "one.png", pixels)
    other = make_picture(tmp_path / "other.jpg", np.full((80, 100, 3), (200, 60, 40), np.uint8), quality=98)
    report = compare(one, other, tmp_path / "out.png")
    assert (report.frames, report.warnings) == (1, ())
    both = pixels_of(tmp_path / "out.png")
    assert both.shape == (40, 110, 3)
    assert np.abs(both[:, :60] - pixels).max() <= 3
    assert np.abs(both[:, 60:] - (200, 60, 40)).max() <= 4


def test_a_16_bit_grey_still_is_neither_black_nor_white(tmp_path):
    deep = make_picture(tmp_path / "deep.png", np.full((40, 60), 30_000, np.uint16))
    compare(deep, deep, tmp_path / "out.png")
    assert np.abs(pixels_of(tmp_path / "out.png") - 117).max() <= 1


def test_damage_in_either_film_is_named(tmp_path):
    sound = make_film(tmp_path / "sound.mkv", count=60, width=320, height=240, options={"g": "5"})
    content = bytearray(sound.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 800] = np.random.default_rng(0).bytes(800)
    (tmp_path / "broken.mkv").write_bytes(content)
    report = compare(sound, tmp_path / "broken.mkv", tmp_path / "out.mkv", encoding=QUICK)
    assert report.frames == 60
    assert report.losses
    assert all("broken.mkv at " in loss for loss in report.losses)


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (("absent.mkv", "film.mkv", "out.mkv"), InputError, r"absent\.mkv: no such file"),
        (("film.mkv", "absent.mkv", "out.mkv"), InputError, r"absent\.mkv: no such file"),
        (("film.mkv", "photo.png", "out.mkv"), InputError, "one is a picture, the other a film"),
        (("film.mkv", "other.mkv", "film.mkv"), OutputError, "is the input itself"),
        (("film.mkv", "other.mkv", "other.mkv"), OutputError, "is the input itself"),
        (("film.mkv", "other.mkv", "old.mkv"), OutputError, "exists already"),
        (("film.mkv", "other.mkv", "out.docx"), OutputError, r"\.docx cannot be written"),
        (("film.mkv", "other.mkv", "out.png"), OutputError, "a film cannot be written as a still"),
        (("photo.png", "photo.png", "out.mp4"), OutputError, "a still cannot be written as a film"),
    ],
)
def test_what_cannot_be_compared_is_one_line_and_touches_nothing(tmp_path, words, error, message):
    flat_film(tmp_path / "film.mkv", greys(50))
    flat_film(tmp_path / "other.mkv", greys(60))
    make_picture(tmp_path / "photo.png", pattern(1, 40, 60)[0])
    (tmp_path / "old.mkv").write_bytes(b"precious")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(error, match=message) as caught:
        compare(*(tmp_path / word for word in words), overwrite=words[2] != "old.mkv")
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_interruption_leaves_nothing(tmp_path):
    one = flat_film(tmp_path / "one.mkv", greys(*range(20, 80)))

    def pull(done, expected):
        assert expected is None or done <= expected
        if done == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(one, one, tmp_path / "out.mkv", encoding=LOSSLESS, on_frames=pull)
    assert leftovers(tmp_path) == []
    assert not Path(tmp_path / "out.mkv").exists()


def test_the_source_of_the_colours_is_not_touched(tmp_path, colorizer):
    """`beside_grey` must not write into the planes it is given: the same batch may be looked at again."""
    from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
    from vidcolor.layout import lay_out
    from vidcolor.turn import Turn

    planes = PlaneFormat(8, False, "601")
    luma, chroma = torch.full((1, 1, 8, 16), 90, dtype=torch.uint8), torch.full((1, 2, 4, 8), 150, dtype=torch.uint8)
    batch = FrameBatch(luma, (0,), (1,), chroma=chroma)
    for name in ("side", "split"):
        layout = lay_out(name, VideoInfo(16, 8, planes, Fraction(1)), Turn())
        (joined,) = layout.beside_grey([batch], planes)
        assert joined.luma.shape == (1, 1, layout.info.height, layout.info.width)
        assert (luma == 90).all() and (chroma == 150).all()
