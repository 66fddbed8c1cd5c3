"""Shots that are in colour already: which they are, and that they come out as they went in."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch
from skimage import data as photos

from tests.clips import LOSSLESS, make_film
from tests.models import make_model
from tests.scenes import glide, read_planes, write_film
from vidcolor.colorizer import load_colorizer
from vidcolor.frames import NOTHING, FrameBatch, PlaneFormat
from vidcolor.keeper import EVERY, LOOK_AHEAD, Keeper, KeptShot, Look, look_at
from vidcolor.pipeline import RunSettings, colorize_video
from vidcolor.video import open_reader, planes

PLANES = PlaneFormat(8, False, "709", (1, 1))
TICK = Fraction(1, 25)
SETTINGS = RunSettings(encoding=LOSSLESS, keep_color=True)
SEPIA = torch.tensor([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
WEIGHTS = torch.tensor([0.2126, 0.7152, 0.0722])


@pytest.fixture(scope="module")
def colorizer(tmp_path_factory):
    return load_colorizer(str(make_model(tmp_path_factory.mktemp("model") / "tiny.safetensors")), "cpu", 64)


def greyed(rgb):
    return torch.einsum("nchw,c->nhw", rgb, WEIGHTS)[:, None].expand_as(rgb)


def sepia(rgb):
    return torch.einsum("nchw,dc->ndhw", greyed(rgb), SEPIA).clamp(0, 1)


def night(rgb):
    return greyed(rgb) * torch.tensor([0.35, 0.5, 1.0]).view(1, 3, 1, 1)


@pytest.fixture
def joined(tmp_path):
    """Shots of 9 frames: colour, sepia, grey, colour, night blue."""
    names = ("astronaut", "coffee", "rocket", "chelsea", "astronaut")
    shots = [glide(name, 9, 96, 128) for name in names]
    shots[1], shots[2], shots[4] = sepia(shots[1]), greyed(shots[2]), night(shots[4].flip(3))
    return write_film(tmp_path / "joined.mkv", torch.cat(shots))


def colorful(path):
    with open_reader(path) as reader:
        (batch,) = reader.batches(1, own_chroma=True)
        if batch.own_chroma is None:
            return False
        return look_at(batch.luma[0], batch.own_chroma[0], reader.info.planes) is Look.COLOR


def test_only_shots_in_colour_are_kept_and_they_to_the_bit(tmp_path, joined, colorizer):
    report = colorize_video(joined, tmp_path / "out.mkv", colorizer, SETTINGS)
    (luma, chroma), (new_luma, new_chroma) = read_planes(joined), read_planes(tmp_path / "out.mkv")
    kept = torch.zeros(45, dtype=torch.bool)
    kept[0:9] = kept[27:36] = True
    assert torch.equal(luma, new_luma)
    assert torch.equal(chroma[kept], new_chroma[kept])
    assert ((chroma - new_chroma)[~kept].abs().flatten(1).float().mean(1) > 3).all()
    assert report.shots_in_color == (KeptShot(0.0, 0.36), KeptShot(1.08, 1.44))


def test_the_other_shots_are_coloured_as_without_it(tmp_path, joined, colorizer):
    for name, settings in (("kept", SETTINGS), ("never", replace(SETTINGS, keep_color=False))):
        report = colorize_video(joined, tmp_path / f"{name}.mkv", colorizer, settings)
    chroma, plain = (read_planes(tmp_path / f"{name}.mkv")[1] for name in ("kept", "never"))
    assert report.shots_in_color == ()
    assert (chroma - plain)[9:27].abs().max() <= 1 and (chroma - plain)[36:].abs().max() <= 1
    assert (chroma - plain)[:9].abs().float().mean() > 3


def test_beside_their_grey_kept_shots_show_their_own_colours(tmp_path, colorizer):
    film = write_film(tmp_path / "in.mkv", glide("coffee", 4, 96, 128))
    colorize_video(film, tmp_path / "out.mkv", colorizer, replace(SETTINGS, compare="side"))
    grey, own = read_planes(tmp_path / "out.mkv")[1].chunk(2, dim=3)
    assert (grey == 128).all()
    assert torch.equal(own, read_planes(film)[1])


def test_the_network_does_not_see_kept_shots(tmp_path, colorizer, monkeypatch):
    film = write_film(tmp_path / "in.mkv", glide("coffee", 8, 96, 128))
    monkeypatch.setattr(colorizer.network, "encode", lambda lightness: pytest.fail("the network was run"))
    report = colorize_video(film, tmp_path / "out.mkv", colorizer, SETTINGS)
    assert report.shots_in_color == (KeptShot(0.0, 0.32),)


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
def test_a_photo_is_known_from_its_tones(tmp_path, name):
    rgb = glide(name, 1, 96, 128)
    for kind, picture in {"color": rgb, "grey": greyed(rgb), "sepia": sepia(rgb), "night": night(rgb)}.items():
        write_film(tmp_path / f"{kind}.mkv", picture)
        assert colorful(tmp_path / f"{kind}.mkv") == (kind == "color"), kind


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
def test_a_colour_photo_stays_as_it_is(tmp_path, colorizer, suffix):
    picture = photos.coffee()[::4, ::4]
    cv2.imwrite(str(tmp_path / f"in{suffix}"), picture[..., ::-1])
    report = colorize_video(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}", colorizer, SETTINGS)
    before, after = (cv2.imread(str(tmp_path / f"{name}{suffix}")).astype(int) for name in ("in", "out"))
    assert len(report.shots_in_color) == 1
    most, usual = (20, 1.5) if suffix == ".jpg" else (2, 0.5)  # JPEG shrinks its chroma once more
    assert np.abs(before - after).max() <= most
    assert np.abs(before - after).mean() < usual


def test_16_bit_colours_stay(tmp_path, colorizer):
    picture = photos.coffee()[::4, ::4, ::-1].astype(np.uint16) * 257 + 3
    cv2.imwrite(str(tmp_path / "in.png"), picture)
    colorize_video(tmp_path / "in.png", tmp_path / "out.png", colorizer, SETTINGS)
    after = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert after.dtype == np.uint16
    assert np.abs(picture.astype(int) - after).max() <= 2


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le"])
def test_grey_sources_have_nothing_to_keep(tmp_path, colorizer, pix_fmt):
    film = make_film(tmp_path / "in.mkv", count=5, codec="ffv1", pix_fmt=pix_fmt)
    assert colorize_video(film, tmp_path / "out.mkv", colorizer, SETTINGS).shots_in_color == ()


def test_another_pixel_format_gets_the_same_colours(tmp_path, colorizer):
    """Odd sizes make x264 write 4:4:4, and a film in R′G′B′ has to be turned into Y′CbCr."""
    rgb = (glide("coffee", 3, 75, 101) * 255).byte()
    with av.open(str(tmp_path / "in.mkv"), "w") as output:
        stream = output.add_stream("ffv1", 25, width=101, height=75)
        stream.pix_fmt = "bgr0"
        for number, picture in enumerate(rgb):
            frame = av.VideoFrame.from_ndarray(picture.movedim(0, -1).contiguous().numpy(), "rgb24")
            frame.pts = number
            output.mux(stream.encode(frame.reformat(format="bgr0")))
        output.mux(stream.encode(None))
    colorize_video(tmp_path / "in.mkv", tmp_path / "out.mkv", colorizer, SETTINGS)
    with av.open(str(tmp_path / "out.mkv")) as container:
        after = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    difference = np.abs(np.stack(after).astype(int) - rgb.movedim(1, -1).numpy())
    assert difference.max() <= 3 and difference.mean() < 0.6


def shot(count, chroma, first=True):
    """A batch whose luma falls from left to right, with coloured stripes or none."""
    luma = torch.linspace(200, 60, 64).byte().expand(count, 1, 48, 64).contiguous()
    own = torch.full((count, 2, 24, 32), 128, dtype=torch.uint8)
    own[:, 0, ::8] += chroma
    own[:, 1, 4::8] += chroma
    flags = (first,) + (False,) * (count - 1)
    return FrameBatch(luma, tuple(range(count)), (1,) * count, flags, own_chroma=own)


def test_a_shot_that_rises_out_of_black_is_in_colour():
    frames = LOOK_AHEAD
    batch = shot(frames, 60)
    visible = frames // EVERY * 2 // 3 * EVERY + EVERY  # a frame too late
    batch.own_chroma[:visible] = 128
    (marked,) = Keeper(PLANES, TICK, looks=True).mark([batch])
    assert marked.in_color == (False,) * frames
    batch.own_chroma[visible - EVERY :] = shot(frames, 60).own_chroma[visible - EVERY :]
    (marked,) = Keeper(PLANES, TICK, looks=True).mark([batch])
    assert marked.in_color == (True,) * frames


def test_a_verdict_turns_only_where_a_whole_window_contradicts_it_and_little_is_held_back():
    taken = []

    def batches():
        for number in range(20):
            taken.append(number)
            yield shot(8, 60 if number > 3 else 0, first=number in (0, 10))

    handed_out = 0
    for batch in Keeper(PLANES, TICK, looks=True).mark(batches()):
        turned = handed_out >= 6  # the window before begins in grey
        assert batch.in_color == (turned,) * 8 and (batch.own_chroma is not None) == turned
        assert batch.first_of_shot == (handed_out in (0, 6, 10),) + (False,) * 7
        handed_out += 1
        assert len(taken) - handed_out <= LOOK_AHEAD // 8 + 1
    assert handed_out == 20


def verdicts(batches, memory=NOTHING):
    marked = list(Keeper(PLANES, TICK, memory, looks=True).mark(batches))
    return [flag for batch in marked for flag in batch.in_color], marked[-1].memory


def black(count):
    """As between two fades."""
    return replace(shot(count, 0, first=False), luma=torch.full((count, 1, 48, 64), 16, dtype=torch.uint8))


def toned(count):
    batch = shot(count, 0, first=False)
    batch.own_chroma[:, 1] += 12
    return batch


@pytest.mark.parametrize(
    ("then", "stays"),
    [(lambda: shot(48, 0, first=False), 24), (lambda: black(48), 72), (lambda: toned(48), 72)],
    ids=["grey", "black", "toned"],
)
def test_a_shot_in_colour_turns_grey_only_where_there_is_a_picture_in_grey(then, stays):
    found, _ = verdicts([shot(24, 60), then()])
    assert found == [True] * stays + [False] * (72 - stays)


@pytest.mark.parametrize("place", [20, 24, 33])
def test_where_a_span_ends_amid_a_window_the_verdicts_are_those_of_the_whole(place):
    def part(count, chroma, first=False, ends=False):
        return replace(shot(count, chroma, first), memory={} if ends else None)

    whole, _ = verdicts([part(40, 0, True), part(60, 60)])
    assert whole == [False] * 48 + [True] * 52
    before, memory = verdicts([part(place, 0, True, True)])
    after, _ = verdicts([part(40 - place, 0), part(60, 60)], memory)
    assert before + after == whole


@pytest.mark.parametrize("verdict", [True, False])
def test_a_shot_that_was_begun_before_keeps_its_verdict(verdict):
    keeper = Keeper(PLANES, TICK, {"keeper.in_color": torch.tensor(verdict)}, looks=True)
    first, second = keeper.mark([shot(4, 0 if verdict else 60, first=False), shot(4, 60)])
    assert (first.in_color, second.in_color) == ((verdict,) * 4, (True,) * 4)


def test_colour_that_grey_film_dissolves_into_is_kept(tmp_path, colorizer):
    grey, color = greyed(glide("astronaut", 48, 96, 128)), glide("coffee", 72, 96, 128)
    share = torch.linspace(0, 1, 12).view(-1, 1, 1, 1)
    middle = torch.lerp(grey[-12:], color[:12], share)
    film = write_film(tmp_path / "in.mkv", torch.cat((grey[:-12], middle, color[12:])))
    report = colorize_video(film, tmp_path / "out.mkv", colorizer, SETTINGS)
    (kept,) = report.shots_in_color
    assert Fraction(kept.start).limit_denominator(25) <= Fraction(72, 25) and kept.end == pytest.approx(108 / 25)
    begin = round(kept.start * 25)
    (_, chroma), (_, new) = read_planes(film), read_planes(tmp_path / "out.mkv")
    assert torch.equal(chroma[begin:], new[begin:])
    assert (chroma[:36] - new[:36]).abs().float().mean() > 3


def test_without_being_asked_nothing_is_looked_at_or_held():
    batch = replace(shot(4, 60), own_chroma=None)
    marked = Keeper(PLANES, TICK, looks=False).mark(iter([batch]))
    assert next(marked) is batch


def test_the_benchmark_made_no_mistake_on_films():
    path = Path(__file__).parents[1] / "benchmarks" / "results" / "keep_color.json"
    decisions = json.loads(path.read_text("utf-8"))["decisions"]
    films = {kind: counts for kind, counts in decisions.items() if not kind.startswith("photos")}
    assert len(films) == 16 and all(counts["right"] >= 5 for counts in films.values())
    assert sum(counts["wrong"] for counts in films.values()) == 0
    assert decisions["photos in colour"] == {"right": 488, "wrong": 12}  # as README.md says


@pytest.mark.parametrize("pix_fmt", ["nv12", "nv21", "p010le", "yuyv422", "yvyu422", "uyvy422", "yuva420p", "nv24"])
def test_packed_and_interleaved_chroma_is_read_bit_for_bit(pix_fmt):
    rgb = np.random.default_rng(0).integers(0, 256, (22, 38, 3), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=pix_fmt)
    shift, depth = planes.chroma_shift(pix_fmt), frame.format.components[0].bits
    planar = {(1, 1): "yuv420p", (1, 0): "yuv422p", (0, 0): "yuv444p"}[shift] + ("10le" if depth == 10 else "")
    repacked = frame.reformat(format=planar, threads=planes.SWSCALE_THREADS)
    expected = [planes.samples_of(plane, frame.format) for plane in repacked.planes[1:]]
    chroma = planes.read_chroma(frame)
    assert np.array_equal(chroma, np.stack(expected)[..., : chroma.shape[2]])
    assert chroma.dtype == planes.read_luma(frame).dtype


def test_samples_beyond_their_depth_are_clipped():
    frame = av.VideoFrame(16, 16, "yuv420p10le")
    for plane in frame.planes:
        plane.update(b"\xff\xff" * (plane.buffer_size // 2))
    assert planes.read_chroma(frame).max() == 1023
