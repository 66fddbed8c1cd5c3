"""The stages of a run, one after the other, measured in shares of the whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

from vidcolor.training.config import TrainConfig

FROZEN, FREE, CRITIC, JOINT = "frozen", "free", "critic", "joint"


@dataclass(frozen=True)
class Stage:
    name: str
    """FROZEN: the pretrained encoder stays as it is. FREE: every weight is trained. CRITIC: the critic alone learns to
    tell true from made colours. JOINT: network against critic."""
    start: float
    end: float

    def done(self, share: float) -> float:
        """How much of the stage is over, 0..1, when `share` of the run is."""
        return min(1.0, max(0.0, (share - self.start) / (self.end - self.start)))


def plan_stages(config: TrainConfig, has_encoder: bool) -> list[Stage]:
    """NoGAN (Antic 2019) where critic and joint stage have a share: network alone, critic alone, a short duel."""
    alone = 1 - config.critic_share - config.joint_share
    free = min(config.free_share, alone) if has_encoder else alone
    shares = {FROZEN: alone - free, FREE: free, CRITIC: config.critic_share, JOINT: config.joint_share}
    return list(_in_a_row({name: share for name, share in shares.items() if share > 1e-9}))


def stage_at(stages: list[Stage], share: float) -> Stage:
    return next((stage for stage in stages if share < stage.end), stages[-1])


def _in_a_row(shares: dict[str, float]) -> Iterator[Stage]:
    ends = list(accumulate(shares.values(), initial=0.0))
    ends[-1] = 1.0
    for name, (start, end) in zip(shares, pairwise(ends), strict=True):
        yield Stage(name, start, end)
