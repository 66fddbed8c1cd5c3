"""A film written window by window, each by whichever process takes it: a hidden folder beside the output.

windows.json          the job
000003.packets        the encoded picture of a window
000003.json           its record; a window that has one is finished
whole.*               the film while its windows are joined
joined                says that it is whole, before it takes the target's place
lock                  held by the process that began the job, until it ends
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from vidcolor.files import Partial, flush_folder, write_bytes
from vidcolor.frames import FrameBatch, PlaneFormat, VideoInfo
from vidcolor.resume.description import Description, differences, digest_of
from vidcolor.resume.folder import JoinedFilm, discard, folder_of, left_behind, made_otherwise, plan_of
from vidcolor.resume.lock import hold
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
from vidcolor.windows import Window

JOINED = "joined"


@dataclass(frozen=True)
class Record:
    """A finished window."""

    run: str
    """Which run finished it."""
    start: str | None
    """What its first frame is known by; None where it is empty."""
    end: str | None
    """What the frame behind its last one is known by; None where the film ends with it."""
    packets: str
    """SHA-256 of its packets."""
    report: Mapping[str, Any]
    """What there is to tell of it, in plain types."""


def is_seamless(records: Sequence[Record]) -> bool:
    """Whether the windows make one film, wherever each of them was begun to be read."""
    filled = [record for record in records if record.start]
    joints = all(one.end == other.start for one, other in pairwise(filled))
    return joints and records[0].start is not None and filled[-1].end is None


class WindowWriter:
    """Writes the picture of a window as a VideoWriter would. Made by `WindowFiles.open`."""

    def __init__(self, target: Path, encoder: Encoder, packets: PacketFile, warnings: list[str]) -> None:
        self._target, self._encoder, self._packets = target, encoder, packets
        self._is_empty = True
        self.warnings = warnings

    @property
    def planes(self) -> PlaneFormat:
        """What the chroma of every batch has to be."""
        return self._encoder.planes

    def write(self, batch: FrameBatch) -> None:
        """Encode the next frames, as VideoWriter does. Raises OutputError."""
        self._is_empty = False
        with translated(self._target):
            self._packets.write(self._encoder.encode(batch))

    def finish(self) -> None:
        """Write what the encoder still holds. Raises OutputError."""
        if not self._is_empty:
            with translated(self._target):
                self._packets.write(self._encoder.finish())


class WindowFiles:
    """What is finished of the windows of `target`, whose folder exists. Whoever has begun the job ends it."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self._folder, self._plan = folder_of(target), plan_of(target)
        self._joined = self._folder / JOINED
        self._lock: BinaryIO | None = None

    def begin(self, description: Description, source: Path, overwrite: bool) -> None:
        """Begin the job, or go on with it: no other may until `end`.

        Raises OutputError where the target cannot be written or another job is at work on it, ConfigError where the
        finished windows are another job's.
        """
        overwrite = overwrite or self._joined.exists()
        if self._plan.exists() and not overwrite and self.target.exists():
            raise left_behind(self.target)
        check_target(self.target, source, overwrite)
        self._lock = hold(self.target)
        if self._plan.exists():
            return self._agree(description)
        with translated(self.target):
            write_bytes(self._plan, json.dumps(dict(description), indent=1).encode())
            flush_folder(self._folder)

    def end(self) -> None:
        """Let others at the target, if it was begun here."""
        if self._lock is not None:
            self._lock.close()

    def _agree(self, description: Description) -> None:
        try:
            changed = differences(json.loads(self._plan.read_text("utf-8")), description)
        except (OSError, ValueError, AttributeError):
            changed = f"{self._plan.name} is damaged"
        if changed:
            raise made_otherwise(self.target, changed)

    def find(self, number: int) -> Record | None:
        """The record of a window, if that is finished and sound."""
        try:
            record = Record(**json.loads(self._record(number).read_text("utf-8")))
            return record if record.packets == digest_of(self._packets(number)) else None
        except (OSError, ValueError, TypeError):
            return None

    @contextmanager
    def open(self, number: int, encoder: Encoder, warnings: list[str]) -> Iterator[WindowWriter]:
        """A writer for a window, whose file is whole or absent. Raises OutputError."""
        partial = Partial(self._packets(number), overwrite=True)
        try:
            with translated(self.target):
                packets = PacketFile(partial.path)
            with closing(packets):
                writer = WindowWriter(self.target, encoder, packets, warnings)
                yield writer
                writer.finish()
            partial.keep()
        finally:
            partial.discard()

    def count(self, number: int, run: str, window: Window, report: Mapping[str, Any]) -> Record:
        """Count a window as finished, once all of it is safe on the disk. Raises OutputError."""
        with translated(self.target):
            flush_folder(self._folder)
            record = Record(run, window.start, window.end, digest_of(self._packets(number)), report)
            write_bytes(self._record(number), json.dumps(asdict(record), indent=1).encode())
            flush_folder(self._folder)
        return record

    def join(self, count: int, reader: VideoReader, encoding: Encoding, info: VideoInfo, overwrite: bool) -> list[str]:
        """Make the film of the windows, without encoding them anew; the writer's warnings. Raises OutputError."""
        overwrite = overwrite or self._joined.exists()
        partial = JoinedFilm(self.target, overwrite, self._note_joined)
        try:
            with open_writer(
                self.target, reader, encoding=encoding, overwrite=overwrite, info=info, partial=partial
            ) as writer:
                assert isinstance(writer, VideoWriter)
                writer.add(join_packets(map(self._packets, range(count))))
        finally:
            if partial.kept_as:
                self.discard()
        return writer.warnings

    def _note_joined(self) -> None:
        with translated(self.target):
            self._joined.touch()
            flush_folder(self._folder)

    def discard(self) -> None:
        """Delete all that is finished."""
        discard(self.target)

    def _packets(self, number: int) -> Path:
        return self._folder / f"{number:06d}.packets"

    def _record(self, number: int) -> Path:
        return self._folder / f"{number:06d}.json"
