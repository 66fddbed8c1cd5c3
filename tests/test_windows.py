"""Windows of a film, put one behind the other, are the film: every frame, time and cut, wherever reading began."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from tests.clips import WHOLE, make_film
from tests.scenes import glide
from vidcolor import windows
from vidcolor.shots import mark_shots
from vidcolor.video import Span, open_reader, searchable_length
from vidcolor.windows import Window, count_windows

SHOTS = (("astronaut", 30), ("coffee", 8), ("rocket", 90), ("chelsea", 12), ("astronaut", 35), ("cat", 25))
"""The long shot goes through a whole second, and ends in it."""
FRAMES = 200


@pytest.fixture(autouse=True)
def short_windows(monkeypatch):
    monkeypatch.setattr(windows, "STRETCH", Fraction(1))


@pytest.fixture(scope="module")
def grey():
    pictures = torch.cat([glide(name, frames, 48, 64).mean(1) for name, frames in SHOTS])
    return (pictures * 219 + 16).round().byte().numpy()


def frames(batches):
    """(pts, duration, is first of its shot, luma) of every frame."""
    return [
        (pts, duration, first, luma.numpy().tobytes())
        for batch in batches
        for pts, duration, first, luma in zip(batch.pts, batch.durations, batch.first_of_shot, batch.luma, strict=True)
    ]


def joined(parts):
    return [frame for part in parts for frame in part]


def whole(film, span=WHOLE):
    with open_reader(film, span) as reader:
        return frames(mark_shots(reader.batches(4), reader.info.planes)), reader.losses


def parts(film, count, span=WHOLE):
    with open_reader(film, span) as reader:
        read = [Window(reader, number, count) for number in range(count)]
        return read, [frames(window.batches(4)) for window in read]


FILMS = {
    "ffv1.mkv": {"codec": "ffv1"},
    "x264.mp4": {"options": {"g": "40", "bf": "3", "preset": "veryfast"}},
    "open.mkv": {"options": {"g": "25", "bf": "3", "x264-params": "open-gop=1:scenecut=0"}},
    "mpeg2.mkv": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2", "qscale": "4"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "25"}},
    "ffv1.avi": {"codec": "ffv1"},
}


@pytest.mark.parametrize("name", FILMS)
def test_windows_make_the_film(tmp_path, grey, name):
    film = make_film(tmp_path / name, grey=grey, pts=range(FRAMES), **FILMS[name])
    with open_reader(film) as reader:
        assert count_windows(reader) == 8
    read, found = parts(film, 8)
    expected, losses = whole(film)
    assert joined(found) == expected and losses == [] and len(expected) == FRAMES
    assert [len(part) > 0 for part in found] == [True, True, False, False, False, True, False, True]
    filled = [window for window in read if window.start]
    assert all(one.end == other.start for one, other in pairwise(filled)) and filled[-1].end is None
    assert all(part[0][2] for part in found if part)
    assert [loss for window in read for loss in window.losses] == []


def test_windows_of_a_span_with_an_uneven_rate_count_time_as_the_span_does(tmp_path, grey):
    pts = np.random.default_rng(0).integers(20, 60, FRAMES).cumsum().tolist()
    film = make_film(tmp_path / "in.mkv", grey=grey, pts=pts, codec="ffv1", time_base=Fraction(1, 1000))
    span = Span(Fraction(1, 2), Fraction(7))
    expected, _ = whole(film, span)
    _, found = parts(film, 6, span)
    assert joined(found) == expected and sum(map(bool, found)) > 2


def test_a_last_window_goes_on_to_the_end_whatever_the_header_says(tmp_path, grey):
    film = make_film(tmp_path / "in.mkv", grey=grey, pts=range(FRAMES), codec="ffv1")
    for count in (1, 2, 20):
        assert joined(parts(film, count)[1]) == whole(film)[0]


def test_a_short_film_and_one_that_cannot_be_searched_are_one_window(tmp_path, grey):
    short = make_film(tmp_path / "short.mkv", grey=grey[:45], pts=range(45), codec="ffv1")
    one_key = make_film(tmp_path / "key.mp4", grey=grey, pts=range(FRAMES), options={"g": "999", "sc_threshold": "0"})
    for film in (short, one_key):
        with open_reader(film) as reader:
            assert count_windows(reader) == 1
    assert searchable_length(short, reader.limits) == Fraction(9, 5)
    assert searchable_length(one_key, reader.limits) is None


def test_losses_belong_to_the_window_in_which_they_lie(tmp_path, grey):
    film = make_film(tmp_path / "in.mkv", grey=grey, pts=range(FRAMES), options={"g": "12", "preset": "ultrafast"})
    content = bytearray(film.read_bytes())
    for place in (1, 3):
        start = len(content) * place // 4
        content[start : start + 60] = bytes(60)
    film.write_bytes(content)
    _, losses = whole(film)
    read, _ = parts(film, 8)
    assert losses and sorted(map(str, losses)) == sorted(str(loss) for window in read for loss in window.losses)


def test_shots_that_are_known_are_left_alone(tmp_path, grey):
    film = make_film(tmp_path / "in.mkv", grey=grey[:30], pts=range(30), codec="ffv1")
    with open_reader(film) as reader:
        batches = [replace(batch, first_of_shot=(False,) * len(batch)) for batch in reader.batches(8)]
        assert list(mark_shots(batches, reader.info.planes)) == batches
