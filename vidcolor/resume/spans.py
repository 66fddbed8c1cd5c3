"""A film written span by span: what is finished survives, and the film is joined from it without encoding anew."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from vidcolor.errors import OutputError
from vidcolor.frames import FrameBatch, Memory, PlaneFormat, VideoInfo
from vidcolor.resume.description import Description
from vidcolor.resume.folder import JoinedFilm, left_behind
from vidcolor.resume.journal import Journal, Kept, open_journal
from vidcolor.video import (
    Encoder,
    Encoding,
    PacketFile,
    VideoReader,
    VideoWriter,
    check_target,
    join_packets,
    open_writer,
    translated,
)

SPAN = 250
"""Frames of a span, at least; it ends with a batch."""


def in_spans(batches: Iterable[FrameBatch]) -> Iterator[FrameBatch]:
    """The same batches; where a span ends, as the last one does with the film, the stages are asked what they remember.

    Runs one batch ahead of what it hands out.
    """
    frames = 0
    for batch, after in pairwise(chain(batches, [None])):
        assert batch is not None
        frames += len(batch)
        if frames < SPAN and after is not None:
            yield batch
        else:
            frames = 0
            yield replace(batch, memory={})


class SpanWriter:
    """Writes like the VideoWriter it ends in, but span by span. Made by `open_spans`; a context manager."""

    def __init__(self, writer: VideoWriter, journal: Journal) -> None:
        self._writer, self._journal = writer, journal
        self._encoder: Encoder | None = None
        self._packets: PacketFile | None = None
        self._frames = self._shots = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Join what is finished, or keep it for the next run."""
        if self._packets is not None:
            with suppress(OSError):  # of a span that is done anew
                self._packets.close()
        if kind is None:
            self._writer.add(join_packets(self._journal.packets))

    @property
    def planes(self) -> PlaneFormat:
        """What the chroma of every batch has to be."""
        return self._writer.planes

    @property
    def warnings(self) -> list[str]:
        """One line for everything that could not be kept as it was, and why."""
        return [*self._journal.warnings, *self._writer.warnings]

    def write(self, batch: FrameBatch) -> None:
        """Encode the next frames, as VideoWriter does. A batch with a memory ends a span. Raises OutputError."""
        with translated(self._journal.target):
            self._encoder = self._encoder or self._writer.new_encoder()
            self._packets = self._packets or PacketFile(self._journal.next_packets)
            self._packets.write(self._encoder.encode(batch))
        self._frames += len(batch)
        self._shots += sum(batch.first_of_shot or ())
        if batch.memory is not None:
            self._end(batch.memory)

    def _end(self, memory: Memory) -> None:
        assert self._encoder is not None and self._packets is not None
        with translated(self._journal.target):
            self._packets.write(self._encoder.finish())
            self._packets.close()
            self._journal.count(self._frames, self._shots, memory)
        self._encoder = self._packets = None
        self._frames = self._shots = 0


@contextmanager
def open_spans(
    target: Path,
    reader: VideoReader,
    description: Description,
    *,
    encoding: Encoding,
    overwrite: bool,
    info: VideoInfo,
    device: torch.device,
) -> Iterator[tuple[SpanWriter, Kept]]:
    """A writer for what `reader` reads, and what an earlier run of the same job has left, its memory on `device`.

    Whatever ends the block, finished spans stay; a block that ends well leaves the whole film and nothing else.
    Raises OutputError, or ConfigError where an earlier run was another job.
    """
    check_target(target, reader.source, overwrite=True)
    with open_journal(target) as journal:
        overwrite = overwrite or journal.is_joined
        if journal.spans and not overwrite and target.exists():
            raise left_behind(target)
        partial = JoinedFilm(target, overwrite, journal.join)
        try:
            with open_writer(
                target, reader, encoding=encoding, overwrite=overwrite, info=info, partial=partial
            ) as writer:
                assert isinstance(writer, VideoWriter)
                journal.agree({**description, "encoder": hashlib.sha256(writer.header).hexdigest()})
                with SpanWriter(writer, journal) as spans:
                    yield spans, journal.keep(device)
        except OutputError as error:
            if partial.kept_as or not journal.spans:
                raise
            raise OutputError(f"{error}; {len(journal.spans)} spans are kept, go on with --resume") from error
        finally:
            journal.is_done = partial.kept_as is not None
