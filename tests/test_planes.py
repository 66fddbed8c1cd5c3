"""Rare packings of pixels: read bit for bit, or refused in one line."""

import ast
from pathlib import Path

import av
import numpy as np
import pytest

from tests.clips import frames
from vidcolor.errors import InputError
from vidcolor.video import open_reader, planes

PACKED = {
    "ayuv": "yuv444p", "uyva": "yuv444p", "vuya": "yuv444p", "vuyx": "yuv444p", "vyu444": "yuv444p",
    "v30xle": "yuv444p10le", "xv30le": "yuv444p10le", "xv36le": "yuv444p12le", "xv36be": "yuv444p12le",
    "xv48le": "yuv444p16le", "xv48be": "yuv444p16le", "ayuv64le": "yuv444p16le", "ayuv64be": "yuv444p16le",
}  # fmt: skip


@pytest.mark.parametrize("packed", PACKED)
def test_packed_planes_are_read_bit_for_bit(packed):
    (planar,) = frames(1, 32, 48, PACKED[packed])
    for plane, value in zip(planar.planes[1:], (1, 2), strict=True):
        np.frombuffer(memoryview(plane), np.uint8)[:] = value
    frame = planes.repack(planar.reformat(format=packed))
    assert planes.plane_format(frame) == planes.plane_format(planar)
    assert np.array_equal(planes.read_luma(frame), planes.read_luma(planar))
    assert np.array_equal(planes.read_chroma(frame), planes.read_chroma(planar))


@pytest.mark.parametrize("order", ("le", "be"))
@pytest.mark.parametrize("bits", (10, 12, 16))
def test_deep_packed_422_is_read_bit_for_bit(bits, order):
    samples = np.random.default_rng(bits).integers(0, 1 << bits, (32, 48, 2), dtype=np.uint16)
    frame = av.VideoFrame(48, 32, f"y2{bits}{order}")
    stored = (samples << (16 - bits)).reshape(32, 96)
    padded = np.zeros((32, frame.planes[0].line_size // 2), "<u2" if order == "le" else ">u2")
    padded[:, :96] = stored
    frame.planes[0].update(padded.tobytes())
    assert planes.repack(frame) is frame
    assert planes.plane_format(frame) == planes.plane_format(av.VideoFrame(48, 32, f"yuv422p{bits}le"))
    assert np.array_equal(planes.read_luma(frame), samples[..., 0])
    assert np.array_equal(planes.read_chroma(frame), np.stack((samples[:, 0::2, 1], samples[:, 1::2, 1])))


@pytest.mark.parametrize("name", ["v30xbe", "xv30be", "gray32le", "yaf32le", "rgb96le"])
def test_what_nothing_unpacks_is_one_line(name):
    with pytest.raises(InputError, match=f"pixels of the format {name}, which nothing unpacks") as caught:
        planes.repack(av.VideoFrame(16, 16, name))
    assert "\n" not in str(caught.value)


def in_memory(name):
    try:
        return bool(av.VideoFrame(16, 16, name))
    except av.ArgumentError:
        return False  # pictures on a card


@pytest.mark.parametrize("name", [name for name in sorted(av.video.format.names) if in_memory(name)])
def test_every_format_is_read_or_refused(name):
    try:
        frame = planes.repack(av.VideoFrame(16, 16, name))
    except InputError:
        return
    chroma = planes.read_chroma(frame)
    assert planes.read_luma(frame).shape == (16, 16)
    assert chroma is None or chroma.shape[1:] == planes.plane_format(frame).chroma_size(16, 16)


def test_a_film_of_them_is_read(tmp_path):
    with av.open(str(tmp_path / "in.nut"), "w") as output:
        stream = output.add_stream("rawvideo", 25, width=48, height=32)
        stream.pix_fmt = "v30xle"
        for pts, frame in enumerate(frames(3, 32, 48, "yuv444p10le")):
            frame.pts = pts
            output.mux(stream.encode(frame.reformat(format="v30xle")))
    with open_reader(tmp_path / "in.nut") as film:
        found = [batch.luma[0, 0].numpy() for batch in film.batches(1)]
    expected = [planes.read_luma(frame) for frame in frames(3, 32, 48, "yuv444p10le")]
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_a_film_of_what_nothing_unpacks_is_refused_by_name(tmp_path, monkeypatch):
    with av.open(str(tmp_path / "in.nut"), "w") as output:
        stream = output.add_stream("rawvideo", 25, width=48, height=32)
        stream.pix_fmt = "v30xle"
        (frame,) = frames(1, 32, 48, "yuv444p10le")
        output.mux(stream.encode(frame.reformat(format="v30xle")))
    monkeypatch.setattr(planes, "_DEADLY", {"v30xle"})
    with pytest.raises(InputError, match=r"in\.nut: has pixels of the format v30xle"):
        open_reader(tmp_path / "in.nut")


def test_swscale_is_never_left_to_choose_its_threads():
    """With several it loses a line of P010's chroma now and then, far too seldom for a test to wait for."""
    sources = [path.read_text("utf-8") for path in Path(planes.__file__).parents[1].rglob("*.py")]
    calls = [node for text in sources for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    methods = [call for call in calls if isinstance(call.func, ast.Attribute)]
    converting = [call for call in methods if call.func.attr == "reformat"]
    converting += [call for call in methods if call.func.attr == "to_ndarray" and (call.args or call.keywords)]
    assert len(converting) >= 6
    assert [ast.unparse(call) for call in converting if "threads" not in {word.arg for word in call.keywords}] == []
