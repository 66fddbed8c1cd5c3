"""The writer: luma untouched, times and tags kept, and a file that is whole or absent."""

import os
from contextlib import nullcontext
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from tests.clips import LOSSLESS, QUICK, Tone, leftovers, make_film, make_picture, pattern, rewrite, shown, with_grey
from vidcolor.color import read_luma
from vidcolor.errors import ConfigError, InputError, OutputError
from vidcolor.frames import PlaneFormat
from vidcolor.video import Encoding, Span, find_encoders, open_reader, open_writer
from vidcolor.video.encoding import _refusal_of, choose_pixel_format
from vidcolor.video.planes import change_levels
from vidcolor.video.source import display_matrix

needs_nvenc = pytest.mark.skipif("h264_nvenc" not in find_encoders(), reason="this build of FFmpeg has no NVENC")
SHARED = Path(__file__).parents[2] / "shared"
TURNED_RIGHT = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
TURNED_AND_MIRRORED = (0, 65536, 0, 65536, 0, 0, 0, 0, 1 << 30)


def picture(path):
    """The first frame and the picture's stream, as attributes."""
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        frame = next(container.decode(stream))
        return frame, stream.sample_aspect_ratio, display_matrix(frame), stream.codec_context.pix_fmt


@pytest.mark.parametrize(
    "pix_fmt",
    [
        *("yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p"),
        *("yuv420p9le", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv420p16le"),
    ],
)
def test_a_lossless_codec_returns_every_plane_bit_for_bit(tmp_path, pix_fmt):
    source = make_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt=pix_fmt, width=72)
    writer = rewrite(source, tmp_path / "out.mkv", LOSSLESS)
    assert writer.warnings == []
    assert picture(tmp_path / "out.mkv")[3] == pix_fmt
    for before, after in zip(shown(source), shown(tmp_path / "out.mkv"), strict=True):
        assert before.luma.dtype == after.luma.dtype
        assert np.array_equal(before.luma, after.luma)


@pytest.mark.parametrize(
    ("pix_fmt", "written"), [("gray", "yuv420p"), ("gray16le", "yuv420p16le"), ("bgr0", "yuv444p")]
)
def test_grey_and_rgb_get_chroma_and_keep_their_luma(tmp_path, pix_fmt, written):
    source = make_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt=pix_fmt)
    rewrite(source, tmp_path / "out.mkv", LOSSLESS)
    frame, _, _, found = picture(tmp_path / "out.mkv")
    assert (found, frame.color_range) == (written, 2)
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(shown(source), shown(tmp_path / "out.mkv"), strict=True))


def test_chroma_is_written_as_given(tmp_path):
    source = make_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt="yuv422p", width=66)
    with open_reader(source) as reader, open_writer(tmp_path / "out.mkv", reader, encoding=LOSSLESS) as writer:
        for batch in reader.batches(4):
            colored = with_grey(batch, writer.planes)
            colored.chroma[:, 0] = 77
            colored.chroma[:, 1, :, 5] = 201
            writer.write(colored)
    frame = picture(tmp_path / "out.mkv")[0]
    blue, red = (np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1) for plane in frame.planes[1:])
    assert (blue[:, :33] == 77).all()
    assert (red[:, 5] == 201).all()
    assert (red[:, 6:33] == 128).all()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts"])
def test_variable_rate_times_are_kept(tmp_path, suffix):
    pts = [0, 3600, 7203, 20_000, 23_600, 90_000, 93_600]
    source = make_film(tmp_path / "in.mp4", time_base=Fraction(1, 90_000), pts=pts)
    rewrite(source, tmp_path / f"out{suffix}")
    found = shown(tmp_path / f"out{suffix}")
    tolerance = Fraction(1, 2000) if suffix == ".mkv" else 0
    moved = [frame.seconds - found[0].seconds for frame in found]
    assert all(abs(a - Fraction(b, 90_000)) <= tolerance for a, b in zip(moved, pts, strict=True))


def test_b_frames_and_the_last_duration_are_kept(tmp_path):
    source = make_film(tmp_path / "in.mp4", count=30, rate=Fraction(30_000, 1001))
    rewrite(source, tmp_path / "out.mp4", Encoding(preset="medium"))
    before, after = shown(source), shown(tmp_path / "out.mp4")
    assert [frame.seconds for frame in before] == [frame.seconds for frame in after]
    assert before[-1].duration == after[-1].duration


