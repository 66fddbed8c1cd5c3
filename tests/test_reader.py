"""The reader: luma bit for bit, exact times, spans, and one clear line for whatever cannot be read."""

import io
import os
import time
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from PIL import Image

from tests.clips import Tone, frames, join_parts, make_film, pattern, shown
from vidcolor.errors import ConfigError, InputError
from vidcolor.video import Limits, Span, VideoReader, is_media, is_still, open_reader, probe, searchable_length
from vidcolor.video.decoding import read_packets
from vidcolor.video.planes import plane_format, read_luma

ONE = 65536
TURNED_RIGHT, TURNED_LEFT = (0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30), (0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30)
UPSIDE_DOWN = (-ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30)

SHARED = Path(__file__).parents[2] / "shared"


def read(path: Path, span: Span | None = None, size: int = 5) -> tuple[VideoReader, torch.Tensor, list[int], list[int]]:
    with open_reader(path, span or Span()) as reader:
        assert isinstance(reader, VideoReader)
        batches = list(reader.batches(size))
    luma = torch.cat([batch.luma for batch in batches])
    return reader, luma, [t for b in batches for t in b.pts], [t for b in batches for t in b.durations]


@pytest.mark.parametrize(
    ("pix_fmt", "depth", "full_range", "shift"),
    [
        ("yuv420p", 8, False, (1, 1)),
        ("yuv422p", 8, False, (1, 0)),
        ("yuv444p", 8, False, (0, 0)),
        ("yuv411p", 8, False, (2, 0)),
        ("yuva420p", 8, False, (1, 1)),
        ("gray", 8, True, (1, 1)),
        ("gray16le", 16, True, (1, 1)),
        ("yuv420p9le", 9, False, (1, 1)),
        ("yuv420p10le", 10, False, (1, 1)),
        ("yuv422p10le", 10, False, (1, 0)),
        ("yuv444p12le", 12, False, (0, 0)),
        ("yuv420p16le", 16, False, (1, 1)),
    ],
)
def test_luma_is_the_plane_that_was_encoded(tmp_path, pix_fmt, depth, full_range, shift):
    path = make_film(tmp_path / "film.mkv", codec="ffv1", pix_fmt=pix_fmt, width=70)
    reader, luma, _, _ = read(path)
    planes = reader.info.planes
    assert (planes.bit_depth, planes.full_range, planes.chroma_shift) == (depth, full_range, shift)
    assert luma.dtype == planes.dtype
    assert np.array_equal(luma[:, 0].numpy(), pattern(12, 48, 70, depth))


@pytest.mark.parametrize(
    ("planar", "pix_fmt"),
    [
        ("yuv422p", "yuyv422"),
        ("yuv422p", "uyvy422"),
        ("yuv420p", "nv12"),
        ("yuv420p10le", "p010le"),
        ("yuv420p10le", "yuv420p10be"),
        ("gray16le", "gray16be"),
    ],
)
def test_packed_interleaved_and_big_endian_pictures(planar, pix_fmt):
    frame = frames(1, 48, 64, planar)[0].reformat(format=pix_fmt)
    luma = pattern(1, 48, 64, frame.format.components[0].bits)[0]
    assert plane_format(frame).bit_depth == frame.format.components[0].bits
    assert np.array_equal(read_luma(frame), luma)


def test_samples_beyond_the_bit_depth_are_clipped():
    """As damaged streams decode to; x264 aborts the process on them."""
    (frame,) = frames(1, 32, 40, "yuv420p10le")
    np.frombuffer(memoryview(frame.planes[0]), np.uint16)[:40] = 65535
    luma = read_luma(frame)
    assert luma.max() == 1023
    assert np.array_equal(luma[1:], pattern(1, 32, 40, 10)[0, 1:])


