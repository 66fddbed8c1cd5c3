"""Encoding: luma as it came, the new chroma and everything else of the source into one whole file."""

from __future__ import annotations  # Packet is generic in its stub only

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av import FFmpegError, InvalidDataError, Packet, PatchWelcomeError
from av.container import OutputContainer
from av.video.stream import VideoStream

from vidcolor.errors import OutputError
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.video import planes
from vidcolor.video.encoding import Encoding, choose_pixel_format
from vidcolor.video.passthrough import Passthrough, describe
from vidcolor.video.picture import describe_picture, name_matrix
from vidcolor.video.reader import VideoReader
from vidcolor.video.source import reason
from vidcolor.video.target import Partial


class VideoWriter:
    """A film being written. Made by `open_writer`; a context manager.

    The file gets its name when the block ends without an exception; until then, and after an exception, there is none
    and an older file of that name is untouched.
    """

    def __init__(self, target: Path, reader: VideoReader, encoding: Encoding, info: VideoInfo) -> None:
        codec = encoding.find_codec()
        self._pixels = choose_pixel_format(codec, info.planes, info.width, info.height)
        self._info = info
        self.planes = PlaneFormat(
            self._pixels.bit_depth, info.planes.full_range, info.planes.matrix, self._pixels.chroma_shift
        )
        """What the chroma of every batch has to be."""
        self._seen = reader.warnings  # grows while the reader reads
        self._lost = [self._pixels.warning] if self._pixels.warning else []
        self._refused = 0
        self._durations: dict[int, int] = {}
        self._partial = Partial(target)
        self._target = target
        self._container: OutputContainer | None = None
        self._others = Passthrough(reader.source, reader.origin, reader.start, reader.end, self._lost)
        try:
            with self._translated():
                self._open(reader, encoding, encoding.options_for(codec, reader.tags.field_order))
        except BaseException:
            self._abandon()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with self._translated():
                    self._finish()
        finally:
            self._abandon()

    @property
    def warnings(self) -> list[str]:
        """One line for everything of the source that could not be kept as it was, and why."""
        refused = [f"damaged packets of sound or subtitles left out: {self._refused}"] if self._refused else []
        return [*self._seen, *self._lost, *refused]

    def write(self, batch: FrameBatch) -> None:
        """Encode the next frames: luma as the reader gave it, chroma (N, 2, Hc, Wc) as `planes` says.

        Raises OutputError where the encoder or the disk refuses.
        """
        if batch.chroma is None:
            raise ValueError("a batch must have chroma before it can be written")
        luma, chroma = batch.luma.cpu().numpy(), batch.chroma.cpu().numpy()
        with self._translated():
            for y, cbcr, pts, duration in zip(luma, chroma, batch.pts, batch.durations, strict=True):
                y = planes.change_depth(y[0], self._info.planes, self.planes)
                frame = planes.build_frame(y, cbcr, self._pixels.planar)
                frame.pts, frame.time_base = pts, self._info.time_base
                self._durations[pts] = duration or self._usual_duration
                self._mux(self._stream.encode(frame))

    def _open(self, reader: VideoReader, encoding: Encoding, options: dict[str, str]) -> None:
        self._container = container = av.open(
            f"file:{self._partial.path}", "w", container_options=self._others.container_options(self._target.suffix)
        )
        for source_stream in self._others.streams:
            if source_stream.index == reader.tags.stream_index:
                self._stream = self._add_picture(container, reader, encoding.codec, options)
                describe(source_stream, self._stream)
            else:
                self._others.add(container, source_stream)
        self._others.describe(container)
        self._stream.codec_context.open()
        unknown = sorted(set(self._stream.codec_context.options) & set(encoding.options))
        if unknown:
            raise OutputError(f"{encoding.codec} has no option {', '.join(map(repr, unknown))}, leave it out")
        container.start_encoding()

    def _add_picture(
        self, container: OutputContainer, reader: VideoReader, codec: str, options: dict[str, str]
    ) -> VideoStream:
        info = self._info
        try:
            stream: VideoStream = container.add_stream(  # type: ignore[assignment]
                codec, info.rate or 25, options, width=info.width, height=info.height, time_base=info.time_base
            )
        except ValueError as error:
            problem = f"{self._target}: {self._target.suffix} files take no {codec}"
            raise OutputError(f"{problem}, choose another codec or .mkv as the target") from error
        stream.codec_context.pix_fmt = self._pixels.encoded
        stream.codec_context.thread_type = "AUTO"
        is_same_size = (info.width, info.height) == (reader.info.width, reader.info.height)
        tags = reader.tags if is_same_size else name_matrix(reader.tags, info.planes)
        self._lost += describe_picture(stream, tags, info.planes)
        return stream

    @property
    def _usual_duration(self) -> int:
        return max(1, round(1 / ((self._info.rate or 25) * self._info.time_base)))

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        assert self._container is not None
        for packet in packets:
            packet.duration = self._durations.pop(packet.pts or 0, 0)
            until = (packet.dts or 0) * self._info.time_base
            self._container.mux(packet)
            self._carry(until)

    def _carry(self, until: Fraction | None) -> None:
        assert self._container is not None
        for packet in self._others.carry(until):
            try:
                self._container.mux(packet)
            except (InvalidDataError, PatchWelcomeError):
                self._refused += 1

    def _finish(self) -> None:
        assert self._container is not None
        self._mux(self._stream.encode(None))
        self._carry(None)
        self._container.close()
        self._container = None
        self._partial.keep()

    def _abandon(self) -> None:
        """Close everything and delete the partial file, if it still has that name."""
        self._others.close()
        if self._container is not None:
            with suppress(FFmpegError):  # the trailer of a file that is thrown away
                self._container.close()
            self._container = None
        self._partial.discard()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (FFmpegError, OSError) as error:
            words = reason(error) if isinstance(error, FFmpegError) else error.strerror
            raise OutputError(f"{self._target}: cannot be written ({words})") from error