def test_10_bit_stays_10_bit_with_x264(tmp_path):
    source = make_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt="yuv422p10le")
    writer = rewrite(source, tmp_path / "out.mp4")
    assert picture(tmp_path / "out.mp4")[3] == "yuv422p10le"
    assert writer.warnings == []


def test_odd_sizes_keep_every_pixel(tmp_path):
    source = make_film(tmp_path / "in.mkv", codec="ffv1", width=53, height=31)
    writer = rewrite(source, tmp_path / "out.mp4")
    frame, _, _, pix_fmt = picture(tmp_path / "out.mp4")
    assert (frame.width, frame.height, pix_fmt) == (53, 31, "yuv444p")
    assert any("yuv444p" in warning for warning in writer.warnings)
    rewrite(source, tmp_path / "out.mkv", LOSSLESS)
    assert np.array_equal(shown(tmp_path / "out.mkv")[3].luma, pattern(12, 31, 53)[3])


@pytest.mark.parametrize(
    ("codec", "planes", "chosen", "warned"),
    [
        ("libx264", PlaneFormat(8, False, "709", (1, 1)), "yuv420p", False),
        ("libx264", PlaneFormat(12, False, "709", (1, 0)), "yuv422p10le", True),
        ("libx264", PlaneFormat(9, False, "709", (1, 1)), "yuv420p10le", True),
        ("libx264", PlaneFormat(8, False, "709", (2, 0)), "yuv422p", True),
        ("libx265", PlaneFormat(12, False, "709", (1, 0)), "yuv422p12le", False),
        ("libsvtav1", PlaneFormat(8, False, "709", (0, 0)), "yuv420p", True),
        ("prores_ks", PlaneFormat(8, False, "709", (1, 1)), "yuv422p10le", True),
        ("libsvtav1", PlaneFormat(16, True, "709", (1, 1)), "yuv420p10le", True),
    ],
)
def test_the_nearest_pixel_format_is_chosen(codec, planes, chosen, warned):
    pixels = choose_pixel_format(Encoding(codec=codec).find_codec(), planes, 64, 48)
    assert (pixels.encoded, bool(pixels.warnings)) == (chosen, warned)


def test_a_shallower_codec_says_so(tmp_path):
    source = make_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt="yuv420p16le", count=2)
    writer = rewrite(source, tmp_path / "out.mkv")
    assert any("yuv420p10le" in warning for warning in writer.warnings)
    assert writer.planes.bit_depth == shown(tmp_path / "out.mkv")[0].luma.itemsize * 8 - 6


@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize(("source", "target"), [(8, 10), (10, 16), (9, 10), (16, 10), (10, 8)])
def test_another_depth_keeps_black_white_and_order(source, target, full_range):
    black, white = (0, (1 << source) - 1) if full_range else (16 << (source - 8), 235 << (source - 8))
    luma = np.linspace(black, white, 50).astype(np.uint8 if source == 8 else np.uint16)[None]
    changed = change_levels(luma, PlaneFormat(source, full_range, "709"), PlaneFormat(target, full_range, "709"))
    ends = (0, (1 << target) - 1) if full_range else (16 << (target - 8), 235 << (target - 8))
    assert (changed[0, 0], changed[0, -1]) == ends
    assert (np.diff(changed.astype(int)) >= 0).all()
    assert changed.dtype == (np.uint8 if target == 8 else np.uint16)


@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize(("source", "target"), [(8, 8), (8, 10), (10, 8), (16, 8)])
def test_another_range_keeps_black_white_and_order(source, target, full_range):
    planes = [PlaneFormat(source, full_range, "709"), PlaneFormat(target, not full_range, "709")]
    (low, high), (black, white) = (
        (0, (1 << p.bit_depth) - 1) if p.full_range else (16 << (p.bit_depth - 8), 235 << (p.bit_depth - 8))
        for p in planes
    )
    luma = np.linspace(low, high, 50).astype(np.uint8 if source == 8 else np.uint16)[None]
    changed = change_levels(luma, *planes)
    assert (changed[0, 0], changed[0, -1]) == (black, white)
    assert (np.diff(changed.astype(int)) > 0).all()
    assert np.allclose(changed, np.linspace(black, white, 50), atol=0.006 * white + 1)