class _Surprised:
    """A container with a packet of a stream that was not there when PyAV opened it."""

    def __init__(self, container, stream):
        self.format, self._packets, self._calls = container.format, container.demux(stream), 0

    def demux(self, *streams):
        yield next(self._packets)
        self._calls += 1
        if self._calls < 4:
            raise IndexError
        yield from self._packets


def test_a_stream_that_begins_late_does_no_harm(tmp_path):
    film, lost = make_film(tmp_path / "film.mkv", count=9), []
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        found = read_packets(_Surprised(container, stream), [stream], lambda pts, what: lost.append(what))
        assert len(list(found)) == 9
    assert lost == ["a stream that begins in the middle of the file is left out"]


def test_rgb_gives_rec709_luma(tmp_path):
    path = make_film(tmp_path / "film.mkv", codec="ffv1", pix_fmt="bgr0")
    reader, luma, _, _ = read(path)
    grey = pattern(12, 48, 64).astype(float)
    expected = np.rint(grey * 0.2126 + grey[:, ::-1] * 0.7152 + grey[:, :, ::-1] * 0.0722)
    assert (reader.info.planes.matrix, reader.info.planes.full_range) == ("709", True)
    assert np.array_equal(luma[:, 0].numpy(), expected)


@pytest.mark.parametrize(
    ("height", "tag", "matrix"), [(480, 2, "601"), (720, 2, "709"), (480, 1, "709"), (720, 9, "2020")]
)
def test_the_matrix_is_tagged_or_guessed_by_height(tmp_path, height, tag, matrix):
    path = make_film(
        tmp_path / "film.mkv", count=1, height=height, options={"preset": "ultrafast"}, tags={"colorspace": tag}
    )
    with open_reader(path) as reader:
        assert reader.info.planes.matrix == matrix


def test_full_range_is_seen(tmp_path):
    path = make_film(tmp_path / "film.mp4", tags={"color_range": 2})
    with open_reader(path) as reader:
        assert reader.info.planes.full_range


def test_variable_rate_times_are_the_stream_s_own(tmp_path):
    pts = [0, 40, 41, 200, 203, 1000, 1001]
    path = make_film(tmp_path / "film.mp4", time_base=Fraction(1, 12800), pts=pts)
    reader, luma, found, durations = read(path, size=3)
    assert reader.info.time_base == Fraction(1, 12800)
    assert found == pts
    assert len(luma) == len(durations) == 7


def test_batches_hold_what_was_asked_for(tmp_path):
    path = make_film(tmp_path / "film.mkv", count=11)
    with open_reader(path) as reader:
        assert [len(batch) for batch in reader.batches(4)] == [4, 4, 3]
        assert [len(batch) for batch in reader.batches(11)] == [11]  # and again, from the start


def test_odd_sizes(tmp_path):
    path = make_film(tmp_path / "film.mkv", codec="ffv1", width=53, height=31)
    reader, luma, _, _ = read(path)
    assert (reader.info.width, reader.info.height) == (53, 31)
    assert np.array_equal(luma[:, 0].numpy(), pattern(12, 31, 53))


@pytest.mark.parametrize(
    ("start", "end", "first", "last"), [("0.4", "0.8", 10, 19), ("0.41", None, 11, 29), (None, "0.2", 0, 4)]
)
def test_a_span_is_cut_to_the_frame_and_begins_at_zero(tmp_path, start, end, first, last):
    path = make_film(tmp_path / "film.mp4", count=30, options={"g": "8"})
    span = Span(Fraction(start) if start else None, Fraction(end) if end else None)
    reader, luma, pts, _ = read(path, span)
    whole = shown(path)
    assert len(luma) == last - first + 1
    assert pts[0] == 0
    assert pts[-1] * reader.info.time_base == whole[last].seconds - whole[first].seconds
    assert all(np.array_equal(luma[i, 0].numpy(), whole[first + i].luma) for i in range(len(luma)))


