"""Makers of small films and pictures, and readers of what came out; used by all tests. Nothing is downloaded."""

from __future__ import annotations  # av.Packet is generic in its stub only

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vidcolor.frames import FrameBatch, PlaneFormat
from vidcolor.video import Encoding, Span, StillWriter, VideoWriter, open_reader, open_writer
from vidcolor.video import planes as pixel_planes

LOSSLESS = Encoding(codec="ffv1", crf=None, preset=None)
WHOLE = Span()
QUICK = Encoding(codec="libx264", crf=30, preset="ultrafast")


@dataclass(frozen=True)
class Tone:
    """A sound track of one sine."""

    codec: str = "aac"
    rate: int = 48_000
    seconds: float = 0.6
    offset: Fraction = Fraction(0)
    """Seconds at which it begins."""
    metadata: Mapping[str, str] | None = None
    layout: str = "stereo"
    pitch: float = 0.06
    """Radians from sample to sample."""


@dataclass(frozen=True)
class Line:
    """One subtitle."""

    start_ms: int
    end_ms: int
    text: str


def pattern(count: int, height: int, width: int, depth: int = 8) -> NDArray[Any]:
    """(count, height, width) uint8 or uint16: a moving ramp with a fine texture, over the whole range."""
    y, x = np.mgrid[:height, :width]
    phase = np.arange(count)[:, None, None]
    ramp = (x * 3 + y * 2 + phase * 5 + (x * y) % 7) % 256
    samples = ramp * ((1 << depth) - 1) // 255
    return samples.astype(np.uint8 if depth == 8 else np.uint16)


X265 = "log-level=error:pools=none:frame-threads=1"
"""x265 without its pool of threads, in which the end of an encode can wait for ever (x265's issue 540)."""


def make_film(
    path: Path,
    *,
    count: int = 12,
    width: int = 64,
    height: int = 48,
    pix_fmt: str = "yuv420p",
    codec: str = "libx264",
    options: Mapping[str, str] | None = None,
    rate: Fraction | int = 25,
    time_base: Fraction | None = None,
    pts: Sequence[int] | None = None,
    tones: Sequence[Tone] = (),
    lines: Sequence[Line] = (),
    chapters: Sequence[tuple[int, int, str]] = (),
    attachments: Sequence[tuple[str, str, bytes]] = (),
    metadata: Mapping[str, str] | None = None,
    matrix: Sequence[int] | None = None,
    tags: Mapping[str, Any] | None = None,
    container_options: Mapping[str, str] | None = None,
    grey: NDArray[Any] | None = None,
) -> Path:
    """Write a film of `pattern` frames and whatever else is asked for. `tags` are attributes of the codec context.

    grey is (N, H, W) uint8 to show instead of the pattern, in a format of 8 bits; chapters are (start ms, end ms,
    title); attachments (name, MIME type, data).
    """
    tick = time_base or 1 / Fraction(rate)
    pts = pts if pts is not None else [round(i / Fraction(rate) / tick) for i in range(count)]
    with av.open(str(path), "w", container_options=dict(container_options or {})) as output:
        video: Any = output.add_stream(codec, rate, dict(options or {}), width=width, height=height, time_base=tick)
        video.pix_fmt = pix_fmt
        for name, value in (tags or {}).items():
            setattr(video.codec_context, name, value)
        if matrix is not None:
            video.set_display_matrix(matrix)
        sounds = [_add_tone(output, tone) for tone in tones]
        words = _add_lines(output, path) if lines else None
        for attachment in attachments:
            output.add_attachment(*attachment)
        output.metadata.update(metadata or {})
        output.set_chapters([_chapter(i, *chapter) for i, chapter in enumerate(chapters)])
        for frame, time in zip(frames(len(pts), height, width, pix_fmt, grey), pts, strict=True):
            frame.pts, frame.time_base = time, tick
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for stream, tone in zip(sounds, tones, strict=True):
            _play(output, stream, tone)
        for line in lines:
            output.mux(_subtitle(words, line))
    return path


def join_parts(folder: Path, suffix: str) -> Path:
    """Two MPEG parts of 20 seconds end to end, each with a clock of its own, unlike in picture and sound."""
    parts, brightness = [], np.linspace(0, 60, 500).astype(np.uint8)[:, None, None]
    for index in range(2):
        parts.append(
            make_film(
                folder / f"{index}{suffix}",
                count=500,
                codec="libx264" if suffix == ".ts" else "mpeg2video",
                options={"g": "25", "bf": "0"},
                grey=pattern(500, 48, 64) // 2 + brightness + 60 * index,
                tones=[Tone("mp2", seconds=20, pitch=0.02 + 0.04 * index)],
                container_options={"max_interleave_delta": "0"},
            )
        )
    joined = folder / f"in{suffix}"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    return joined