@pytest.mark.parametrize(
    ("codec", "suffix", "pix_fmt", "is_full"),
    [
        ("prores_ks", ".mov", "gray", False),
        ("mpeg4", ".mp4", "gray", False),
        ("libvpx", ".webm", "gray", False),
        ("libx264", ".mp4", "gray", True),
        ("mjpeg", ".mkv", "yuv420p", True),
    ],
)
def test_the_range_is_one_that_the_codec_can_tell(tmp_path, codec, suffix, pix_fmt, is_full):
    """What players make of the picture has the contrast of the source, whose black and white are both there."""
    source = make_film(tmp_path / "in.mkv", codec="ffv1", pix_fmt=pix_fmt, count=2)
    writer = rewrite(source, tmp_path / f"out{suffix}", Encoding(codec, options={"b": "8000000"}))
    assert any("range only: the levels" in warning for warning in writer.warnings) == (is_full != (pix_fmt == "gray"))
    before, after = (
        read_luma(torch.from_numpy(shown(path)[0].luma.copy()), PlaneFormat(depth, full, "709"))
        for path, depth, full in (
            (source, 8, pix_fmt == "gray"),
            (tmp_path / f"out{suffix}", writer.planes.bit_depth, is_full),
        )
    )
    assert writer.planes.full_range == is_full
    assert (picture(tmp_path / f"out{suffix}")[0].color_range == 2) == is_full
    assert (before.clamp(0, 1) - after.clamp(0, 1)).abs().mean() < 0.03


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov"])
def test_aspect_ratio_and_colour_tags_are_kept(tmp_path, suffix):
    tags = {
        "sample_aspect_ratio": Fraction(8, 9),
        "color_primaries": 6,
        "color_trc": 6,
        "colorspace": 5,
        "color_range": 1,
    }
    source = make_film(tmp_path / "in.mp4", tags=tags)
    rewrite(source, tmp_path / f"out{suffix}", QUICK)
    frame, ratio, _, _ = picture(tmp_path / f"out{suffix}")
    assert ratio == Fraction(8, 9)
    assert (frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range) == (6, 6, 5, 1)


def test_a_pixel_aspect_that_matroska_does_not_get_is_named(tmp_path):
    source = make_film(tmp_path / "in.mp4", tags={"sample_aspect_ratio": Fraction(8, 9)})
    kept = rewrite(source, tmp_path / "kept.mkv", QUICK)
    assert picture(tmp_path / "kept.mkv")[1] == Fraction(8, 9) and not kept.warnings
    lost = rewrite(source, tmp_path / "lost.mkv", LOSSLESS)
    assert picture(tmp_path / "lost.mkv")[1] != Fraction(8, 9)
    assert [warning for warning in lost.warnings if "square pixels" in warning]


def test_an_unspecified_matrix_stays_unspecified(tmp_path):
    source = make_film(tmp_path / "in.mp4")
    rewrite(source, tmp_path / "out.mp4")
    frame = picture(tmp_path / "out.mp4")[0]
    assert (frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range) == (2, 2, 2, 0)


@pytest.mark.parametrize("matrix", [TURNED_RIGHT, TURNED_AND_MIRRORED])
def test_rotation_and_mirroring_are_kept_in_mp4(tmp_path, matrix):
    source = make_film(tmp_path / "in.mp4", matrix=matrix)
    writer = rewrite(source, tmp_path / "out.mp4")
    assert picture(tmp_path / "out.mp4")[2] == picture(source)[2] == matrix
    frame = picture(tmp_path / "out.mp4")[0]
    assert (frame.width, frame.height) == (64, 48)  # never turned by us
    assert writer.warnings == []


def test_matroska_keeps_rotation_and_names_lost_mirroring(tmp_path):
    turned = make_film(tmp_path / "in.mp4", matrix=TURNED_RIGHT)
    writer = rewrite(turned, tmp_path / "out.mkv")
    assert picture(tmp_path / "out.mkv")[0].rotation == picture(turned)[0].rotation
    assert writer.warnings == []
    mirrored = make_film(tmp_path / "in2.mp4", matrix=TURNED_AND_MIRRORED)
    assert any("mirror" in warning for warning in rewrite(mirrored, tmp_path / "out2.mkv").warnings)