@pytest.mark.parametrize("name", ["film.ts", "film.mpg", "film.vob"])
def test_a_span_of_an_mpeg_film_has_the_frames_of_the_whole(tmp_path, name):
    """Their times are hard to search by: places found lie behind key frames, and those of small frames are guessed."""
    path = make_film(
        tmp_path / name, count=100, codec="mpeg2video", options={"bf": "2", "g": "15"}, tones=[Tone("mp2")]
    )
    _, whole, _, _ = read(path)
    for first in (*range(20, 96, 15), *range(96, 100)):
        for early in (Fraction(0), Fraction(3, 100)):
            reader, luma, pts, _ = read(path, Span(Fraction(first, 25) - early))
            assert np.array_equal(luma, whole[first:])
            assert np.allclose(np.diff(pts) * float(reader.info.time_base), 0.04, atol=1e-3)


@pytest.mark.parametrize("suffix", [".ts", ".vob"])
def test_a_span_of_parts_has_the_frames_of_the_whole(tmp_path, suffix):
    """Each part's clock begins anew, so a search by it may end in another."""
    path = join_parts(tmp_path, suffix)
    _, whole, _, _ = read(path)
    for start in (6, 18, 26):
        _, luma, pts, _ = read(path, Span(Fraction(start), Fraction(start + 3)))
        first = next(index for index, frame in enumerate(whole) if torch.equal(frame, luma[0]))
        assert abs(first - 25 * start) <= 2 and torch.equal(luma, whole[first : first + len(luma)])
        assert pts[0] == 0 and len(luma) in (74, 75)
    assert searchable_length(path, Limits()) is None


@pytest.mark.parametrize("start", [None, "1.6", "3.2"])
def test_damage_in_parts_is_named_at_its_time_and_that_before_a_span_is_not(tmp_path, start):
    parts = [make_film(tmp_path / f"{i}.ts", count=50, width=320, height=240, options={"g": "5"}) for i in range(2)]
    data = bytearray(b"".join(part.read_bytes() for part in parts))
    for share in (0.2, 0.75):
        place = int(len(data) * share)
        data[place : place + 2000] = np.random.default_rng(0).bytes(2000)
    (tmp_path / "in.ts").write_bytes(data)
    begin = Fraction(start or 0)
    reader, *_ = read(tmp_path / "in.ts", Span(begin) if start else Span())
    told = [loss.seconds + begin for loss in reader.losses]
    assert any(0.5 < seconds < 1 for seconds in told) == (begin == 0)
    assert any(2.5 < seconds < 3 for seconds in told) == (begin < 3)
    assert all(loss.seconds >= 0 for loss in reader.losses)


def test_the_last_picture_of_a_span_ends_with_it(tmp_path):
    path = make_film(
        tmp_path / "film.mp4", count=3, time_base=Fraction(1, 1000), pts=[0, 1000, 1500], options={"bf": "0"}
    )
    with open_reader(path, Span(None, Fraction("1.2"))) as reader:
        assert [float(batch.durations[0] * reader.info.time_base) for batch in reader.batches(1)] == [1, 0.2]


def test_how_many_frames_a_span_has_is_told_where_the_rate_is_known():
    assert Span(Fraction(1), Fraction(3)).count_frames(Fraction(25), None) == 50
    assert Span(Fraction(1)).count_frames(Fraction(25), 100) == 75
    assert Span(Fraction(1)).count_frames(Fraction(25), None) is None
    assert Span(Fraction(1), Fraction(3)).count_frames(None, 100) is None


def test_a_span_behind_the_end_is_an_error(tmp_path):
    path = make_film(tmp_path / "film.mp4")
    with pytest.raises(InputError, match=r"has no frame from 9 s on$"):
        open_reader(path, Span(Fraction(9)))
    with pytest.raises(InputError, match=r"has no frame from 0.081 s to 0.082 s$"):
        open_reader(path, Span(Fraction("0.081"), Fraction("0.082")))
    with pytest.raises(ConfigError, match=r"must end after it starts, got from 3 s to 2 s$"):
        Span(Fraction(3), Fraction(2))


