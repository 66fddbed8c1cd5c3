"""What a run leaves behind, and where.

model.safetensors   the best so far          config.toml    the settings, fit for --config
state.pt            what --resume needs      curves.csv     a row a check
sheets/             the same pictures, at every check; progress.png lays some of them side by side
epochs/             kept epochs, with --keep-every; epochs.png lays them side by side
frames/ pictures.json   frames taken from films, and which pictures were left out
features/           what the frozen encoder saw, with --cache-features
diverged*.safetensors   the batch that broke the run, one file a process
.lock               held by the process that writes all this
"""

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import Tensor

from vidcolor import checkpoint
from vidcolor.errors import ConfigError, DamagedCheckpoint, OutputError
from vidcolor.files import make_folder, write_bytes, write_whole
from vidcolor.resume.lock import take_lock
from vidcolor.training.config import TrainFile, read_file, to_toml
from vidcolor.tree import RUN_SETTINGS, RUN_STATE


class RunFolder:
    def __init__(self, path: Path):
        self.path = path
        self.model, self.state, self.curves = path / "model.safetensors", path / RUN_STATE, path / "curves.csv"
        self.config, self.features = path / RUN_SETTINGS, path / "features"
        self.frames, self.verdicts = path / "frames", path / "pictures.json"
        self.progress, self.epochs = path / "progress.png", path / "epochs.png"

    def hold(self) -> BinaryIO:
        """Make the folder, if need be, and keep other runs out of it until what is returned is closed.

        Raises OutputError where it cannot be made, ConfigError where another process trains there.
        """
        make_folder(self.path)
        try:
            lock = (self.path / ".lock").open("ab")
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written to ({error.strerror}); choose another --out") from error
        with suppress(OSError):  # of a file system without locks
            if not take_lock(lock.fileno()):
                lock.close()
                raise ConfigError(f"{self.path}: another process trains there; wait for it, or choose another --out")
        return lock

    def prepare(self) -> None:
        """Make room for a new run. Raises OutputError, or ConfigError where a run or a model lies there."""
        if self.state.exists() or self.model.exists():
            raise ConfigError(f"{self.path} holds a run already: go on with --resume, or choose another --out")
        for folder in (self.path / "sheets", self.path / "epochs"):
            make_folder(folder)

    def settings_to_resume(self) -> TrainFile:
        """Of the run that lies here. Raises ConfigError where there is none."""
        self._refuse_nothing()
        return read_file(self.config)

    def sheet(self, samples: int) -> Path:
        return self.path / "sheets" / f"{samples:09d}.png"

    def epoch(self, number: int) -> Path:
        return self.path / "epochs" / f"{number:04d}.safetensors"

    def save_settings(self, settings: TrainFile) -> None:
        write_bytes(self.config, to_toml(settings).encode())

    def save_state(self, state: dict[str, Any]) -> None:
        write_whole(self.state, lambda partial: torch.save(state, partial))

    def load_state(self) -> dict[str, Any]:
        """On the CPU. Raises ConfigError where there is none, or DamagedCheckpoint."""
        self._refuse_nothing()
        try:
            state: dict[str, Any] = torch.load(self.state, map_location="cpu", weights_only=True)
        except Exception as error:  # torch raises whatever the bytes make it raise
            raise DamagedCheckpoint(f"{self.state}: cannot be read ({type(error).__name__}); start anew") from None
        return state

    def save_curves(self, history: Sequence[dict[str, Any]]) -> None:
        """A row a check; a column for everything that any of them measured."""
        table = io.StringIO()
        columns = list(dict.fromkeys(name for row in history for name in row))
        writer = csv.DictWriter(table, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        write_bytes(self.curves, table.getvalue().encode())

    def save_batch(self, tensors: dict[str, Tensor], about: dict[str, str], rank: int) -> Path:
        """The part of a process in the batch that broke a run. Returns where it is."""
        path = self.path / (f"diverged-{rank}.safetensors" if rank else "diverged.safetensors")
        checkpoint.save_tensors(path, tensors, about)
        return path

    def _refuse_nothing(self) -> None:
        if not self.state.exists():
            raise ConfigError(f"{self.path}: no run to resume there; leave --resume out to start one")