def test_fields_have_their_chroma_where_only_the_container_tells_of_them(tmp_path):
    source = make_film(tmp_path / "in.mkv", codec="ffv1", count=2, tags={"field_order": 2})
    assert not picture(source)[0].interlaced_frame
    with open_reader(source) as reader:
        assert reader.info.planes.interlaced


def test_a_film_that_becomes_interlaced_says_so(tmp_path):
    progressive = make_film(tmp_path / "one.ts", codec="mpeg2video", count=12)
    fields = make_film(
        tmp_path / "two.ts", codec="mpeg2video", count=12, options={"flags": "+ildct+ilme"}, tags={"field_order": 2}
    )
    (tmp_path / "in.ts").write_bytes(progressive.read_bytes() + fields.read_bytes())
    said = "the picture becomes interlaced on the way: its fields are written as whole frames"
    for name, expected in (("in.ts", [False, True]), ("one.ts", [False]), ("two.ts", [True])):
        with open_reader(tmp_path / name) as reader:
            assert sorted({frame.interlaced_frame for frame, _, _ in reader.frames()}) == expected
        assert reader.warnings.count(said) == (name == "in.ts")


def test_interlaced_pictures_stay_interlaced(tmp_path):
    source = make_film(
        tmp_path / "in.mkv", options={"flags": "+ildct+ilme", "x264-params": "tff=1"}, tags={"field_order": 2}
    )
    writer = rewrite(source, tmp_path / "out.mkv")
    assert writer.warnings == []
    assert picture(tmp_path / "out.mkv")[0].interlaced_frame
    assert any("interlaced" in warning for warning in rewrite(source, tmp_path / "out2.mkv", LOSSLESS).warnings)


def test_fields_that_only_the_frames_tell_of_stay_fields(tmp_path):
    source = make_film(tmp_path / "in.avi", count=2, codec="dvvideo", width=720, height=576)
    with av.open(str(source)) as container:
        assert container.streams.video[0].codec_context.field_order == 0
    writer = rewrite(source, tmp_path / "out.mkv")
    assert writer.warnings == []
    assert picture(tmp_path / "out.mkv")[0].interlaced_frame


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"color_trc": 16, "color_primaries": 9, "colorspace": 9}, ["the transfer is PQ", "the primaries are BT.2020"]),
        ({"color_trc": 18, "color_primaries": 1, "colorspace": 1}, ["the transfer is HLG"]),
        ({"color_trc": 1, "color_primaries": 12, "colorspace": 1}, ["the primaries are Display P3"]),
        ({"color_trc": 1, "color_primaries": 1, "colorspace": 10}, ["the matrix is BT.2020 constant luminance"]),
        ({"color_trc": 1, "color_primaries": 6, "colorspace": 6}, []),
    ],
)
def test_colours_out_of_scope_are_named_and_their_tags_kept(tmp_path, tags, words):
    source = make_film(tmp_path / "in.mkv", count=2, pix_fmt="yuv420p10le", tags=tags)
    writer = rewrite(source, tmp_path / "out.mkv")
    assert len(writer.warnings) == len(words)
    assert all(warning.startswith(word) for warning, word in zip(writer.warnings, words, strict=True))
    frame = picture(tmp_path / "out.mkv")[0]
    assert (frame.color_trc, frame.color_primaries) == (tags["color_trc"], tags["color_primaries"])


def test_x265_is_kept_from_pictures_it_crashes_on():
    codec = Encoding("libx265").find_codec()
    assert choose_pixel_format(codec, PlaneFormat(8, False, "601"), 64, 48).encoded == "yuv420p"
    with pytest.raises(OutputError, match="48x32"):
        choose_pixel_format(codec, PlaneFormat(8, False, "601"), 48, 32)


