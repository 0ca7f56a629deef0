"""The invariants I1 to I6, I9 and I10 as pure functions: records in, violations out, in order.

They know neither files nor a database, so that whoever has the records in memory (a simulator that
runs thousands of schedules) judges by the very same rules as a report. Times are ns since T0 and
stand in evidence only: no verdict here depends on a clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Violation:
    """One breach: what in one line, and the heights, block ids, hosts and times it is seen in."""

    text: str
    nums: tuple[int, ...] = ()
    ids: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    t_ns: tuple[float, ...] = ()


class Final(NamedTuple):
    """A host holds a block irreversible."""

    host: str
    num: int
    id: str
    t_ns: float


class LibStep(NamedTuple):
    """A host says what its last irreversible block is; in the order it says so.

    announced: it told of one block after the other, which a crash may have kept it from saying.
    """

    host: str
    num: int
    t_ns: float
    announced: bool = False


class Executed(NamedTuple):
    """A host executed a block and was left with a state."""

    host: str
    num: int
    id: str
    state_digest: str
    t_ns: float


class Signed(NamedTuple):
    """A producer signed a block; host is where that was seen, confirmed None where not known."""

    producer: str
    slot: int
    num: int
    id: str
    confirmed: int | None
    host: str
    t_ns: float


def conflicting_finality(finals: Iterable[Final]) -> list[Violation]:
    """Return I1's breaches, lowest height first: two hosts hold different blocks irreversible."""
    held: dict[int, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for final in finals:
        held[final.num][final.id].setdefault(final.host, final.t_ns)
    return [_conflict(num, held[num]) for num in sorted(held) if len(held[num]) > 1]


def _conflict(num: int, by_id: Mapping[str, Mapping[str, float]]) -> Violation:
    parts, hosts, times = [], [], []
    for id_, where in sorted(by_id.items(), key=lambda item: (min(item[1].values()), item[0])):
        parts.append(f"{id_[:16]} at {', '.join(sorted(where))} ({seconds(min(where.values()))})")
        hosts += sorted(where)
        times.append(min(where.values()))
    text = f"block {num} is final with {len(by_id)} ids: {'; '.join(parts)}"
    return Violation(text, (num,), tuple(sorted(by_id)), tuple(hosts), tuple(times))


def lib_decreases(steps: Iterable[LibStep]) -> list[Violation]:
    """Return I2's breaches: a host's last irreversible block is lower than it was before.

    A node that was killed before it told of its last blocks tells of them after it has started with
    a higher one: what it announces is held against what it announced.
    """
    last: dict[str, int] = {}
    announced: dict[str, int] = {}
    found = []
    for step in steps:
        before = (announced if step.announced else last).get(step.host, 0)
        if step.announced:
            announced[step.host] = max(before, step.num)
        if step.num < before:
            text = (
                f"{step.host}: last irreversible block went from {before} to {step.num}"
                f" ({seconds(step.t_ns)})"
            )
            found.append(Violation(text, (before, step.num), (), (step.host,), (step.t_ns,)))
        last[step.host] = max(last.get(step.host, 0), step.num)
    return found


def final_block_changes(finals: Iterable[Final]) -> list[Violation]:
    """Return I2's other breaches: one host holds two blocks of one height irreversible in turn."""
    held: dict[tuple[str, int], Final] = {}
    found = []
    for final in finals:
        first = held.setdefault((final.host, final.num), final)
        if first.id != final.id:
            text = f"{final.host}: final block {final.num} was undone ({seconds(final.t_ns)})"
            ids, times = (first.id, final.id), (first.t_ns, final.t_ns)
            found.append(Violation(text, (final.num,), ids, (final.host,), times))
    return found


def different_states(executed: Iterable[Executed]) -> list[Violation]:
    """Return I3's breaches: one block, executed at several hosts, left different states."""
    by_id: dict[str, dict[str, Executed]] = defaultdict(dict)
    for item in executed:
        by_id[item.id].setdefault(item.state_digest, item)
    found = []
    for _, states in sorted(by_id.items(), key=lambda pair: pair[0]):
        if len(states) > 1:
            items = list(states.values())
            hosts = tuple(item.host for item in items)
            text = (
                f"block {items[0].num} {items[0].id[:16]} gave {len(items)} different states"
                f" (first at {', '.join(hosts)})"
            )
            times = tuple(item.t_ns for item in items)
            found.append(Violation(text, (items[0].num,), (items[0].id,), hosts, times))
    return found


def double_signatures(signed: Iterable[Signed]) -> list[Violation]:
    """Return I4's breaches by slot: one producer signed several blocks for one slot."""
    by_slot: dict[tuple[int, str], dict[str, Signed]] = defaultdict(dict)
    for item in signed:
        by_slot[item.slot, item.producer].setdefault(item.id, item)
    found = []
    for (slot, producer), blocks in sorted(by_slot.items()):
        if len(blocks) > 1:
            items = [blocks[id_] for id_ in sorted(blocks)]
            text = (
                f"{producer} signed {len(items)} blocks for slot {slot}: "
                + ", ".join(f"{item.id[:16]} (block {item.num}, seen at {item.host})"
                            for item in items)
            )  # fmt: skip
            found.append(_of_signed(text, items))
    return found


def overlapping_confirmations(signed: Iterable[Signed]) -> list[Violation]:
    """Return I4's breaches by range: a producer stood behind one height twice, on any branch.

    A block stands behind its own number and the `confirmed` ones before it.
    """
    by_producer: dict[str, dict[str, Signed]] = defaultdict(dict)
    for item in signed:
        if item.confirmed is not None:
            by_producer[item.producer].setdefault(item.id, item)
    found = []
    for _, blocks in sorted(by_producer.items()):
        ordered = sorted(blocks.values(), key=lambda i: (i.num, i.slot, i.id))
        top: Signed | None = None
        for item in ordered:
            first = item.num - (item.confirmed or 0)
            if top is not None and first <= top.num:
                text = (
                    f"{item.producer} confirmed blocks {first}..{item.num} with {item.id[:16]}"
                    f" after {top.num} with {top.id[:16]}"
                )
                found.append(_of_signed(text, [top, item]))
            top = item
    return found


def _of_signed(text: str, items: list[Signed]) -> Violation:
    return Violation(
        text,
        tuple(sorted({item.num for item in items})),
        tuple(item.id for item in items),
        tuple(dict.fromkeys(item.host for item in items)),
        tuple(item.t_ns for item in items),
    )


def seconds(t_ns: float) -> str:
    """Return a time since T0 as evidence prints it."""
    return "time not known" if t_ns != t_ns else f"{t_ns / 1e9:.3f} s"