def test_a_transport_stream_begins_near_zero(tmp_path):
    path = make_film(tmp_path / "film.ts", tones=[Tone("mp2")])
    _, _, pts, _ = read(path)
    assert 0 <= pts[0] < 9000
    assert np.diff(pts).tolist() == [3600] * 11


def test_a_cut_off_film_gives_what_decodes(tmp_path):
    whole = make_film(
        tmp_path / "film.mp4", count=60, width=320, height=240, container_options={"movflags": "faststart"}
    )
    part = tmp_path / "part.mp4"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    reader, luma, pts, _ = read(part)
    assert 10 < len(luma) < 60
    assert pts == sorted(set(pts))
    assert any("cut off" in loss.what for loss in reader.losses)
    assert 0 < reader.losses[-1].seconds < Fraction(60, 25)


def test_damage_in_the_middle_is_named_with_its_place(tmp_path):
    whole = make_film(
        tmp_path / "film.mp4", count=60, width=160, height=120, options={"g": "10", "x264-params": "slices=1"}
    )
    data = bytearray(whole.read_bytes())
    with av.open(str(whole)) as container:
        packet = [p for p in container.demux(video=0) if p.pos is not None][30]
        place = packet.pts * packet.time_base
    assert packet.pos is not None
    data[packet.pos + 6 : packet.pos + packet.size] = b"\x55" * (packet.size - 6)
    whole.write_bytes(bytes(data))
    reader, luma, pts, _ = read(whole)
    assert pts == sorted(set(pts))
    assert len(luma) + len(reader.losses) == 60
    assert abs(reader.losses[0].seconds - place) <= Fraction(2, 25)
    assert "frame dropped" in str(reader.losses[0])


def test_frames_that_change_size_are_scaled_to_the_first(tmp_path):
    parts = [make_film(tmp_path / f"{w}.ts", count=40, width=w, height=48, codec="mpeg2video") for w in (64, 96)]
    film = tmp_path / "film.ts"
    film.write_bytes(b"".join(part.read_bytes() for part in parts))
    reader, luma, pts, _ = read(film)
    assert luma.shape[2:] == (48, 64)
    assert len(luma) > 75
    assert np.diff(pts).max() <= 3600 * 2  # the second part's clock begins anew: it follows the first one's end
    assert pts[-1] > 75 * 3600
    assert any("changes to 96x48 yuv420p at 1.560 s:" in warning for warning in reader.warnings)
    late, *_ = read(film, Span(Fraction(1)))
    assert any("changes to 96x48 yuv420p at 0.560 s:" in warning for warning in late.warnings)


def _text(path):
    path.write_text("This is no film.\n" * 20)


def _empty(path):
    path.touch()


def _audio_only(path):
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", 48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.int16), "s16", "stereo")
        frame.sample_rate = 48000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _no_frames(path):
    with av.open(str(path), "w") as output:
        output.add_stream("libx264", 25, width=64, height=48)
        output.start_encoding()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (Path.mkdir, "is a folder"),
        (_empty, "is empty"),
        (_text, "not a film"),
        (_audio_only, "no moving picture"),
        (_no_frames, "no moving picture"),
    ],
)
def test_bad_input_is_one_line_with_the_name(tmp_path, make, words):
    path = tmp_path / "bad.mp4"
    make(path)
    with pytest.raises(InputError, match=words) as caught:
        open_reader(path)
    assert "bad.mp4" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["12:30 at 100%.mp4", "it's $(here); rm.mp4", "-film.mp4", "früh 映画.mp4"])
def test_any_file_name_is_read(tmp_path, name):
    plain = make_film(tmp_path / "film.mp4", count=3)
    path = plain.rename(tmp_path / name)
    _, luma, _, _ = read(path)
    assert len(luma) == 3


def test_a_playlist_does_not_reach_out(tmp_path):
    path = tmp_path / "list.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError):
        open_reader(path)