def test_a_span_is_written_from_zero(tmp_path):
    source = make_film(tmp_path / "in.mp4", count=30)
    rewrite(source, tmp_path / "out.mp4", span=Span(Fraction("0.4"), Fraction("0.8")))
    found = shown(tmp_path / "out.mp4")
    assert (len(found), found[0].seconds) == (10, 0)


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_target_and_nothing_else(tmp_path, error):
    source = make_film(tmp_path / "in.mp4", tones=[Tone()])
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    with (
        pytest.raises(error),
        open_reader(source) as reader,
        open_writer(target, reader, encoding=QUICK, overwrite=True) as writer,
    ):
        writer.write(with_grey(next(reader.batches(5)), writer.planes))
        assert leftovers(tmp_path)
        assert target.read_bytes() == b"old"
        raise error
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_came_to_be_meanwhile_is_replaced_only_by_leave(tmp_path, overwrite):
    source, target = make_film(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    refused = nullcontext() if overwrite else pytest.raises(OutputError, match=r"left alone; it is in out-2\.mp4$")
    with (
        refused,
        open_reader(source) as reader,
        open_writer(target, reader, encoding=QUICK, overwrite=overwrite) as writer,
    ):
        target.write_bytes(b"precious")
        for batch in reader.batches(5):
            writer.write(with_grey(batch, writer.planes))
    assert len(shown(target if overwrite else tmp_path / "out-2.mp4")) == 12
    assert overwrite or target.read_bytes() == b"precious"
    assert len(list(tmp_path.iterdir())) == (2 if overwrite else 3)


def test_overwriting_replaces_the_file_at_the_end(tmp_path):
    source = make_film(tmp_path / "in.mp4")
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    rewrite(source, target, overwrite=True)
    assert len(shown(target)) == 12
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "encoding", "words"),
    [
        ("out.mp4", Encoding(codec="nonesuch"), "'nonesuch'"),
        ("out.mp4", Encoding(codec="aac"), "'aac'"),
        ("out.mp4", Encoding(preset="superfastest"), "out.mp4: cannot be written, libx264 does not open"),
        ("out.mp4", Encoding(options={"wibble": "1"}), "'wibble'"),
        ("out.webm", QUICK, "libx264"),
        ("out.mkv", Encoding(codec="gif"), "gif"),
        ("out.xyz", QUICK, ".xyz"),
        ("out.avi", QUICK, ".avi"),
        ("out", QUICK, "suffix"),
        ("out.png", QUICK, "film cannot be written as a still"),
        ("old.mp4", QUICK, "exists already"),
        ("lost.mp4", QUICK, "is a link to what is not there"),
        ("in.mp4", QUICK, "is the input itself"),
        ("none/out.mp4", QUICK, "does not exist"),
        ("folder.mp4", QUICK, "is a folder"),
    ],
)
def test_a_target_that_cannot_be_is_one_line_and_no_file(tmp_path, name, encoding, words):
    source = make_film(tmp_path / "in.mp4", tones=[Tone()])
    (tmp_path / "old.mp4").write_bytes(b"old")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "lost.mp4").symlink_to(tmp_path / "disk" / "lost.mp4")
    before = sorted(tmp_path.iterdir())
    with open_reader(source) as reader, pytest.raises(OutputError, match=words) as caught:
        open_writer(tmp_path / name, reader, encoding=encoding)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("count", range(3, 9))
def test_the_last_picture_stands_as_long_as_it_did(tmp_path, suffix, count):
    """With B-frames the last packet holds another picture than the last one shown."""
    times = [40 * number for number in range(count)] + [5000]
    still = np.repeat(pattern(1, 48, 64), count + 1, axis=0)
    source = make_film(tmp_path / "in.mkv", count=count + 1, time_base=Fraction(1, 1000), pts=times, grey=still)
    with open_reader(source) as reader:
        (batch,) = reader.batches(99)
        durations = (*(40,) * (count - 1), 5000 - times[-2], 3000)
        with open_writer(tmp_path / f"out{suffix}", reader, encoding=Encoding(preset="medium")) as writer:
            writer.write(replace(with_grey(batch, writer.planes), durations=durations))
    with av.open(str(tmp_path / f"out{suffix}")) as film:
        (stream,) = film.streams
        seconds = stream.duration * stream.time_base if suffix != ".mkv" else film.duration / av.time_base
        assert float(seconds) == pytest.approx(8, abs=0.1)


@needs_nvenc
def test_a_cards_encoder_is_replaced_by_the_processors_where_it_does_not_open(tmp_path, monkeypatch):
    monkeypatch.setattr("vidcolor.video.encoding._refusal_of", lambda codec: "no such driver")
    source, asked = make_film(tmp_path / "in.mp4"), Encoding("h264_nvenc", 20, "p5", {"spatial-aq": "1"})
    with open_reader(source) as reader, open_writer(tmp_path / "out.mp4", reader, encoding=asked) as writer:
        for batch in reader.batches(8):
            writer.write(with_grey(batch, writer.planes))
        told = [line for line in writer.warnings if "h264_nvenc" in line]
    assert len(told) == 1 and "no such driver" in told[0] and "libx264" in told[0]
    assert len(shown(tmp_path / "out.mp4")) == 12
    assert asked.fit(".mp4").options_for(Encoding("libx264").find_codec()) == {"crf": "20", "preset": "medium"}
    assert Encoding("hevc_nvenc").fit(".mkv").codec == "libx265"


