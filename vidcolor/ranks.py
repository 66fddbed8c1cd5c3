"""Films shared among the processes that torchrun has started, on one machine or on several that see the same disk.

Every process goes through the same jobs in the same order and takes of each what is left of it, window by window; the
one that finishes the last window joins them. Pictures, short films and those that cannot be searched are not parted.
"""

import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from vidcolor import resume
from vidcolor.board import Board, open_board
from vidcolor.colorizer import Colorizer
from vidcolor.errors import ConfigError, OutputError, VidcolorError, worded
from vidcolor.files import make_folder
from vidcolor.frames import VideoInfo
from vidcolor.jobs import Job, Outcome
from vidcolor.keeper import KeptShot
from vidcolor.layout import lay_out
from vidcolor.parallel import Group
from vidcolor.pipeline import RunReport, RunSettings, colorize_video, colorize_window, describe_run, identify
from vidcolor.resume import Record, WindowFiles
from vidcolor.video import CHANGE, Encoder, VideoReader, open_encoder, open_reader
from vidcolor.windows import Window, count_windows

Show = Callable[[int, int | None], None]


def share_jobs(
    jobs: Sequence[Job],
    group: Group,
    load: Callable[[], Colorizer],
    settings: RunSettings,
    follow: Callable[[str], Show],
    *,
    skip_existing: bool = False,
) -> Iterator[Outcome]:
    """Do the first process's jobs together with all of the group; one that fails is reported and the rest go on.

    `load` makes each its model. The first process yields what became of every job, in their order, the others nothing.
    """
    board = open_board(group)
    if not group.is_first:
        # What goes wrong up to here is said by one alone.
        jobs = [Job(Path(source), Path(target), folder) for source, target, folder in board.read("jobs")]
    colorizer = load()
    if colorizer.device.type == "cuda":
        torch.cuda.set_device(colorizer.device)
    if group.is_first:
        board.post("jobs", [(str(job.source), str(job.target), job.makes_folder) for job in jobs])
    outcomes = _in_turn(
        SharedFilm(job, board.corner(str(number)), colorizer, settings, follow(job.source.name), skip_existing)
        for number, job in enumerate(jobs)
    )
    for outcome in outcomes:
        if group.is_first:
            yield outcome


def _in_turn(films: Iterable["SharedFilm"]) -> Iterator[Outcome]:
    """Work through the films; what became of them, as early as it is known."""
    under_way: deque[SharedFilm] = deque()
    try:
        for film in films:
            under_way.append(film)
            film.work()
            while under_way and under_way[0].is_over:
                yield under_way.popleft().end()
        while under_way:
            yield under_way.popleft().end()
    finally:
        for film in under_way:
            film.let_go()


@dataclass(frozen=True)
class Plan:
    """What the process that came first to a film has decided about it."""

    windows: int = 0
    """0 where there is nothing to do."""
    film: resume.Description | None = None
    """Of the film that its windows make; None where it is not parted."""
    run: str = ""
    """A name for all that is done from now on."""


