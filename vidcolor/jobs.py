"""From what was typed to pairs of files, and through them one by one."""

import glob
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from vidcolor.errors import ConfigError, InputError, OutputError, VidcolorError, worded
from vidcolor.files import make_folder
from vidcolor.pipeline import RunReport
from vidcolor.resume import is_whole
from vidcolor.tree import is_locked, walk
from vidcolor.video import STILLS, WRITABLE_FILMS, find_patterns, find_sequence, holds_one_picture, is_media, is_still

MOST_CLASHES = 5
"""Of names, that are told."""
FEWEST_FRAMES = 24
"""Numbered pictures that may be meant as a film."""


@dataclass(frozen=True)
class Job:
    """One file to be coloured."""

    source: Path
    target: Path
    makes_folder: bool = False
    """Whether the target's folder is made where it is missing."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job: a report, an error, or neither where its target was there already."""

    job: Job
    report: RunReport | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain types, for JSON."""
        state = "failed" if self.error else "done" if self.report else "skipped"
        plain = {"source": str(self.job.source), "target": str(self.job.target), "state": state, "error": self.error}
        return plain | (asdict(self.report) if self.report else {})


def plan_jobs(inputs: Sequence[str], output: str | Path) -> list[Job]:
    """Which file goes where.

    A single file goes to `output`, or into it if that is a folder or ends like one. Several files, a glob or a folder
    (walked to the bottom, its tree kept) go into the folder `output`; a glob of one file may have a film's or a
    picture's name as output. A file that is found twice is one job; what lies in an output folder inside the input is
    none. Raises InputError, OutputError or ConfigError.
    """
    target = Path(output)
    files = list(_once(found for given in inputs for found in _find(given, target)))
    if not files and os.path.realpath(target) in map(os.path.realpath, inputs):
        raise OutputError(f"{target}: is the input itself, choose another folder")
    if not files:
        raise InputError(f"{', '.join(inputs)}: no films and no pictures there")
    several = len(inputs) > 1 or len(files) > 1 or os.path.isdir(inputs[0])
    several = several or (_is_glob(inputs[0]) and not is_media(target))
    if not several and not str(output).endswith(("/", os.sep)) and not os.path.isdir(target):
        return [Job(files[0][0], target)]
    if os.path.isfile(target):
        raise OutputError(f"{target}: is a file; several inputs, a glob or a folder need a folder as output")
    jobs = [Job(source, target / _writable(place, source), makes_folder=True) for source, place in files]
    _refuse_collisions(jobs)
    return jobs


def tell_sequences(jobs: Sequence[Job]) -> Iterator[str]:
    """What to say of numbered pictures that look like the frames of a film."""
    for pattern, count in find_patterns(job.source for job in jobs if is_still(job.source)).items():
        if count >= FEWEST_FRAMES:
            yield (
                f"{count} numbered pictures are coloured one by one; if they are the frames of a film, "
                f"give {pattern} and a film as output"
            )


def run_jobs(
    jobs: Sequence[Job],
    colorize: Callable[[Job], RunReport],
    *,
    skip_existing: bool = False,
    skip_whole: bool = False,
) -> Iterator[Outcome]:
    """Do every job; one that fails is reported and the rest go on.

    Left out are those whose target exists, or only those of them that no stopped run is still to replace.
    """
    for job in jobs:
        try:
            with worded(job.source):
                is_done = (skip_existing and job.target.exists()) or (skip_whole and is_whole(job.target))
                if job.makes_folder and not is_done:
                    make_folder(job.target.parent)
                outcome = Outcome(job, report=None if is_done else colorize(job))
        except VidcolorError as error:
            outcome = Outcome(job, error=str(error))
        yield outcome


def _find(given: str, output: Path) -> Iterator[tuple[Path, Path]]:
    """The same as `_expand`, without what is in the output folder where that is the folder given or lies inside it."""
    inside = _holds(given, output)
    return (found for found in _expand(given) if not (inside and _lies_in(found[0], output)))


def _holds(given: str, output: Path) -> bool:
    """Whether the output is the folder given or lies inside it, or inside the folder that a glob begins in."""
    folder = Path(os.path.realpath(output))
    if _is_glob(given):
        begin = Path(*takewhile(lambda name: not glob.has_magic(name), Path(given).parts))
        return Path(os.path.realpath(begin)) in folder.parents
    return folder.is_relative_to(os.path.realpath(given))


def _expand(given: str) -> Iterator[tuple[Path, Path]]:
    """(file, its place below the output folder) for a file, a folder or a glob.

    Like a folder, a glob leaves out what is no film and no picture by its name, unless nothing else matches. A folder
    that may not be looked into stands for what is in it, as a job that will fail.
    """
    path = Path(given)
    if is_locked(path):
        yield path, Path(path.name)
    elif os.path.isdir(path):
        for file in walk(path):
            if (os.path.isfile(file) and is_media(file)) or is_locked(file):
                yield file, file.relative_to(path)
    elif _is_glob(given):
        matches = sorted(glob.glob(given, recursive=True))
        usual = [match for match in matches if os.path.isdir(match) or is_media(Path(match))]
        for match in usual or matches:
            yield from _expand(match)
    else:
        sequence = find_sequence(path)
        yield path, Path(path.name if sequence is None else f"{sequence.title}.mkv")


def _is_glob(given: str) -> bool:
    return glob.has_magic(given) and not os.path.exists(given)


def _once(found: Iterable[tuple[Path, Path]]) -> Iterator[tuple[Path, Path]]:
    """Every file at the place where it was found first."""
    seen: set[Path] = set()
    for file, place in found:
        if (name := _name_of(file)) not in seen:
            seen.add(name)
            yield file, place


def _lies_in(file: Path, folder: Path) -> bool:
    return _name_of(file).parent.is_relative_to(os.path.realpath(folder))


def _name_of(file: Path) -> Path:
    """The same however the file is spelled; a link that is a file has its own."""
    return Path(os.path.realpath(file.parent)) / file.name


def _writable(place: Path, source: Path) -> Path:
    """The same name, with another suffix where what is in the source cannot be written under the old one."""
    is_still = holds_one_picture(source)
    if place.suffix.lower() in (STILLS if is_still else WRITABLE_FILMS):
        return place
    return place.with_suffix(".png" if is_still else ".mkv")


def _refuse_collisions(jobs: Sequence[Job]) -> None:
    seen: dict[Path, Path] = {}
    clashes = []
    sources = {_name_of(job.source) for job in jobs}
    for job in jobs:
        if _name_of(job.target) in sources:
            raise OutputError(f"{job.target}: is an input itself, choose another output")
        if job.target in seen:
            clashes.append(f"{seen[job.target]} and {job.source} would both be written to {job.target}")
        seen[job.target] = job.source
    if clashes:
        more = f"; and {len(clashes) - MOST_CLASHES} more" if len(clashes) > MOST_CLASHES else ""
        raise ConfigError(f"{'; '.join(clashes[:MOST_CLASHES])}{more}: rename one of each")
