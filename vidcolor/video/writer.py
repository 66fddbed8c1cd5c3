"""Muxing: the encoded picture and everything else of the source into one whole file."""

from __future__ import annotations  # Packet is generic in its stub only

from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import av
from av import FFmpegError, InvalidDataError, Packet, PatchWelcomeError
from av.container import OutputContainer
from av.video.stream import VideoStream

from vidcolor.files import Partial
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.video.encoder import Encoder, lone_encoder
from vidcolor.video.encoding import Encoding
from vidcolor.video.passthrough import Passthrough, describe
from vidcolor.video.reader import VideoReader
from vidcolor.video.target import translated


class VideoWriter:
    """A film being written. Made by `open_writer`; a context manager.

    The file gets its name when the block ends without an exception; until then, and after an exception, there is none
    and an older file of that name is untouched.
    """

    def __init__(self, partial: Partial, reader: VideoReader, encoding: Encoding, info: VideoInfo) -> None:
        self._reader, self._encoding, self._info = reader, encoding, info
        self._seen = reader.warnings  # grows while the reader reads
        self._lost: list[str] = []
        self._refused = 0
        self._partial = partial
        self._target = partial.target
        self._container: OutputContainer | None = None
        self._others = Passthrough(reader, self._lost)
        try:
            with translated(self._target):
                self._open()
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
                with translated(self._target):
                    self._finish()
        finally:
            self._abandon()

    @property
    def planes(self) -> PlaneFormat:
        """What the chroma of every batch has to be."""
        return self._encoder.planes

    @property
    def warnings(self) -> list[str]:
        """One line for everything of the source that could not be kept as it was, and why."""
        count = self._refused + self._others.refused
        refused = [f"damaged packets of sound or subtitles left out: {count}"] if count else []
        return [*self._seen, *self._lost, *refused]

    @property
    def header(self) -> bytes:
        """What the file says about the packets of its picture, whichever encoder they come from."""
        return self._encoder.header

    def write(self, batch: FrameBatch) -> None:
        """Encode the next frames: luma as the reader gave it, chroma (N, 2, Hc, Wc) as `planes` says.

        Raises OutputError where the encoder or the disk refuses.
        """
        with translated(self._target):
            self._mux(self._encoder.encode(batch))

    def new_encoder(self) -> Encoder:
        """Another encoder, set like the writer's own: its packets go into this file by `add`."""
        return lone_encoder(self._target, self._reader, self._encoding, self._info)

    def add(self, packets: Iterable[Packet[Any]]) -> None:
        """Take over the next packets of the picture, times in ticks. Raises OutputError where the disk refuses."""
        with translated(self._target):
            for packet in packets:
                packet.stream, packet.time_base = self._encoder.stream, self._info.time_base
                self._mux([packet])

    def _open(self) -> None:
        self._container = container = av.open(
            f"file:{self._partial.path}", "w", container_options=self._others.container_options(self._target.suffix)
        )
        for source_stream in self._others.streams:
            if source_stream.index == self._reader.tags.stream_index:
                self._encoder = Encoder(container, self._target, self._reader, self._encoding, self._info)
                self._lost += self._encoder.warnings
                self._lost += describe(source_stream, self._encoder.stream)
            else:
                self._others.add(container, source_stream)
        self._others.describe(container)
        self._encoder.open()
        container.start_encoding()

    def _mux(self, packets: list[Packet[VideoStream]]) -> None:
        assert self._container is not None
        for packet in packets:
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
        self._mux(self._encoder.finish())
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
