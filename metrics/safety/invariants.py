"""The invariants I1 to I6, I9 and I10 as pure functions: records in, violations out, in order.

They know neither files nor a database, so that whoever has the records in memory (a simulator that
runs thousands of schedules) judges by the very same rules as a report. Times are ns since T0 and
stand in evidence only: no verdict here depends on a clock.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

from metrics.model.run_folder import Violation

NAMES = {
    "I1": "no_conflicting_finality",
    "I2": "lib_never_decreases",
    "I3": "same_state_digest",
    "I4": "no_double_sign",
    "I5": "headers_valid",
    "I6": "transactions_once",
    "I7": "finality_resumes",
    "I8": "no_early_block",
    "I9": "schedule_versions",
    "I10": "restart_keeps_state",
    "I11": "nothing_irreversible_lost",
    "I12": "supply_conserved",
}
"""The invariants of the specification, I1 to I10, and two of ours; the names of their checks."""
CLAIMS = {
    NAMES["I1"]: "No two hosts hold different blocks of one height irreversible.",
    NAMES["I2"]: "No host's last irreversible block becomes lower, or another of its height.",
    NAMES["I3"]: "A block leaves the same state at every host that executes it.",
    NAMES["I4"]: "No producer signs two blocks for a slot, or stands behind one height twice.",
    NAMES["I5"]: "Each header follows from its parent by the rules, when it is computed again.",
    NAMES["I6"]: "No host executes a transaction twice on one chain.",
    NAMES["I7"]: "Finality goes on while a quorum is connected.",
    NAMES["I8"]: "No block is signed before its slot by more than clock and timing allow.",
    NAMES["I9"]: "Versions of the schedule grow by one, and are the same at every host.",
    NAMES["I10"]: "A node that restarted has the head and the final block that it had.",
    NAMES["I11"]: "What a client was told is irreversible is in every host's irreversible chain.",
    NAMES["I12"]: "What accounts and pots hold at each node's end is what genesis and rules made.",
}
"""What each check claims, by its name."""


class Line(Protocol):
    """A line of a node's log: its kind, and the fields of its record (`node/events/`) by name."""

    @property
    def host(self) -> str:
        """Return who wrote it."""

    @property
    def t_ns(self) -> float:
        """Return the time of writing, since T0."""

    def __getattr__(self, name: str, /) -> Any: ...


Logs = Mapping[str, Sequence[Line]]
"""By node, its lines in the order it wrote them; one whose disk was wiped is another node."""


LIB = {"irreversible": "num", "started": "resumed_lib", "slot_due": "lib_num"}
"""By kind, the field in which a node tells its last irreversible block."""


def of_kind(logs: Logs, kind: str) -> list[Line]:
    """Return the lines of one kind."""
    return [line for lines in logs.values() for line in lines if line.kind == kind]


def conflicting_finality(finals: Iterable[Line]) -> list[Violation]:
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


def lib_decreases(logs: Logs) -> list[Violation]:
    """Return I2's breaches: a host's last irreversible block is lower than it was before.

    A node that was killed before it told of its last blocks tells of them after it has started with
    a higher one: what it announces is held against what it announced.
    """
    found = []
    for host, lines in logs.items():
        last = announced = 0
        for line in lines:
            if line.kind not in LIB:
                continue
            num: int = getattr(line, LIB[line.kind])
            before = last
            if line.kind == "irreversible":
                before, announced = announced, max(announced, num)
            if num < before:
                text = f"{host}: last irreversible block went from {before} to {num}"
                text += f" ({seconds(line.t_ns)})"
                found.append(Violation(text, (before, num), (), (host,), (line.t_ns,)))
            last = max(last, num)
    return found


def final_block_changes(finals: Iterable[Line]) -> list[Violation]:
    """Return I2's other breaches: one host holds two blocks of one height irreversible in turn."""
    held: dict[tuple[str, int], Line] = {}
    found = []
    for final in finals:
        first = held.setdefault((final.host, final.num), final)
        if first.id != final.id:
            text = f"{final.host}: final block {final.num} was undone ({seconds(final.t_ns)})"
            ids, times = (first.id, final.id), (first.t_ns, final.t_ns)
            found.append(Violation(text, (final.num,), ids, (final.host,), times))
    return found


def different_states(executed: Iterable[Line]) -> list[Violation]:
    """Return I3's breaches: one block, executed at several hosts, left different states."""
    by_id: dict[str, dict[str, Line]] = defaultdict(dict)
    for item in executed:
        by_id[item.id].setdefault(item.state_digest, item)
    found = []
    for id_ in sorted(by_id):
        items = list(by_id[id_].values())
        if len(items) > 1:
            hosts = tuple(item.host for item in items)
            text = (
                f"block {items[0].num} {id_[:16]} gave {len(items)} different states"
                f" (first at {', '.join(hosts)})"
            )
            times = tuple(item.t_ns for item in items)
            found.append(Violation(text, (items[0].num,), (id_,), hosts, times))
    return found


def double_signatures(signed: Iterable[Line]) -> list[Violation]:
    """Return I4's breaches by slot: one producer signed several blocks for one slot."""
    by_slot: dict[tuple[int, str], dict[str, Line]] = defaultdict(dict)
    for item in signed:
        by_slot[item.slot, item.producer].setdefault(item.id, item)
    found = []
    for (slot, producer), blocks in sorted(by_slot.items()):
        if len(blocks) > 1:
            items = [blocks[id_] for id_ in sorted(blocks)]
            seen = [f"{item.id[:16]} (block {item.num}, seen at {item.host})" for item in items]
            text = f"{producer} signed {len(items)} blocks for slot {slot}: {', '.join(seen)}"
            found.append(_of_signed(text, items))
    return found


def overlapping_confirmations(signed: Iterable[Line]) -> list[Violation]:
    """Return I4's breaches by range: a producer stood behind one height twice, on any branch.

    A block stands behind its own number and the `confirmed` ones before it.
    """
    by_producer: dict[str, dict[str, Line]] = defaultdict(dict)
    for item in signed:
        if item.kind == "produced":
            by_producer[item.producer].setdefault(item.id, item)
    found = []
    for _, blocks in sorted(by_producer.items()):
        ordered = sorted(blocks.values(), key=lambda i: (i.num, i.slot, i.id))
        for top, item in pairwise(ordered):
            first = item.num - item.confirmed
            if first <= top.num:
                text = (
                    f"{item.producer} confirmed blocks {first}..{item.num} with {item.id[:16]}"
                    f" after {top.num} with {top.id[:16]}"
                )
                found.append(_of_signed(text, [top, item]))
    return found


def _of_signed(text: str, items: list[Line]) -> Violation:
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
