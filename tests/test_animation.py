"""Animated GIF, PNG and WebP are films, with the durations they have; single pictures of the same suffix are stills."""

from fractions import Fraction
from itertools import accumulate

import av
import numpy as np
import pytest
from PIL import Image

from benchmarks.stub import stub_colorizer
from tests.clips import LOSSLESS, make_film, pattern, rewrite, shown
from vidcolor.errors import InputError
from vidcolor.jobs import plan_jobs
from vidcolor.preview import preview
from vidcolor.video import Limits, Span, StillReader, VideoReader, holds_one_picture, open_reader, probe

MILLISECONDS = [100, 50, 200, 120]
ANIMATED = ["in.gif", "in.png", "in.apng", "in.webp"]


def animate(path, alpha=None):
    """Four frames whose first shows for 100 ms, the next for 50, and so on."""
    bands = [pattern(4, 32, 40), pattern(4, 32, 40)[:, ::-1], pattern(4, 32, 40)[:, :, ::-1]]
    bands += [] if alpha is None else [np.full((4, 32, 40), alpha, np.uint8)]
    pictures = [Image.fromarray(one) for one in np.stack(bands, axis=-1)]
    options = {"lossless": True, "exact": True} if path.suffix == ".webp" else {}
    kind = "PNG" if path.suffix == ".apng" else None
    pictures[0].save(path, kind, save_all=True, append_images=pictures[1:], duration=MILLISECONDS, loop=0, **options)
    return path


def rec709(path):
    """Luma of every frame as Pillow decodes it."""
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            yield np.rint(np.asarray(image.convert("RGB")) @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("name", ANIMATED)
def test_an_animation_is_a_film_with_its_own_times(tmp_path, name):
    source = animate(tmp_path / name)
    assert not holds_one_picture(source)
    writer = rewrite(source, tmp_path / "out.mkv", LOSSLESS)
    assert writer.warnings == []
    found = shown(tmp_path / "out.mkv")
    starts = [Fraction(0), *accumulate(Fraction(one, 1000) for one in MILLISECONDS[:-1])]
    assert [frame.seconds for frame in found] == starts
    for frame, luma in zip(found, rec709(source), strict=True):
        assert np.abs(frame.luma - luma).max() <= (0 if name != "in.gif" else 1)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_the_last_picture_stands_as_long_as_it_should(tmp_path, suffix):
    pictures = [Image.fromarray(one) for one in pattern(6, 32, 40)]
    times = {"duration": [100, 200, 300, 400, 100, 1500], "loop": 0}
    pictures[0].save(tmp_path / "in.gif", save_all=True, append_images=pictures[1:], **times)
    rewrite(tmp_path / "in.gif", tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as film:
        seconds = [(packet.pts, packet.duration) for packet in film.demux(video=0) if packet.size]
        (last, stands), tick = max(seconds), film.streams.video[0].time_base
    assert (last * tick, stands * tick) == (Fraction(11, 10), Fraction(3, 2))


@pytest.mark.parametrize("name", ["one.gif", "one.png", "one.webp"])
def test_a_single_picture_is_a_still(tmp_path, name):
    Image.fromarray(pattern(1, 32, 40)[0]).convert("RGB").save(tmp_path / name)
    assert holds_one_picture(tmp_path / name)
    with open_reader(tmp_path / name) as reader:
        assert isinstance(reader, StillReader)
    rewrite(tmp_path / name, tmp_path / "out.png")


def test_what_is_no_picture_goes_by_its_suffix(tmp_path):
    (tmp_path / "bad.webp").write_bytes(b"nothing")
    (tmp_path / "bad.gif").write_bytes(b"nothing")
    assert holds_one_picture(tmp_path / "bad.webp")
    assert not holds_one_picture(tmp_path / "bad.gif")


@pytest.mark.parametrize("name", ["in.gif", "in.apng", "in.webp"])
def test_only_an_alpha_channel_that_shows_is_missed(tmp_path, name):
    opaque, glassy = animate(tmp_path / f"1{name}", 255), animate(tmp_path / f"2{name}", 0)
    assert rewrite(opaque, tmp_path / "1.mkv", LOSSLESS).warnings == []
    assert rewrite(glassy, tmp_path / "2.mkv", LOSSLESS).warnings == ["the alpha channel cannot be kept in a film"]


def test_targets_get_a_suffix_that_holds_them(tmp_path):
    names = ["a.gif", "b.png", "c.webp", "d.apng"]
    folder = tmp_path / "in"
    folder.mkdir()
    for name in names:
        animate(folder / name)
    for name in ("one.gif", "one.webp"):
        Image.new("RGB", (8, 8)).save(folder / name)
    jobs = plan_jobs([str(folder)], tmp_path / "out")
    assert [job.target.name for job in jobs] == ["a.mkv", "b.mkv", "c.mkv", "d.mkv", "one.png", "one.webp"]


@pytest.mark.parametrize("name", ANIMATED)
def test_it_can_be_previewed_described_and_cut(tmp_path, name):
    source = animate(tmp_path / name)
    report = preview(source, tmp_path / "sheet.png", stub_colorizer(), count=2)
    assert len(report.moments) == 2
    assert probe(source).streams[0].width == 40
    with open_reader(source, Span(Fraction("0.12"), Fraction("0.4"))) as reader:
        assert sum(map(len, reader.batches(2))) == 2


def test_a_webp_is_held_to_the_limits_and_read_as_far_as_it_goes(tmp_path):
    source = animate(tmp_path / "in.webp")
    with pytest.raises(InputError, match="--max-pixels"):
        VideoReader(source, limits=Limits(pixels=100))
    whole = source.read_bytes()
    (tmp_path / "cut.webp").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(InputError):
        open_reader(tmp_path / "cut.webp")


def test_other_animations_are_left_to_ffmpeg(tmp_path):
    make_film(tmp_path / "in.mp4", count=2).rename(tmp_path / "in.webp")
    with av.open(str(tmp_path / "in.webp")) as container:
        assert "mp4" in container.format.name
    with pytest.raises(InputError, match="is no picture"):
        open_reader(tmp_path / "in.webp")
