"""A film from end to end: everything that came in goes out, with colour."""

import math
import threading
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from skimage import data as photos

from tests.clips import LOSSLESS, QUICK, Tone, make_film
from tests.models import make_model
from vidcolor.colorizer import load_colorizer
from vidcolor.errors import ConfigError, InputError, OutputError
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.smooth import Smoother
from vidcolor.video import Span, open_reader

SETTINGS = RunSettings(encoding=LOSSLESS)


@pytest.fixture(scope="module")
def colorizer(tmp_path_factory):
    return load_colorizer(str(make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")), "cpu", 64)


def read(path):
    """(luma (N, 1, H, W), pts in seconds)."""
    with open_reader(path) as reader:
        batches = list(reader.batches(5))
    pts = [time * reader.info.time_base for batch in batches for time in batch.pts]
    return torch.cat([batch.luma for batch in batches]), pts


def chroma(path):
    """Cb and Cr of all frames, (N, 2, Hc, Wc)."""
    import av

    with av.open(str(path)) as container:
        return np.stack(
            [
                np.stack(
                    [
                        np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
                        for plane in frame.planes[1:]
                    ]
                )
                for frame in container.decode(video=0)
            ]
        )


@pytest.mark.parametrize("pix_fmt, codec", [("yuv420p", "libx264"), ("yuv420p10le", "ffv1"), ("gray", "ffv1")])
def test_luma_times_and_count_survive_and_colour_arrives(tmp_path, colorizer, pix_fmt, codec):
    film = make_film(tmp_path / "in.mkv", count=23, pix_fmt=pix_fmt, codec=codec)
    report = colorize_video(film, tmp_path / "out.mkv", colorizer, SETTINGS)
    (luma, pts), (new_luma, new_pts) = read(film), read(tmp_path / "out.mkv")
    assert report.frames == 23
    assert report.losses == ()
    assert torch.equal(luma.int(), new_luma.int())
    assert max(abs(one - other) for one, other in zip(pts, new_pts, strict=True)) <= Fraction(1, 1000)
    if pix_fmt == "yuv420p":
        assert np.abs(chroma(tmp_path / "out.mkv").astype(int) - 128).mean() > 3


def test_a_variable_rate_and_two_sound_tracks_survive(tmp_path, colorizer):
    pts = [0, 40, 80, 200, 240, 1000, 1040, 1500]
    film = make_film(tmp_path / "in.mp4", time_base=Fraction(1, 1000), pts=pts, tones=[Tone(), Tone(codec="mp3")])
    colorize_video(film, tmp_path / "out.mp4", colorizer, RunSettings(encoding=QUICK))
    _, new_pts = read(tmp_path / "out.mp4")
    assert [time - new_pts[0] for time in new_pts] == [Fraction(time, 1000) for time in pts]


def test_a_still_is_a_film_of_one_frame(tmp_path, colorizer):
    import cv2

    picture = photos.astronaut()[::4, ::3]
    cv2.imwrite(str(tmp_path / "in.png"), picture[..., ::-1])
    report = colorize_video(tmp_path / "in.png", tmp_path / "out.png", colorizer, RunSettings())
    colored = cv2.imread(str(tmp_path / "out.png"))[..., ::-1]
    assert report.frames == 1
    assert colored.shape == picture.shape
    weights = np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(colored @ weights - picture @ weights).max() <= 1.6
    assert np.ptp(colored.astype(int), axis=2).mean() > 5


def test_colour_in_the_source_makes_no_difference(tmp_path, colorizer):
    """The same luma with other chroma gives the same film."""
    film = make_film(tmp_path / "grey.mkv", count=6, codec="ffv1")
    import av

    with av.open(str(film)) as source, av.open(str(tmp_path / "pink.mkv"), "w") as target:
        stream = target.add_stream("ffv1", 25, width=64, height=48)
        stream.pix_fmt = "yuv420p"
        for frame in source.decode(video=0):
            for plane in frame.planes[1:]:
                plane.update(bytes([180]) * plane.buffer_size)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    for name in ("grey", "pink"):
        colorize_video(tmp_path / f"{name}.mkv", tmp_path / f"{name}_out.mkv", colorizer, SETTINGS)
    assert np.array_equal(chroma(tmp_path / "grey_out.mkv"), chroma(tmp_path / "pink_out.mkv"))


@pytest.mark.parametrize("size", [1, 3, 50])
def test_the_batch_size_changes_nothing(tmp_path, colorizer, size):
    film = make_film(tmp_path / "in.mkv", count=11, codec="ffv1")
    for batch_size in (4, size):
        settings = replace(SETTINGS, batch_size=batch_size)
        colorize_video(film, tmp_path / f"out{batch_size}.mkv", colorizer, settings)
    difference = np.abs(chroma(tmp_path / "out4.mkv").astype(int) - chroma(tmp_path / f"out{size}.mkv"))
    assert difference.max() <= 1


def test_a_span_is_cut_out_and_begins_at_zero(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=50, codec="ffv1", tones=[Tone(seconds=2)])
    settings = replace(SETTINGS, span=Span(Fraction(1, 2), Fraction(1)))
    report = colorize_video(film, tmp_path / "out.mkv", colorizer, settings)
    (luma, _), (part, pts) = read(film), read(tmp_path / "out.mkv")
    assert report.frames == 12
    assert torch.equal(part, luma[13:25])
    assert pts[0] == 0


def test_progress_is_heard_and_saturation_zero_is_grey(tmp_path, colorizer):
    film = make_film(tmp_path / "in.mkv", count=10, codec="ffv1")
    heard = []
    settings = replace(SETTINGS, saturation=0, batch_size=4, smoother=Smoother(0))
    colorize_video(film, tmp_path / "out.mkv", colorizer, settings, lambda *progress: heard.append(progress))
    assert [done for done, _ in heard] == [4, 8, 10]
    assert (chroma(tmp_path / "out.mkv") == 128).all()


class Pulled(BaseException):
    """Like KeyboardInterrupt: no ordinary exception."""


@pytest.mark.parametrize("error", [Pulled, OutputError])
def test_an_interruption_leaves_the_old_file_no_partial_and_no_thread(tmp_path, colorizer, error):
    film = make_film(tmp_path / "in.mkv", count=40, codec="ffv1")
    target = tmp_path / "out.mkv"
    target.write_bytes(b"precious")
    before = threading.active_count()

    def pull(done, expected):
        if done >= 12:
            raise error("pulled")

    with pytest.raises(error):
        colorize_video(film, target, colorizer, replace(SETTINGS, overwrite=True), pull)
    assert target.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mkv", "out.mkv"]
    assert threading.active_count() == before


def test_a_truncated_film_is_coloured_as_far_as_it_decodes(tmp_path, colorizer):
    film = make_film(tmp_path / "in.ts", count=100, width=320, height=240)
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    report = colorize_video(film, tmp_path / "out.mkv", colorizer, SETTINGS)
    assert 20 < report.frames < 100
    luma, _ = read(tmp_path / "out.mkv")
    assert len(luma) == report.frames


def test_what_cannot_be_read_raises_and_leaves_nothing(tmp_path, colorizer):
    (tmp_path / "text.mp4").write_text("not a film at all\n" * 50)
    with pytest.raises(InputError, match=r"text\.mp4"):
        colorize_video(tmp_path / "text.mp4", tmp_path / "out.mp4", colorizer, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"batch_size": -3}, {"saturation": 5}, {"saturation": math.nan}])
def test_settings_check_themselves(wrong):
    with pytest.raises(ConfigError, match=r"(batch size must be at least 1|saturation must lie in 0..4), got"):
        RunSettings(**wrong)


def test_a_layout_that_there_is_not_is_refused_with_the_settings():
    with pytest.raises(ConfigError, match="unknown layout 'diagonal', use side or split"):
        RunSettings(compare="diagonal")


def test_webm_is_written_without_being_told_how(tmp_path, colorizer):
    options = {"cpu-used": "8", "deadline": "realtime"}
    film = make_film(tmp_path / "in.webm", count=4, codec="libvpx-vp9", options=options, tones=[Tone(codec="libopus")])
    report = colorize_video(film, tmp_path / "out.webm", colorizer, RunSettings())
    assert report.frames == 4 and report.warnings == ()
    assert len(read(tmp_path / "out.webm")[1]) == 4