class SharedFilm:
    """One job, as one of the processes at work on it sees it. Its board is for this job alone."""

    def __init__(
        self, job: Job, board: Board, colorizer: Colorizer, settings: RunSettings, show: Show, skip_existing: bool
    ) -> None:
        self._job, self._board, self._colorizer, self._show = job, board, colorizer, show
        self._settings, self._skip_existing = replace(settings, resume=True), skip_existing
        self._encoding = replace(settings.encoding, repeatable=True)
        self._files, self._agrees = WindowFiles(job.target), False

    def work(self) -> None:
        """Take windows until none is left."""
        plan = Plan(**self._board.settle("plan", lambda: asdict(self._plan())))
        while (number := self._board.add("taken") - 1) < plan.windows:
            if plan.film is not None and not self._board.has("error"):
                try:
                    with worded(self._job.source):
                        self._do_window(number, plan)
                except VidcolorError as error:
                    self._board.post("error", str(error))
            if self._board.add("finished") == plan.windows:
                self._post(self._conclude(plan))

    @property
    def is_over(self) -> bool:
        """Whether it is known what became of it."""
        return self._board.has("outcome")

    def end(self) -> Outcome:
        """What became of it, once that is known; others may then be at the target."""
        plain = self._board.read("outcome")
        self.let_go()
        return Outcome(self._job, _read_report(plain["report"]) if plain["report"] else None, plain["error"])

    def let_go(self) -> None:
        """Let others at the target, whatever became of it."""
        self._files.end()

    def _plan(self) -> Plan:
        try:
            with worded(self._job.source):
                if self._is_done():
                    self._post(Outcome(self._job))
                    return Plan()
                if self._job.makes_folder:
                    make_folder(self._job.target.parent)
                return self._part()
        except VidcolorError as error:
            self._post(Outcome(self._job, error=str(error)))
            return Plan()

    def _is_done(self) -> bool:
        target = self._job.target
        return (self._skip_existing and target.exists()) or (not self._settings.overwrite and resume.is_whole(target))

    def _part(self) -> Plan:
        film = open_reader(self._job.source, self._settings.span, self._settings.limits)
        is_begun = resume.journal_of(self._job.target).exists()  # by one process
        count = 1 if is_begun or not isinstance(film, VideoReader) else count_windows(film)
        if count == 1:
            return Plan(1)
        description = self._describe(identify(self._film), count)
        self._files.begin(description, self._job.source, self._settings.overwrite)
        return Plan(count, description, secrets.token_hex(8))

    def _do_window(self, number: int, plan: Plan) -> None:
        """Colour a window, unless an earlier run did. Raises VidcolorError."""
        self._agree(plan)
        if (record := self._files.find(number)) is not None:
            self._tell(record.report["frames"])
            return
        window = Window(self._film, number, plan.windows)
        with self._files.open(number, self._new_encoder(), window.warnings) as writer:
            report = colorize_window(window, writer, self._job.target, self._colorizer, self._settings, self._steps())
        self._files.count(number, plan.run, window, asdict(report))

    def _agree(self, plan: Plan) -> None:
        """Raise ConfigError where this process would make another film than the one that planned it."""
        if plan.film is not None and not self._agrees:
            if changed := resume.differences(plan.film, self._describe(plan.film["source"], plan.windows)):
                raise ConfigError(
                    f"{self._job.target}: the processes at work on it differ ({changed}); make them alike"
                )
            self._agrees = True

    def _conclude(self, plan: Plan) -> Outcome:
        """What becomes of the film once every window is done."""
        if self._board.has("error"):
            return Outcome(self._job, error=self._board.read("error"))
        try:
            with worded(self._job.source):
                return Outcome(self._job, report=self._colorize_whole() if plan.film is None else self._join(plan))
        except VidcolorError as error:
            return Outcome(self._job, error=str(error))

    def _colorize_whole(self) -> RunReport:
        return colorize_video(self._job.source, self._job.target, self._colorizer, self._settings, self._show)

    def _join(self, plan: Plan) -> RunReport:
        started = time.monotonic()
        records = [record for number in range(plan.windows) if (record := self._files.find(number))]
        if len(records) < plan.windows:
            raise OutputError(
                f"{self._job.target}: of {plan.windows} parts only {len(records)} are there; "
                f"give a folder that all machines see, and run it again"
            )
        if not resume.is_seamless(records):  # what was found by seeking is not what comes when all is read
            self._files.discard()
            return self._colorize_whole()
        warnings = self._files.join(plan.windows, self._film, self._encoding, self._info, self._settings.overwrite)
        report = join_reports(records, plan.run)
        return replace(
            report,
            warnings=(*warnings, *report.warnings),
            seconds=report.seconds + time.monotonic() - started,
        )

    @cached_property
    def _film(self) -> VideoReader:
        film = open_reader(self._job.source, self._settings.span, self._settings.limits)
        assert isinstance(film, VideoReader)
        return film

    @property
    def _info(self) -> VideoInfo:
        """Of what is written."""
        return lay_out(self._settings.compare, self._film.info, self._film.turn).info

    def _new_encoder(self) -> Encoder:
        return open_encoder(self._job.target, self._film, self._encoding, self._info)

    def _describe(self, source: str, windows: int) -> resume.Description:
        header = sha256(self._new_encoder().header).hexdigest()
        run = describe_run(source, self._colorizer, self._settings)
        return {**run, "windows": str(windows), "encoder": header}

    def _steps(self) -> Show:
        """Tell of the frames of a window as they are done."""
        told = 0

        def on_frames(done: int, expected: int | None) -> None:
            nonlocal told
            self._tell(done - told)
            told = done

        return on_frames

    def _post(self, outcome: Outcome) -> None:
        report = asdict(outcome.report) if outcome.report else None
        self._board.post("outcome", {"report": report, "error": outcome.error})

    def _tell(self, frames: int) -> None:
        self._show(self._board.add("frames", frames), self._film.info.frame_count)


def join_reports(records: Sequence[Record], run: str) -> RunReport:
    """What became of the windows -> of the film; what an earlier run than `run` did counts as kept."""
    reports = [_read_report(record.report) for record in records]
    kept = [report for record, report in zip(records, reports, strict=True) if record.run != run and report.frames]
    warnings = dict.fromkeys(chain.from_iterable(report.warnings for report in reports))
    repeated = [warning for warning in warnings if warning.startswith(CHANGE)][1:]
    return replace(
        reports[0],
        frames=sum(report.frames for report in reports),
        shots=sum(report.shots for report in reports),
        seconds=sum(report.seconds for record, report in zip(records, reports, strict=True) if record.run == run),
        warnings=tuple(warning for warning in warnings if warning not in repeated),
        losses=tuple(chain.from_iterable(report.losses for report in reports)),
        loss_counts=dict(sum((Counter(report.loss_counts) for report in reports), Counter[str]())),
        unused_references=tuple(
            reference
            for reference in reports[0].unused_references
            if all(reference in report.unused_references for report in reports)
        ),
        shots_in_color=tuple(chain.from_iterable(report.shots_in_color for report in reports)),
        kept_spans=len(kept),
        kept_frames=sum(report.frames for report in kept),
    )


def _read_report(plain: Mapping[str, Any]) -> RunReport:
    shots = tuple(KeptShot(**shot) for shot in plain["shots_in_color"])
    return RunReport(**{**plain, "shots_in_color": shots})
