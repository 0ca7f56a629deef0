"""What is known of a lab as lines of text: worst first, no wider and no more than there is room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from faults.model.fault import SECOND_NS
from harness.orchestrator.fleet import NodeStatus
from harness.watch.seen import FaultSeen, HostSeen, badness, why, worst_first
from metrics.model.printable import printable

HOST_MAX = 14
COLUMNS = {
    "head": 8, "final": 8, "lag": 4, "missed": 7, "peers": 6, "offset ± bound ms": 17, "cpu": 5,
}  # fmt: skip
"""Each column's width; with a host's name they are 79 columns wide."""
FAULTS_SHARE = 4
"""Faults take at most this part of the lines that there are."""
STYLES = ("", "yellow", "red", "red")
"""By badness."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, and its style on a terminal."""

    text: str
    style: str = ""


def lines(
    hosts: Sequence[HostSeen], now_ns: int, *, width: int | None = None, height: int | None = None
) -> list[Line]:
    """Return the lab in words: a line of it all, a table of its hosts, and the faults there are.

    now_ns: the controller's wall clock. width: what is longer is cut. height: so many lines at
    most. None: as it is.
    """
    faults = _faults(hosts)
    if height is not None:
        faults = _counted(faults, max(1, height // FAULTS_SHARE), "fault")
    above = [Line(_whole(hosts, now_ns), "bold"), *_counted(_trials(hosts), 1, "trial")]
    room = None if height is None else max(2, height - len(above) - 1 - len(faults))
    name_width = min(HOST_MAX, max(len("host"), *(len(seen.host) for seen in hosts)))
    made = [
        *above,
        Line(_row("host", list(COLUMNS), name_width), "dim"),
        *_rows(hosts, now_ns, name_width, room),
        *faults,
    ]
    harmless = [Line(printable(line.text), line.style) for line in made]
    return harmless if width is None else [Line(_cut(s.text, width), s.style) for s in harmless]


def _whole(hosts: Sequence[HostSeen], now_ns: int) -> str:
    """Return the lab in a line: who answers, how far the chain is, its health."""
    nodes = [seen.node for seen in hosts if seen.up and seen.node is not None]
    parts = [_utc(now_ns), f"{sum(seen.up for seen in hosts)} of {len(hosts)} hosts answer"]
    if nodes:
        parts.append(f"head {max(node.head_num for node in nodes)}")
        parts.append(f"final {max(node.lib_num for node in nodes)}")
        worst = Counter(node.health.state for node in nodes)
        parts.append(", ".join(f"{word} at {n}" for word, n in sorted(worst.items())))
    return "  ".join(parts)


def _trials(hosts: Sequence[HostSeen]) -> list[Line]:
    """Return a line for each trial whose schedule hosts have: one, where all is well."""
    agents = [seen.agent for seen in hosts if seen.up and seen.agent is not None]
    left = {agent.trial: agent.lease_left_ns for agent in agents if agent.lease_left_ns > 0}
    return [
        Line(f"trial {trial}: its lease ends in {_seconds(left_ns)}")
        for trial, left_ns in sorted(left.items())
    ]


def _rows(hosts: Sequence[HostSeen], now_ns: int, name_width: int, room: int | None) -> list[Line]:
    """Return the lines of the hosts, as many as there is room for; the last counts the rest."""
    made: list[Line] = []
    ordered = worst_first(hosts)
    for n, seen in enumerate(ordered):
        block = _host(seen, now_ns, name_width)
        is_last = n == len(ordered) - 1
        if room is not None and len(made) + len(block) + (not is_last) > room:
            rest = ordered[n:]
            wrong = sum(badness(each) > 0 for each in rest)
            well = f"{len(rest) - wrong} well" + (f", {wrong} not" if wrong else "")
            return [*made, Line(f"… and {len(rest)} more: {well}", "dim")]
        made += block
    return made


def _host(seen: HostSeen, now_ns: int, name_width: int) -> list[Line]:
    style = STYLES[badness(seen)]
    name = _cut(seen.host, name_width).ljust(name_width)
    if not seen.up:
        return [Line(f"{name}  {_gone(seen, now_ns)}", style)]
    cpu = "?" if seen.cpu is None else f"{seen.cpu:.0%}"
    if seen.node is None:
        return [Line(f"{name}  {seen.node_problem} (cpu {cpu})", style)]
    made = [Line(_row(seen.host, [*_cells(seen.node), cpu], name_width), style)]
    reason = why(seen)
    return [*made, Line(f"{'':{name_width}}  {reason}", style)] if reason else made


def _gone(seen: HostSeen, now_ns: int) -> str:
    if seen.seen_ns is None:
        return f"never answered: {seen.problem}"
    return f"gone since {_utc(seen.seen_ns)} ({_seconds(now_ns - seen.seen_ns)}): {seen.problem}"


def _cells(node: NodeStatus) -> list[str]:
    clock = node.clock
    offset = "?" if clock.offset_ns is None else f"{clock.offset_ns / 1e6:+.2f}"
    bound = "?" if clock.bound_ns is None else f"{clock.bound_ns / 1e6:.2f}"
    return [
        str(node.head_num),
        str(node.lib_num),
        str(node.head_num - node.lib_num),
        f"{node.health.missed}/{node.health.window_slots}",
        f"{node.linked}/{len(node.peers)}",
        f"{offset} ± {bound}",
    ]


def _row(name: str, cells: Iterable[str], name_width: int) -> str:
    shown = [_cut(name, name_width).ljust(name_width)]
    for cell, width in zip(cells, COLUMNS.values(), strict=True):
        shown.append(_cut(cell, width).rjust(width))
    return "  ".join(shown).rstrip()


def _faults(hosts: Sequence[HostSeen]) -> list[Line]:
    """Return a line for each fault of the lab: those in force first, the soonest to change."""
    where: dict[str, list[tuple[str, FaultSeen]]] = {}
    for seen in hosts:
        for fault in seen.faults:
            where.setdefault(fault.id, []).append((seen.host, fault))
    found = [_fault(name, places) for name, places in where.items()]
    return [line for _, line in sorted(found, key=lambda each: each[0])]


def _fault(name: str, places: Sequence[tuple[str, FaultSeen]]) -> tuple[tuple[bool, int], Line]:
    """Return where a fault stands among others, and its line."""
    in_force = [each for each in places if each[1].in_force]
    of = in_force or places
    left = [fault.left_ns for _, fault in of if fault.left_ns is not None]
    begins_ns = min(fault.begins_ns for _, fault in of)
    if not in_force:
        when = f"begins in {_seconds(begins_ns)}"
    else:
        when = f"{_seconds(max(left))} left" if left else "no deadline"
    kinds = "/".join(dict.fromkeys(fault.kind for _, fault in of))
    on = ", ".join(host for host, _ in of)
    line = Line(f"{name}  {kinds}  {when}  on {on}", "magenta" if in_force else "dim")
    return (not in_force, max(left, default=0) if in_force else begins_ns), line


def _counted(made: list[Line], most: int, what: str) -> list[Line]:
    """Return so many lines at most, the last of which counts those left out."""
    if len(made) <= most:
        return made
    left = len(made) - most + 1
    return [*made[: most - 1], Line(f"… and {left} more {what}{'s' * (left > 1)}", "dim")]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _seconds(of_ns: int) -> str:
    return f"{max(0, of_ns) // SECOND_NS} s"


def _utc(wall_ns: int) -> str:
    return f"{datetime.fromtimestamp(wall_ns // SECOND_NS, UTC):%H:%M:%S}Z"