def test_no_thread_stays_behind(tmp_path):
    path = make_film(tmp_path / "film.mp4")
    read(path)
    before = len(os.listdir("/proc/self/task")) if Path("/proc/self/task").exists() else 0
    for _ in range(3):
        with open_reader(path) as reader:
            next(reader.batches(2))  # left in the middle
    time.sleep(0.1)
    after = len(os.listdir("/proc/self/task")) if Path("/proc/self/task").exists() else 0
    assert after <= before


def test_probe_describes_every_stream(tmp_path):
    path = make_film(
        tmp_path / "film.mkv",
        tones=[Tone(metadata={"language": "fra", "title": "Piano"})],
        chapters=[(0, 200, "One"), (200, 480, "Two")],
        tags={"sample_aspect_ratio": Fraction(4, 3)},
        metadata={"title": "A film"},
    )
    summary = probe(path)
    picture, sound = summary.streams
    assert summary.container.startswith("matroska")
    assert picture.is_picture
    assert (picture.width, picture.height, picture.pix_fmt, picture.codec) == (64, 48, "yuv420p", "h264")
    assert picture.sample_aspect_ratio == Fraction(4, 3)
    assert (sound.kind, sound.sample_rate, sound.channels) == ("audio", 48000, 2)
    assert (sound.language, sound.title) == ("fra", "Piano")
    assert summary.chapters == ("One", "Two")
    assert dict(summary.metadata)["title"] == "A film"


def test_suffixes():
    assert is_still(Path("a.JPG"))
    assert not is_still(Path("a.gif"))
    assert is_media(Path("a.gif"))
    assert not is_media(Path("a.txt"))


@pytest.mark.skipif(not (SHARED / "awkward").is_dir(), reason="needs the shared clips")
@pytest.mark.parametrize("name", ["broken_header.mp4", "empty.flv", "audio_only.mp4", "video_stream_without_size.ts"])
def test_hopeless_files_from_the_wild(name):
    with pytest.raises(InputError):
        open_reader(SHARED / "awkward" / name)


@pytest.mark.skipif(not (SHARED / "awkward").is_dir(), reason="needs the shared clips")
def test_a_film_with_a_damaged_unit_is_read_to_its_end():
    reader, luma, _, _ = read(SHARED / "awkward" / "corrupted_nal.mp4")
    assert len(luma) > 40
    assert reader.losses


def test_captions_inside_the_picture_are_named_wherever_they_begin(tmp_path, monkeypatch):
    """PyAV makes no such frames: they are told by name here, and were seen by hand in a broadcast's."""
    film = make_film(tmp_path / "film.mkv", count=12)
    names = iter([()] * 5 + [("A53_CC",)] * 20)
    with open_reader(film) as reader:
        monkeypatch.setattr("vidcolor.video.picture.side_data_names", lambda frame: next(names))
        assert sum(len(batch) for batch in reader.batches(5)) == 12
        assert reader.warnings == ["closed captions inside the picture cannot be kept"]


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_frames_that_carry_exif_are_read_and_keep_their_turn(tmp_path, orientation):
    """As cameras put it into Motion JPEG; PyAV has no name for it."""
    exif, encoded = Image.Exif(), io.BytesIO()
    exif[274] = orientation
    Image.fromarray(pattern(1, 48, 64)[0]).convert("RGB").save(encoded, "JPEG", exif=exif)
    with av.open(str(tmp_path / "in.avi"), "w") as output:
        stream = output.add_stream("mjpeg", rate=15, width=64, height=48)
        stream.pix_fmt = "yuvj420p"
        for time in range(3):
            packet = av.Packet(encoded.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, time, time, Fraction(1, 15)
            output.mux(packet)
    with open_reader(tmp_path / "in.avi") as reader:
        assert len(list(reader.frames())) == 3
        assert reader.tags.display_matrix == {1: None, 3: UPSIDE_DOWN, 6: TURNED_RIGHT, 8: TURNED_LEFT}[orientation]
