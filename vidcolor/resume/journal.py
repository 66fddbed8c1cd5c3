"""What is finished of one output: a hidden folder beside it.

journal.json          the job, and the finished spans with their digests
000000.packets        the encoded picture of a span
000000.safetensors    what the stages remember at its end
whole.*               the film while its spans are joined          lock    held by the process at work
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from vidcolor import checkpoint
from vidcolor.errors import ConfigError, OutputError
from vidcolor.files import flush, flush_folder, write_bytes
from vidcolor.frames import NOTHING, Memory
from vidcolor.resume.description import Description, differences, digest_of
from vidcolor.resume.folder import discard, folder_of, journal_of, lock_of, made_otherwise, plan_of
from vidcolor.resume.lock import hold
from vidcolor.video import translated

FORMAT = 2


@dataclass(frozen=True)
class FinishedSpan:
    """What is counted of a span of frames once it is finished."""

    frames: int
    shots: int
    """That begin in it."""
    packets: str
    """SHA-256 of its packets."""
    memory: str
    """SHA-256 of the memory at its end."""


@dataclass(frozen=True)
class Kept:
    """What an earlier run left to go on from."""

    spans: int = 0
    frames: int = 0
    shots: int = 0
    memory: Memory = field(default_factory=lambda: NOTHING)


class Journal:
    """Made by `open_journal`, which holds its lock."""

    def __init__(self, target: Path) -> None:
        """Raises OutputError where the journal of an earlier run cannot be read, ConfigError where it is no such."""
        self.target = target
        self.folder = folder_of(target)
        self.spans: list[FinishedSpan] = []
        self.warnings: list[str] = []
        self.is_joined = False
        """Whether a whole film lies ready, or has taken the target's place already."""
        self.is_done = False
        self._description: Description = {}
        if plan_of(target).exists():
            raise ConfigError(
                f"{target}: {self.folder.name} keeps what several processes have finished of it; "
                f"go on with torchrun, or delete that folder to start anew"
            )
        if self._path.exists():
            self._load()
        self._sweep()

    def agree(self, description: Description) -> None:
        """Go on with the job, or begin it. Raises ConfigError where the finished spans belong to another."""
        changed = differences(self._description, description) if self.spans else ""
        if changed:
            raise made_otherwise(self.target, changed)
        self._description = description

    def keep(self, device: torch.device) -> Kept:
        """What there is to go on from, the memory on the device."""
        if not self.spans:
            return Kept()
        frames, shots = (sum(getattr(span, name) for span in self.spans) for name in ("frames", "shots"))
        _, file = self._files(len(self.spans) - 1)
        return Kept(len(self.spans), frames, shots, checkpoint.load_tensors(file, device))

    @property
    def next_packets(self) -> Path:
        """Where the packets of the next span go."""
        return self._files(len(self.spans))[0]

    @property
    def packets(self) -> list[Path]:
        """Those of the finished spans."""
        return [self._files(index)[0] for index in range(len(self.spans))]

    def count(self, frames: int, shots: int, memory: Memory) -> None:
        """Count the next span as finished, once all of it is safe on the disk. Raises OutputError or OSError."""
        packets, remembered = self._files(len(self.spans))
        flush(packets)
        checkpoint.save_tensors(remembered, memory, {})
        flush_folder(self.folder)
        self._save([*self.spans, FinishedSpan(frames, shots, digest_of(packets), digest_of(remembered))])

    def join(self) -> None:
        """Say that the whole film lies ready on the disk."""
        self.is_joined = True
        self._save(self.spans)

    def _files(self, index: int) -> tuple[Path, Path]:
        return self.folder / f"{index:06d}.packets", self.folder / f"{index:06d}.safetensors"

    @property
    def _path(self) -> Path:
        return journal_of(self.target)

    def _load(self) -> None:
        try:
            content: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
            if content.pop("digest") != _digest(content) or content["format"] != FORMAT:
                raise ValueError("another digest or format")
            self._description, self.is_joined = content["job"], content["joined"]
            spans = [FinishedSpan(**span) for span in content["spans"]]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise OutputError(
                f"{self._path}: the journal is damaged or of another version; delete {self.folder.name} to start anew"
            ) from None
        for span in spans:
            if not self._is_sound(span):
                self.warnings.append(
                    f"{self.folder.name}: span {len(self.spans) + 1} of {len(spans)} is damaged; done again from there"
                )
                break
            self.spans.append(span)

    def _is_sound(self, span: FinishedSpan) -> bool:
        """Whether the next span's files are what was counted."""
        packets, memory = self._files(len(self.spans))
        with suppress(OSError):
            return (digest_of(packets), digest_of(memory)) == (span.packets, span.memory)
        return False

    def _sweep(self) -> None:
        """Delete what a run that was killed did not finish."""
        kept = {file for index in range(len(self.spans)) for file in self._files(index)}
        for file in set(self.folder.iterdir()) - kept - {self._path, lock_of(self.target)}:
            file.unlink()

    def _save(self, spans: list[FinishedSpan]) -> None:
        content = {
            "format": FORMAT,
            "job": dict(self._description),
            "joined": self.is_joined,
            "spans": [asdict(span) for span in spans],
        }
        text = json.dumps(content | {"digest": _digest(content)}, indent=1)
        write_bytes(self._path, text.encode())
        flush_folder(self.folder)
        self.spans = spans


@contextmanager
def open_journal(target: Path) -> Iterator[Journal]:
    """The journal beside a target, whose folder exists. Nothing is left of it where nothing is left to go on from.

    Raises OutputError where another process is at work on the target, or the journal cannot be read or written.
    """
    with hold(target):
        with translated(target):
            journal = Journal(target)
        try:
            yield journal
        finally:
            if journal.is_done or not journal.spans:
                discard(target)


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