def frames(count: int, height: int, width: int, pix_fmt: str, grey: NDArray[Any] | None = None) -> list[av.VideoFrame]:
    """`pattern` frames, or those of `grey`, of a planar Y'CbCr, grey or R'G'B' format, without colour."""
    layout = av.VideoFormat(pix_fmt, width, height)
    if pixel_planes.is_rgb(layout):
        grey = pattern(count, height, width)
        rgb = np.stack([grey, grey[:, ::-1], grey[:, :, ::-1]], axis=-1)
        return [av.VideoFrame.from_ndarray(np.ascontiguousarray(one), "rgb24").reformat(format=pix_fmt) for one in rgb]
    depth = layout.components[0].bits
    made = []
    for luma in pattern(count, height, width, depth) if grey is None else grey:
        frame = av.VideoFrame(width, height, pix_fmt)
        for index, plane in enumerate(frame.planes):
            rows = np.frombuffer(memoryview(plane), luma.dtype).reshape(plane.height, -1)
            rows[:] = 1 << (depth - 1)
            if index == 0:
                rows[:, :width] = luma
        made.append(frame)
    return made


def _add_tone(output: Any, tone: Tone) -> Any:
    stream = output.add_stream(tone.codec, tone.rate)
    stream.codec_context.layout = tone.layout
    if tone.codec.startswith("wma"):
        stream.codec_context.bit_rate = 128_000  # it has no rate of its own
    stream.metadata.update(tone.metadata or {})
    return stream


def _play(output: Any, stream: Any, tone: Tone) -> None:
    samples = int(tone.rate * tone.seconds)
    wave: NDArray[Any] = np.sin(np.arange(samples) * tone.pitch) * 9000
    is_float = tone.codec.startswith("pcm_f")
    wave = (wave / 32768).astype(np.float32) if is_float else wave.astype(np.int16)
    channels = np.repeat(wave, av.AudioLayout(tone.layout).nb_channels)[None]
    frame = av.AudioFrame.from_ndarray(channels, "flt" if is_float else "s16", tone.layout)
    frame.sample_rate = tone.rate
    frame.time_base = Fraction(1, tone.rate)
    frame.pts = round(tone.offset * tone.rate)
    output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _add_lines(output: Any, path: Path) -> Any:
    stream = output.add_mux_stream("subrip" if path.suffix == ".mkv" else "mov_text", time_base=Fraction(1, 1000))
    stream.metadata["language"] = "deu"
    return stream


def _subtitle(stream: Any, line: Line) -> Any:
    packet = av.Packet(line.text.encode())
    packet.stream = stream
    packet.time_base = Fraction(1, 1000)
    packet.pts = packet.dts = line.start_ms
    packet.duration = line.end_ms - line.start_ms
    return packet


def _chapter(index: int, start_ms: int, end_ms: int, title: str) -> Any:
    return {
        "id": index + 1,
        "start": start_ms,
        "end": end_ms,
        "time_base": Fraction(1, 1000),
        "metadata": {"title": title},
    }


def with_grey(batch: FrameBatch, planes: PlaneFormat) -> FrameBatch:
    """The batch with chroma planes that hold no colour."""
    height, width = batch.luma.shape[2:]
    size = (len(batch), 2, *planes.chroma_size(height, width))
    return replace(batch, chroma=torch.full(size, 1 << (planes.bit_depth - 1)).to(planes.dtype))


def rewrite(
    source: Path,
    target: Path,
    encoding: Encoding = QUICK,
    *,
    span: Span = WHOLE,
    overwrite: bool = False,
) -> VideoWriter | StillWriter:
    """Read, add grey chroma, write; the finished writer, for its warnings."""
    with (
        open_reader(source, span) as reader,
        open_writer(target, reader, encoding=encoding, overwrite=overwrite) as writer,
    ):
        for batch in reader.batches(5):
            writer.write(with_grey(batch, writer.planes))
    return writer


@dataclass(frozen=True)
class Shown:
    """One decoded frame of a file."""

    luma: NDArray[Any]
    seconds: Fraction
    duration: Fraction


def shown(path: Path) -> list[Shown]:
    """Every frame of the picture as a plain decoder shows it."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.best("video")
        tick = stream.time_base
        return [
            Shown(pixel_planes.read_luma(frame).copy(), frame.pts * tick, frame.duration * tick)
            for frame in container.decode(stream)
        ]


@dataclass(frozen=True)
class Heard:
    """One packet of a stream that is not the picture."""

    data: bytes
    seconds: Fraction


def packets(path: Path, kind: str) -> list[list[Heard]]:
    """The packets of every stream of a kind, in the streams' order."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        found: dict[int, list[Heard]] = {stream.index: [] for stream in streams}
        for packet in container.demux(*streams) if streams else ():
            if packet.size:
                assert packet.pts is not None
                found[packet.stream.index].append(Heard(bytes(packet), packet.pts * packet.time_base))
        return [found[stream.index] for stream in streams]


def make_picture(path: Path, pixels: NDArray[Any], **options: Any) -> Path:
    """Save (H, W) or (H, W, C) with Pillow."""
    Image.fromarray(pixels).save(path, **options)
    return path


def leftovers(folder: Path) -> list[Path]:
    """Partial files that a writer left behind."""
    return [path for path in folder.iterdir() if ".partial-" in path.name]
