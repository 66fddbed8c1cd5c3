"""The bound of every speed: decoding a film and encoding it again, with nothing in between."""

from pathlib import Path

import av
import numpy as np

from vidcolor.video import planes
from vidcolor.video.encoder import Encoder
from vidcolor.video.encoding import Encoding
from vidcolor.video.limits import USUAL, Limits
from vidcolor.video.reader import VideoReader
from vidcolor.video.span import WHOLE, Span
from vidcolor.video.target import translated


def transcode(source: Path, target: Path, encoding: Encoding, span: Span = WHOLE, limits: Limits = USUAL) -> int:
    """Write the luma of `source` with neutral chroma and nothing else; the number of frames.

    Takes as long as a bare loop over PyAV: `benchmarks/speed.py --only plain`. Raises InputError or OutputError.
    """
    with VideoReader(source, span, limits) as reader, translated(target), av.open(f"file:{target}", "w") as output:
        encoder = Encoder(output, target, reader, encoding.fit(target.suffix), reader.info)
        encoder.open()
        size = encoder.planes.chroma_size(reader.info.height, reader.info.width)
        dtype = np.uint8 if encoder.planes.bit_depth == 8 else np.uint16
        neutral = np.full((2, *size), encoder.planes.neutral, dtype)
        frames = 0
        for frame, pts, duration in reader.frames():
            output.mux(encoder.encode_frame(planes.read_luma(frame), neutral, pts, duration))
            frames += 1
        output.mux(encoder.finish())
    return frames