@needs_nvenc
def test_a_cards_encoder_keeps_to_a_quality_too(monkeypatch):
    monkeypatch.setattr("vidcolor.video.encoding._refusal_of", lambda codec: None)
    asked = Encoding("h264_nvenc", 18, "p5")
    codec = asked.find_codec()
    assert asked.fit(".mp4") is asked
    assert asked.options_for(codec) == {"preset": "p5", "rc": "constqp", "qp": "18"}
    assert Encoding("h264_nvenc", 63).options_for(codec)["qp"] == "51"
    assert Encoding("h264_nvenc", None, None, {"b": "8M"}).options_for(codec) == {"b": "8M"}
    assert Encoding("h264_nvenc", options={"qp": "30"}).options_for(codec)["qp"] == "30"


def test_an_encoder_whose_presets_are_numbers_has_its_own_by_default(tmp_path):
    codec = Encoding("libsvtav1").find_codec()
    assert "preset" not in Encoding("libsvtav1").options_for(codec)
    assert Encoding("libsvtav1", preset="12").options_for(codec)["preset"] == "12"
    rewrite(make_film(tmp_path / "in.mkv", width=64, height=64), tmp_path / "out.mkv", Encoding("libsvtav1"))
    assert len(shown(tmp_path / "out.mkv")) == 12


def test_vp9_is_quick_whether_it_was_asked_for_or_is_the_usual():
    asked, usual = Encoding("libvpx-vp9", options={"cpu-used": "8"}), Encoding(options={"cpu-used": "8"})
    assert usual.fit(".webm") == asked.fit(".webm") == asked
    chosen = asked.options_for(asked.find_codec())
    assert (chosen["cpu-used"], chosen["row-mt"]) == ("8", "1")
    assert Encoding("libvpx-vp9").options_for(asked.find_codec())["cpu-used"] == "4"


def test_whether_an_encoder_opens_is_tried_out():
    assert _refusal_of("libx264") is None
    if "h264_nvenc" in find_encoders() and not torch.cuda.is_available():
        assert _refusal_of("h264_nvenc")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder(tmp_path):
    source = make_film(tmp_path / "in.mp4")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    with open_reader(source) as reader, pytest.raises(OutputError, match="cannot be written to"):
        open_writer(folder / "out.mp4", reader, encoding=QUICK)


def test_settings_out_of_range():
    with pytest.raises(ConfigError, match="crf"):
        Encoding(crf=99)


def test_a_long_file_name_fits(tmp_path):
    source = make_film(tmp_path / "in.mp4")
    target = tmp_path / ("x" * 240 + ".mp4")
    rewrite(source, target)
    assert len(shown(target)) == 12


def test_awkward_target_names(tmp_path):
    source = make_film(tmp_path / "in.mp4")
    for name in ("a:b 100%d.mp4", "it's $(x).mkv"):
        rewrite(source, tmp_path / name)
        assert len(shown(tmp_path / name)) == 12 if ":" not in name else (tmp_path / name).stat().st_size > 0


def test_a_still_is_no_film(tmp_path):
    source = make_picture(tmp_path / "in.png", pattern(1, 20, 30)[0])
    with open_reader(source) as reader, pytest.raises(OutputError, match="still cannot be written as a film"):
        open_writer(tmp_path / "out.mp4", reader, encoding=QUICK)


@pytest.mark.skipif(not (SHARED / "awkward").is_dir(), reason="needs the shared clips")
def test_every_awkward_film_is_written_or_refused_in_one_line(tmp_path):
    for source in sorted((SHARED / "awkward").glob("*[!d]")):
        if source.stat().st_size > 60_000:
            continue
        try:
            rewrite(
                source,
                tmp_path / ("out.png" if source.suffix in (".png", ".jpg", ".tif") else "out.mp4"),
                overwrite=True,
            )
        except InputError as error:
            assert "\n" not in str(error)
        assert leftovers(tmp_path) == []
