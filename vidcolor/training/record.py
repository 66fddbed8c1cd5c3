"""What the checks of a run found, and whether it still gets better."""

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from vidcolor.training.validation import Scores


@dataclass
class Record:
    history: list[dict[str, Any]] = field(default_factory=list)
    """A row a check."""
    recent: list[dict[str, float]] = field(default_factory=list)
    """The losses of every step since the last check."""
    best: float = math.inf
    stale: int = 0
    """Checks since the best one."""
    duel: bool = False
    """Against a critic the loss rises and colour is gained: what counts as better there is `Scores.flaw`."""

    weights: dict[str, float] = field(default_factory=dict)
    """Of the terms that are in the losses, besides the network's own."""

    def enter(self, duel: bool) -> None:
        """A new stage. In a duel the network is measured against itself as it was before it met the critic."""
        if duel and not self.duel:
            self.best = _scores_of(self.history[-1]).flaw if self.history else math.inf
        self.duel, self.stale = duel, 0

    def weigh(self, weights: dict[str, float]) -> bool:
        """Whether losses are another sum from now on, so that what was best so far says nothing about the next."""
        changed, self.weights = weights != self.weights, weights
        if changed and not self.duel:
            self.best = math.inf
        return changed

    def judge(self, scores: Scores) -> bool:
        """Whether these are the best so far."""
        verdict = scores.flaw if self.duel else scores.loss
        better = verdict < self.best
        self.best, self.stale = (verdict, 0) if better else (self.best, self.stale + 1)
        return better

    def close(self, scores: Scores, place: dict[str, Any]) -> None:
        """Add the row of a check: where the run stands, the mean losses since the last one, the scores."""
        names = dict.fromkeys(name for losses in self.recent for name in losses)
        means = {f"train_{name}": _mean([row[name] for row in self.recent if name in row]) for name in names}
        self.history.append(place | means | asdict(scores))
        self.recent = []


def _scores_of(row: dict[str, Any]) -> Scores:
    return Scores(**{item.name: row[item.name] for item in fields(Scores)})


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
