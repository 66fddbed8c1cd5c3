"""What holds for every size, pixel format, rate and batch split: luma bit for bit, times to the tick."""

import tempfile
from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import av
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clips import LOSSLESS, make_film, pattern, rewrite, shown, with_grey
from vidcolor.video import open_reader, open_writer

DEPTHS = {
    "yuv420p": 8, "yuv422p": 8, "yuv444p": 8, "yuv411p": 8, "yuv410p": 8, "yuv440p": 8, "gray": 8,
    "yuv420p9le": 9, "yuv422p10le": 10, "yuv444p12le": 12, "yuv420p16le": 16, "gray10le": 10, "gray16le": 16,
}  # fmt: skip
TICK = Fraction(1, 1000)
quick = settings(
    max_examples=30, derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
sides = st.integers(2, 70)
formats = st.sampled_from(sorted(DEPTHS))
steps = st.lists(st.integers(1, 5000), min_size=1, max_size=9)
rates = st.sampled_from([Fraction(24000, 1001), Fraction(18), Fraction(25), Fraction(60), Fraction(1, 2)])


@quick
@given(width=sides, height=sides, pix_fmt=formats, steps=steps)
def test_a_lossless_round_trip_keeps_luma_and_times(width, height, pix_fmt, steps):
    pts = [0, *accumulate(steps)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_film(
            folder / "in.mkv", codec="ffv1", pix_fmt=pix_fmt, width=width, height=height, pts=pts, time_base=TICK
        )
        rewrite(source, folder / "out.mkv", LOSSLESS)
        found = shown(folder / "out.mkv")
    truth = pattern(len(pts), height, width, DEPTHS[pix_fmt])
    assert [frame.seconds for frame in found] == [time * TICK for time in pts]
    for frame, luma in zip(found, truth, strict=True):
        assert frame.luma.dtype == luma.dtype and np.array_equal(frame.luma, luma)


@quick
@given(count=st.integers(1, 14), reading=st.integers(1, 16))
def test_how_frames_are_batched_makes_no_difference(count, reading):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_film(folder / "in.mkv", codec="ffv1", count=count, width=16, height=12)
        with open_reader(source) as reader, open_writer(folder / "out.mkv", reader, encoding=LOSSLESS) as writer:
            batches = list(reader.batches(reading))
            for batch in batches:
                writer.write(with_grey(batch, writer.planes))
        rewrite(source, folder / "five.mkv", LOSSLESS)
        assert packets(folder / "out.mkv") == packets(folder / "five.mkv")
    assert [len(batch) for batch in batches[:-1]] == [reading] * (len(batches) - 1)
    assert sum(map(len, batches)) == count


@quick
@given(rate=rates, count=st.integers(1, 12), late=st.integers(0, 90_000))
def test_mp4_keeps_any_rate_and_start_to_the_tick(rate, count, late):
    tick = 1 / (rate * 1000)
    pts = [late + number * 1000 for number in range(count)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = make_film(folder / "in.mp4", width=16, height=16, rate=rate, pts=pts, time_base=tick)
        rewrite(source, folder / "out.mp4")
        assert [frame.seconds for frame in shown(folder / "out.mp4")] == [frame.seconds for frame in shown(source)]


def packets(path):
    """(time, data) of everything in a file."""
    with av.open(str(path)) as container:
        return [(packet.pts, bytes(packet)) for packet in container.demux() if packet.size]
