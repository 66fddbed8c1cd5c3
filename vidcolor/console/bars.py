"""How far the work is: bars, which stay out of pipes and logs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from vidcolor.console.outcomes import print_run
from vidcolor.console.streams import stderr
from vidcolor.jobs import Outcome
from vidcolor.training import TrainProgress

NARROW = 72
"""Columns of a terminal under which a bar is left to what matters most: how much is done, and what is left."""
LONGEST_BAR, LONGEST_NAME = 40, 24


class RunBar:
    """Frames, fps and time left of the film in work, and one line for every film that is done."""

    def __init__(self, bar: Progress, quiet: bool):
        self._bar, self._quiet = bar, quiet
        self._task = bar.add_task("", total=None, visible=False)

    def follow(self, name: str) -> Callable[[int, int | None], None]:
        """The callback for `colorize_video` on the film `name`."""
        self._bar.reset(self._task, description=escape(name), total=None, visible=True)
        return lambda done, expected: self._bar.update(
            self._task, completed=done, total=expected and max(done, expected)
        )

    def conclude(self, outcome: Outcome) -> None:
        """Say what became of a film."""
        self._bar.update(self._task, visible=False)
        if outcome.error:
            stderr.print(f"[red]Error:[/red] {escape(outcome.error)}", soft_wrap=True)
        elif outcome.report is None and not self._quiet:
            stderr.print(f"{escape(str(outcome.job.target))}: exists, skipped", soft_wrap=True)
        elif outcome.report:
            print_run(outcome.report, self._quiet)


@contextmanager
def run_bar(quiet: bool) -> Iterator[RunBar]:
    """The bar of `vidcolor run`; off where stderr is no terminal."""
    name = TextColumn(
        "{task.description}", table_column=Column(no_wrap=True, max_width=LONGEST_NAME, overflow="ellipsis")
    )
    left = MofNCompleteColumn(), TextColumn("left"), TimeRemainingColumn()
    columns = left if _is_narrow() else (name, _bar(86), left[0], _Fps(), TimeElapsedColumn(), *left[1:])
    with Progress(*columns, console=stderr, disable=quiet or not stderr.is_terminal) as bar:
        yield RunBar(bar, quiet)


def _is_narrow() -> bool:
    return stderr.width < NARROW


def _bar(others: int) -> BarColumn:
    """As long as it may be beside so many columns of other things."""
    return BarColumn(min(LONGEST_BAR, max(4, stderr.width - others)))


class _Fps(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} fps" if speed else "- fps")


@contextmanager
def training_bar(quiet: bool) -> Iterator[Callable[[TrainProgress], None]]:
    """Yields the callback for `train`: a bar on a terminal, and one line a check everywhere."""
    samples = TextColumn("{task.fields[samples]} samples  loss {task.fields[loss]:.3f}")
    stage, left = TextColumn("{task.fields[stage]}"), (TaskProgressColumn(), TimeRemainingColumn())
    columns = (stage, *left) if _is_narrow() else (stage, _bar(68), left[0], samples, TimeElapsedColumn(), left[1])
    with Progress(*columns, console=stderr, disable=quiet or not stderr.is_terminal) as bar:
        task = bar.add_task("train", total=1.0, stage="start", samples=0, loss=0.0)

        def show(progress: TrainProgress) -> None:
            loss = sum(progress.losses.values())
            bar.update(task, completed=progress.share, stage=progress.stage, samples=progress.samples, loss=loss)
            if progress.scores and not quiet:
                scores = progress.scores
                stderr.print(
                    f"{progress.share:4.0%} {progress.stage}, {progress.samples} samples: loss {scores.loss:.3f}, "
                    f"PSNR {scores.psnr:.2f} dB ({scores.gain:+.2f} over grey) "
                    f"at {scores.vividness:.0%} of the colourfulness",
                    soft_wrap=True,
                )

        yield show


@contextmanager
def steps_bar(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yields the callback for `evaluate` and `bench`."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=stderr, disable=quiet or not stderr.is_terminal) as bar:
        task = bar.add_task("", total=None)
        yield lambda name, done, total: bar.update(task, description=escape(name), completed=done, total=total)
