"""Who produces when with turns and tokens: graphene's scheduler of summer 2015 (PROTOCOL C.16 b).

Whoever has both may be picked; who is picked loses both. Everybody gets a turn when nobody has one,
so there is one slot a turn; tokens go to those that wait longest, so the same witness comes again
after about half of the others at the earliest. Random numbers pick.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from node.chain.bitshares.order.stream import Stream

SEED_BYTES = 20
NEAR_COUNTER, FAR_COUNTER = 0x6A09_E667_F3BC_C908, 0xBB67_AE85_84CA_A73B
"""Where the streams begin that fill the schedule of the genesis, and that beyond the near one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The schedule after a block, and who can be picked next; witnesses by their ids.

    near: whose the next slots are, at least one more than there are witnesses; eligible: who has
    turn and token; no_turn: who has only a token; waiting: who has none, first come first, and
    whether it has a turn. seed: of the picks of the next block; emitted: whether this block gave
    everybody a turn.
    """

    near: tuple[int, ...]
    eligible: tuple[int, ...]
    no_turn: tuple[int, ...] = ()
    waiting: tuple[tuple[int, bool], ...] = ()
    seed: bytes = bytes(SEED_BYTES)
    emitted: bool = False

    def at(self, k: int) -> int:
        """Return whose the k-th slot from here is, 1 being the next, however far it is."""
        if k <= len(self.near):
            return self.near[k - 1]
        first, repeated = _far(self)
        beyond = k - 1 - len(first)
        return first[k - 1] if beyond < 0 else repeated[beyond % len(repeated)]

    def after(self, k: int, active: Collection[int], *, counter: int, random: bytes) -> Turns:
        """Return the schedule after a block in the k-th slot, with those active from now on.

        counter: the slots so far, this block's included; random: the number after the block, which
        seeds the picks of the blocks after one that gave turns.

        Ours: who is no longer active leaves at once, what is scheduled aside, and newcomers come
        before the schedule is filled up; upstream afterwards, where who was dismissed went on.
        """
        pools = _Pools.of(self)
        if k <= len(self.near):
            del pools.near[:k]
        else:
            pools.reset(self.at(k))
        pools.admit(active)
        stream, seed, emitted = Stream(self.seed, counter), self.seed, False
        while len(pools.near) <= len(active):
            if pools.pick(stream):
                seed, emitted = random, True
        return pools.turns(seed, emitted=emitted)


def first_turns(witnesses: Collection[int]) -> Turns:
    """Return the schedule before block 1: all hold both, as many are picked as there are."""
    pools = _Pools.of(Turns(near=(), eligible=tuple(sorted(witnesses))))
    stream = Stream(bytes(SEED_BYTES), NEAR_COUNTER)
    for _ in witnesses:
        pools.pick(stream)
    return pools.turns(bytes(SEED_BYTES), emitted=False)


@lru_cache(maxsize=64)
def _far(turns: Turns) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The schedule as far as it is picked, and the further turn that is repeated after it.

    Source: graphene at 6c052294^, chain/witness_scheduler.hpp.
    """
    pools, stream = _Pools.of(turns), Stream(turns.seed, FAR_COUNTER)
    while not pools.pick(stream):
        pass
    begin = len(pools.near)
    while not pools.pick(stream):
        pass
    return tuple(pools.near[:begin]), tuple(pools.near[begin:])


@dataclass(slots=True)
class _Pools:
    """Mutable: `Turns` while picks are made."""

    near: list[int]
    eligible: list[int]
    no_turn: list[int]
    waiting: list[tuple[int, bool]]

    @staticmethod
    def of(turns: Turns) -> _Pools:
        return _Pools(
            list(turns.near), list(turns.eligible), list(turns.no_turn), list(turns.waiting)
        )

    def turns(self, seed: bytes, *, emitted: bool) -> Turns:
        return Turns(
            near=tuple(self.near), eligible=tuple(self.eligible), no_turn=tuple(self.no_turn),
            waiting=tuple(self.waiting), seed=seed, emitted=emitted,
        )  # fmt: skip

    def pick(self, stream: Stream) -> bool:
        """Schedule one more; return whether everybody got a turn before."""
        emitted = self._relax()
        picked = self.eligible.pop(stream.below(len(self.eligible)))
        self.near.append(picked)
        self.waiting.append((picked, False))
        return emitted

    def reset(self, producer: int) -> None:
        """Give everybody both, and the producer of a block beyond the near schedule a slot."""
        self.eligible += [*self.no_turn, *(witness for witness, _ in self.waiting)]
        self.eligible.remove(producer)
        self.no_turn, self.waiting, self.near = [], [(producer, False)], [producer]

    def admit(self, active: Collection[int]) -> None:
        """Remove who is not active, and give both to who is new."""
        self.eligible = [one for one in self.eligible if one in active]
        self.no_turn = [one for one in self.no_turn if one in active]
        self.waiting = [pair for pair in self.waiting if pair[0] in active]
        known = {*self.eligible, *self.no_turn, *(one for one, _ in self.waiting)}
        self.eligible += sorted(one for one in active if one not in known)

    def _relax(self) -> bool:
        """Hand out what the next pick needs; return whether everybody got a turn."""
        emitted = not self.eligible and not any(has_turn for _, has_turn in self.waiting)
        if emitted:
            self.eligible, self.no_turn = self.no_turn, []
            self.waiting = [(witness, True) for witness, _ in self.waiting]
        tokens = len(self.eligible) + len(self.no_turn)
        enough = max((tokens + len(self.waiting)) // 2, 1)
        while self.waiting and (tokens < enough or not self.eligible):
            witness, has_turn = self.waiting.pop(0)
            (self.eligible if has_turn else self.no_turn).append(witness)
            tokens += 1
        return emitted
