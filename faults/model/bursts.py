"""Losses in bursts: two states, in one of which every packet is lost (Gilbert's model)."""

from collections.abc import Callable
from dataclasses import dataclass

from faults.model.settling import burst_share_max


def enters(share: float, burst: float) -> float:
    """Return how probably a packet that arrives is the last before a burst: by the share that is
    lost in all, in bursts of that mean length.
    """
    return share / (burst * (1 - share))


def spread(share: float, burst: float) -> float:
    """Return how many times more the number lost varies than if packets were lost one by one."""
    kept = 1 - enters(share, burst) - 1 / burst
    return max(1.0, (1 + kept) / (1 - kept))


@dataclass(slots=True)
class LossBursts:
    """Which packets of one way are lost; in bursts of one, each is drawn alone."""

    share: float
    burst: int = 1
    bad: bool = False

    def __post_init__(self) -> None:
        if self.burst > 1 and self.share > burst_share_max(self.burst):
            raise ValueError(f"burst {self.burst} is too short to lose {self.share:.4%}")

    def lost(self, draw: Callable[[], float]) -> bool:
        """Return whether the next packet is lost, by a number drawn from 0..1."""
        drawn, lost = draw(), self.bad
        if self.burst == 1:
            return drawn < self.share
        self.bad = drawn >= 1 / self.burst if lost else drawn < enters(self.share, self.burst)
        return lost
