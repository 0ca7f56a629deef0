"""The invariants that follow one node through its own log: I3's facts, I6, I9 and I10; pure.

A node's log is its lines in the order it wrote them. A restart is a line like any other.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from metrics.measure.delegation.facts import FACTS, Telling, tellings
from metrics.model.run_folder import Violation
from metrics.safety.invariants import Line, Logs, of_kind, seconds


def _branch_end(line: Line) -> int | None:
    """Return the block that a line leaves as the head: what came after it is undone, or lost."""
    match line.kind:
        case "switched":
            return int(line.ancestor_num)
        case "started":
            return int(line.resumed_num)
    return None


def repeated_transactions(logs: Logs, held: Mapping[str, Sequence[str]]) -> list[Violation]:
    """Return I6's breaches: a host executed one transaction twice on a branch.

    held: by block, the beginnings of the ids of its transactions. What a fork switch undid, and
    what a restart lost, may be executed again.
    """
    found = []
    for host, lines in sorted(logs.items()):
        branch: list[tuple[int, list[str]]] = []
        where: dict[str, int] = {}
        for line in lines:
            end = line.num - 1 if line.kind == "applied" else _branch_end(line)
            while end is not None and branch and branch[-1][0] > end:
                for id_ in branch.pop()[1]:
                    del where[id_]
            if line.kind != "applied":
                continue
            new: list[str] = []
            for id_ in held.get(line.id, ()):
                if id_ in where:
                    text = (
                        f"{host}: transaction {id_} is in block {where[id_]} and again in block"
                        f" {line.num} ({seconds(line.t_ns)})"
                    )
                    nums = (where[id_], line.num)
                    found.append(Violation(text, nums, (id_,), (host,), (line.t_ns,)))
                else:
                    where[id_] = line.num
                    new.append(id_)
            branch.append((line.num, new))
    return found


def different_facts(logs: Logs) -> list[Violation]:
    """Return I3's other breaches: one block, executed at several hosts, did different things."""
    if not any(line.kind in FACTS for lines in logs.values() for line in lines):
        return []
    by_id: dict[str, dict[tuple[tuple[str, ...], ...], Telling]] = defaultdict(dict)
    for lines in logs.values():
        for telling in tellings(lines):
            if telling.whole:
                by_id[telling.applied.id].setdefault(telling.said, telling)
    found = []
    for id_, told in sorted(by_id.items()):
        if len(told) > 1:
            first = [telling.applied for telling in told.values()]
            hosts = tuple(line.host for line in first)
            text = f"block {first[0].num} {id_[:16]} did different things at {', '.join(hosts)}"
            times = tuple(line.t_ns for line in first)
            found.append(Violation(text, (first[0].num,), (id_,), hosts, times))
    return found


def schedule_breaks(logs: Logs) -> list[Violation]:
    """Return I9's breaches: versions that do not rise by one, or differ after one block."""
    found: list[Violation] = []
    said: dict[tuple[str, str], dict[tuple[int, str], str]] = defaultdict(dict)
    for host, lines in sorted(logs.items()):
        active: list[tuple[int, int]] = []
        at = ""
        for line in lines:
            if line.kind == "applied":
                at = line.id
            elif (end := _branch_end(line)) is not None:
                active = [entry for entry in active if entry[0] <= end]
            elif line.kind == "schedule" and line.state in ("pending", "active"):
                said[at, line.state].setdefault((line.version, str(line.producers)), host)
                if line.state == "active":
                    if active and line.version != active[-1][1] + 1:
                        text = (
                            f"{host}: schedule version {line.version} follows {active[-1][1]} at"
                            f" block {line.num}"
                        )
                        found.append(Violation(text, (line.num,), (at,), (host,), (line.t_ns,)))
                    active.append((line.num, line.version))
    for (id_, state), values in sorted(said.items()):
        if id_ and len(values) > 1:
            hosts = tuple(values.values())
            versions = ", ".join(str(version) for version, _ in values)
            text = f"after block {id_[:16]} hosts hold different {state} schedules ({versions})"
            found.append(Violation(text, (), (id_,), hosts))
    return found


def restart_breaks(logs: Logs) -> tuple[list[Violation], int]:
    """Return (I10's breaches, restarts judged).

    A node must come back with every block it called irreversible and its own last block, and the
    first block it executes must follow its restored head and give the state that all hosts have.
    """
    states: dict[str, set[str]] = defaultdict(set)
    for line in of_kind(logs, "applied"):
        states[line.id].add(line.state_digest)
    found: list[Violation] = []
    judged = 0
    for host, lines in sorted(logs.items()):
        lib = own = 0
        applied: dict[int, set[str]] = defaultdict(set)
        begun, resumed = False, None
        for line in lines:
            match line.kind:
                case "started":
                    if begun:
                        judged += 1
                        found += _resumption(host, lib, own, line)
                        resumed = line.resumed_num
                    begun = True
                case "switched":
                    own, resumed = 0, None
                case "irreversible":
                    lib = max(lib, line.num)
                case "produced":
                    own = line.num
                case "applied":
                    if resumed is not None:
                        where = ((line.num,), (line.id,), (host,), (line.t_ns,))
                        texts = _first_after(resumed, applied, line, states[line.id])
                        found += [Violation(f"{host}: {text}", *where) for text in texts]
                    resumed = None
                    applied[line.num].add(line.id)
    return found, judged


def _resumption(host: str, lib: int, own: int, line: Line) -> Iterator[Violation]:
    for what, before, now in (
        ("last irreversible block", lib, line.resumed_lib),
        ("own last block", own, line.resumed_num),
    ):
        if now < before:
            text = f"{host}: restarted at {now}, but its {what} was {before} ({seconds(line.t_ns)})"
            yield Violation(text, (before, now), (), (host,), (line.t_ns,))


def _first_after(
    resumed: int, applied: dict[int, set[str]], line: Line, states: set[str]
) -> Iterator[str]:
    """Yield what is wrong with the first block that was executed after a restart."""
    if line.num != resumed + 1:
        yield f"restarted at {resumed}, yet block {line.num} was executed next"
    elif resumed in applied and line.previous not in applied[resumed]:
        yield f"restarted at another block {resumed} than it had"
    if len(states) > 1:
        yield f"block {line.num}, the first after its restart, gave another state"
