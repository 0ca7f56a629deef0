"""Chains of tallies in which correct producers sign: the builder of the rule tests."""

from __future__ import annotations

import copy

from node.chain.eosio.finality import Tally, blocks_to_confirm, genesis_tally, next_tally
from node.chain.eosio.schedule_change import due_schedule, with_pending
from node.chain.model.schedule import ProducerKey, ProducerSchedule, Proposal
from node.chain.model.watermark import Watermark

NOBODY: frozenset[str] = frozenset()


def named(i: int) -> str:
    """Return the name of the producer at position i of the first schedule: pa, pb, …"""
    return f"p{chr(ord('a') + i)}"


def schedule(*names: str, version: int = 0) -> ProducerSchedule:
    """Return a schedule of names, keys left empty."""
    return ProducerSchedule(version, tuple(ProducerKey(name, b"") for name in names))


def counted(count: int, version: int = 0) -> ProducerSchedule:
    """Return the schedule of the first count names."""
    return schedule(*(named(i) for i in range(count)), version=version)


def start(count: int, blocks_per_turn: int) -> Tally:
    """Return the genesis tally, right before a full round."""
    slot = 10_000 * count * blocks_per_turn - 1
    return genesis_tally(slot=slot, schedule=counted(count), blocks_per_turn=blocks_per_turn)


def quorum(count: int) -> int:
    """Return Q."""
    return 2 * count // 3 + 1


class Run:
    """One branch on which every slot is signed but those of the silent; history[num - 1]."""

    def __init__(self, count: int, blocks_per_turn: int) -> None:
        self.tally = start(count, blocks_per_turn)
        self.next_slot = self.tally.slot + 1
        self.marks: dict[str, Watermark] = {}
        self.history = [self.tally]
        self.confirmed = [0]
        self.proposal: Proposal | None = None

    def fork(self) -> Run:
        """Return a copy that goes its own way; tallies are shared."""
        twin = copy.copy(self)
        twin.marks, twin.history = dict(self.marks), list(self.history)
        twin.confirmed = list(self.confirmed)
        return twin

    def slots(self, count: int, silent: frozenset[str] = NOBODY) -> None:
        """Let count further slots pass."""
        for _ in range(count):
            if self.tally.producer_for(self.next_slot).name not in silent:
                self._sign(self.next_slot)
            self.next_slot += 1

    def rounds(self, count: int, silent: frozenset[str] = NOBODY) -> None:
        """Let count rounds of the schedule active now pass."""
        self.slots(count * len(self.tally.active.producers) * self.tally.blocks_per_turn, silent)

    def propose(self, names: ProducerSchedule) -> int:
        """Propose a schedule in the head; return the head's number."""
        self.proposal = Proposal(self.tally.num, names)
        return self.tally.num

    def until_active(self, version: int, silent: frozenset[str] = NOBODY) -> Tally:
        """Let slots pass until the schedule of that version is active; return the head then."""
        for _ in range(100_000):
            if self.tally.active.version == version:
                return self.tally
            self.slots(1, silent)
        raise AssertionError(f"version {version} never became active")

    def _sign(self, slot: int) -> None:
        head = self.tally
        name = head.producer_for(slot).name
        mark = self.marks.get(name)
        if mark is not None and mark.num > head.num:
            return
        confirmed = blocks_to_confirm(head.num, head.lib_num, mark)
        child = next_tally(head, slot, confirmed)
        if self.proposal is not None and (due := due_schedule(head, slot, self.proposal)):
            child = with_pending(child, due)
            self.proposal = None
        self.marks[name] = Watermark(producer=name, num=child.num, slot=slot)
        self.tally = child
        self.history.append(child)
        self.confirmed.append(confirmed)


def silent(*positions: int) -> frozenset[str]:
    """Return the names at those positions."""
    return frozenset(named(i) for i in positions)
