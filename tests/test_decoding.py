"""No frame is lost by the threads of a decoder, however many the machine has."""

from fractions import Fraction
from functools import partial

import av
import numpy as np
import pytest

from tests.awkward import junk_at_the_end
from tests.clips import X265, make_film, shown
from vidcolor.video import Span, open_reader, reader
from vidcolor.video.decoding import decode
from vidcolor.video.source import find_picture, opened

ALIKE = {"x264-params": "cpu-independent=1"}
"""Makes two encodes the same, which with AVX-512 they are not always."""
FILMS = {
    "h264.mkv": {"codec": "libx264", "options": ALIKE},
    "h264.mp4": {"codec": "libx264", "options": ALIKE},
    "h264.ts": {"codec": "libx264", "options": ALIKE | {"g": "4"}},
    "h264.avi": {"codec": "libx264", "options": ALIKE},
    "h265.mp4": {"codec": "libx265", "options": {"x265-params": X265}},
    "mpeg4.mkv": {"codec": "mpeg4", "options": {"bf": "2"}},
    "vp8.webm": {"codec": "libvpx"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "ffv1.avi": {"codec": "ffv1"},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
}


@pytest.fixture(params=[1, 2, 4, 9])
def threads(request, monkeypatch):
    """As many threads for every decoder that may choose."""

    def find(container, source):
        stream = find_picture(container, source)
        stream.codec_context.thread_count = request.param
        return stream

    monkeypatch.setattr(reader, "find_picture", find)
    return request.param


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("count", [4, 12])
def test_junk_at_the_end_costs_no_frame_and_is_told(tmp_path, threads, name, count):
    plain = make_film(tmp_path / f"whole.{name}", count=count, **FILMS[name])
    spoilt = junk_at_the_end(tmp_path / name, count=count, **FILMS[name])
    with open_reader(plain) as whole, open_reader(spoilt) as film:
        expected, found = list(whole.batches(1)), list(film.batches(1))
    assert [batch.pts for batch in found] == [batch.pts for batch in expected]
    assert all(np.array_equal(a.luma, b.luma) for a, b in zip(found, expected, strict=True))
    assert whole.losses == [] and len(expected) == count
    if name != "vp9.webm":  # whose muxer leaves the junk out
        (loss,) = film.losses
        near = expected[-3].pts[0] * film.info.time_base  # AVI gives the times of H.264 in file order
        assert loss.what.startswith("frame dropped") and loss.seconds >= near


@pytest.mark.parametrize("name", ["h264.mkv", "mpeg4.mkv", "ffv1.avi"])
@pytest.mark.parametrize("places", [(4, 5), (6, 9), (9, 11), (8, 10, 11), (8,)])
def test_every_frame_of_a_film_is_shown_or_told(tmp_path, threads, name, places):
    plain = make_film(tmp_path / f"whole.{name}", count=12, **FILMS[name])
    spoil(plain, tmp_path / name, places)
    with open_reader(tmp_path / name) as film:
        times = [batch.pts[0] * film.info.time_base for batch in film.batches(1)]
        gone = [loss.seconds for loss in film.losses if "dropped" in loss.what]
    assert sorted([*times, *gone]) == [frame.seconds for frame in shown(plain)]


def spoil(source, target, places):
    """Replace the packets at these places."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        copy = new.add_stream_from_template(old.streams.video[0], opaque=True)
        for place, packet in enumerate(packet for packet in old.demux() if packet.size):
            junk = av.Packet(b"A line")
            junk.pts, junk.dts, junk.duration, junk.time_base = (
                packet.pts,
                packet.dts,
                packet.duration,
                packet.time_base,
            )
            packet = junk if place in places else packet
            packet.stream = copy
            new.mux(packet)


@pytest.mark.parametrize("name", FILMS)
def test_a_sound_film_is_decoded_once(tmp_path, name):
    path = make_film(tmp_path / name, **FILMS[name])
    losses = []
    with opened(path) as container:
        stream = find_picture(container, path)
        stream.codec_context.thread_count = 4
        frames = decode(container, stream, lambda *loss: losses.append(loss), partial(pytest.fail, "opened again"))
        assert len(list(frames)) == 12
    assert losses == []


OPEN = {"x265-params": f"{X265}:keyint=12:min-keyint=12:scenecut=0:open-gop=1:bframes=3"}


@pytest.mark.parametrize("name", ["h265.mkv", "h265.mp4", "h265.ts"])
def test_what_lies_before_a_sought_key_frame_is_not_called_lost(tmp_path, threads, name):
    """The first frames behind a key frame of an open group refer to the group before, and go when it was not read."""
    path = make_film(tmp_path / name, count=60, codec="libx265", options=OPEN)
    with open_reader(path) as film:
        whole = list(film.batches(1))
        assert film.losses == [] and len(whole) == 60
        assert len(list(film.moments(5))) == 5 and film.losses == []
    for start in (13, 24, 30, 41):
        with open_reader(path, Span(Fraction(start, 25), None)) as part:
            found = list(part.batches(1))
        assert part.losses == []
        assert all(np.array_equal(a.luma, b.luma) for a, b in zip(found, whole[start:], strict=True))
