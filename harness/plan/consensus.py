"""What a plan must know of the consensus systems: who is enough, how far finality trails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from metrics.model.plan import Bounds


@dataclass(frozen=True, slots=True)
class System:
    """One system as formulas: producers -> quorum; (producers, blocks a turn) -> (min, max) lag.

    stages: how often a quorum must stand behind a block until it is final.
    """

    stages: int
    quorum: Callable[[int], int]
    lag: Callable[[int, int], tuple[int, int]]


def quorum(profile: str, producers: int) -> int:
    """Return how many of the producers must take part for blocks to become final."""
    return SYSTEMS[profile].quorum(producers)


def stages(profile: str) -> int:
    """Return how often a quorum must stand behind a block: pre-commit and commit, or once."""
    return SYSTEMS[profile].stages


def predicted_lag(profile: str, producers: int, blocks_per_turn: int) -> Bounds:
    """Return how many blocks later a block becomes final, at least and at most, all producing."""
    least, most = SYSTEMS[profile].lag(producers, blocks_per_turn)
    return Bounds(min=least, max=most)


def _two_thirds(producers: int) -> int:
    return 2 * producers // 3 + 1


def _two_stages(producers: int, turn: int) -> tuple[int, int]:
    """2(Q-1)r - i for a block at position i of its turn of r; one alone: 1 (PROTOCOL A.13).

    With r = 1 a block's own pre-commit waits for its producer's next turn: one block more.
    """
    if producers == 1:
        return 1, 1
    most = 2 * (_two_thirds(producers) - 1) * turn + (turn == 1)
    return most - (turn - 1), most


def _seven_tenths(producers: int) -> int:
    return producers - 3 * producers // 10


def _one_stage(producers: int, turn: int) -> tuple[int, int]:
    """From m - 1 blocks, when the m needed witnesses follow each other, to 2(m - 1).

    At worst m - 1 of them end one round, and begin the next one before any other has its turn: a
    bound that many witnesses need rare luck to reach (21: seen 14 to 24, bound 28).
    """
    needed = _seven_tenths(producers)
    return needed - 1, 2 * (needed - 1)


SYSTEMS: Mapping[str, System] = {
    "eosio": System(2, _two_thirds, _two_stages),
    "bitshares": System(1, _seven_tenths, _one_stage),
}
