"""The events of one trial as the logs that the invariants are judged from."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Set
from operator import attrgetter

from metrics.intake.intervals import Intervals
from metrics.intake.trial import SLOT_DUE, Event, TrialData
from metrics.measure.blocks import APPLIED, IRREVERSIBLE, RECEIVED
from metrics.measure.delegation.facts import FACTS
from metrics.model.plan import Plan, PlannedFault, PlannedTrial
from metrics.safety import plain_hosts
from metrics.safety.invariants import Line, Logs, of_kind
from metrics.safety.liveness import RECONNECT_NS, Stretch, slots_for, stall_limit
from metrics.safety.plain_hosts import Many

STARTED = "resumed_num resumed_lib role"
COLUMNS = {
    "started": STARTED,
    "slot_due": SLOT_DUE,
    "produced": "num id slot producer confirmed",
    "applied": APPLIED,
    "irreversible": IRREVERSIBLE,
    "switched": "ancestor_num",
    **FACTS,
}
"""What the invariants read of a node's events, by kind, beside who received what."""
_OF_NODE: dict[str, Callable[[Event], bool]] = {"started": lambda event: bool(event.role == "node")}
"""Which lines are a node's own: a client and a prober start, too."""
SUPPLY = "num id held issued"
WIPED = "everything"
"""What a crash says it loses when it takes the disk."""


def logs(data: TrialData, without: frozenset[str]) -> tuple[dict[str, list[Event]], Many]:
    """Return the logs of the trial's correct nodes, but for those hosts, and all lines of the kinds
    of which there are many; of those of hosts to which nothing happened, the logs hold what a
    breach can hang on.
    """
    left_out = data.planned.liars | without
    by_host: dict[str, list[Event]] = defaultdict(list)
    for event in _few(data, left_out):
        by_host[event.host].append(event)
    few = [event for events in by_host.values() for event in events]
    started = [event for event in few if event.kind == "started"]
    facts = any(event.kind in FACTS for event in few)
    many = plain_hosts.many(data, left_out, started, {*by_host} if facts else {*_wiped(data)})
    needed = many.needed({event.id for event in few if event.kind == "produced"})
    for kind, rows in needed.items():
        for event in data.picked(kind, COLUMNS[kind], rows):
            by_host[event.host].append(event)
    if facts or not {*data.columns("received", "id")["id"]} <= {*many.applied.ids}:
        # That a block was signed, the first who received it proves as well as all.
        for event in data.firsts("received", RECEIVED, left_out):
            by_host[event.host].append(event)
    life = _lives(data)
    found: dict[str, list[Event]] = {}
    for host in sorted(by_host):
        for event in sorted(by_host[host], key=attrgetter("seq")):
            found.setdefault(life(event), []).append(event)
    return found, many


def _few(data: TrialData, left_out: Set[str]) -> Iterator[Event]:
    """Yield the lines of nodes of the kinds of which there are few."""
    for kind, columns in COLUMNS.items():
        if kind not in plain_hosts.MANY:
            for event in filter(_OF_NODE.get(kind), data.events(kind, columns)):
                if event.host not in left_out:
                    yield event


def _wiped(data: TrialData) -> Iterator[str]:
    """Yield the hosts whose disk a fault wipes."""
    for fault in data.planned.faults:
        if fault.asked.get("loses") == WIPED:
            yield from fault.targets


def promises(data: TrialData, without: frozenset[str]) -> tuple[list[Event], list[Event]]:
    """Return the transactions and the blocks that clients were told are irreversible.

    Not those of clients of liars, nor of those hosts.
    """
    left_out = data.planned.liars | without
    told = [e for e in data.events("txs", "id state num") if e.state == "irreversible"]
    found = (told, data.events("assured", IRREVERSIBLE))
    transactions, blocks = ([e for e in some if e.host not in left_out] for some in found)
    return transactions, blocks


def supplies(data: TrialData, without: frozenset[str]) -> tuple[list[Event], list[str]]:
    """Return what nodes told of the supply, but those hosts' and liars', and who ended without.

    A node tells of it as it ends, unless it is killed.
    """
    left_out = data.planned.liars | without
    told = [e for e in data.events("supply", SUPPLY) if e.host not in left_out]
    ends = [e for e in data.events("stopped") if e.host not in left_out and e.node == e.host]
    last: dict[str, list[str]] = defaultdict(list)
    for event in sorted([*told, *ends], key=attrgetter("seq")):
        last[event.host].append(event.kind)
    silent = [
        host for host, kinds in last.items()
        if kinds[-1] == "stopped" and kinds[-2:-1] != ["supply"]
    ]  # fmt: skip
    return told, sorted(silent)


def stretches(
    plan: Plan,
    planned: PlannedTrial,
    observed_ns: int,
    intervals: Intervals,
    started: Iterable[tuple[str, float]] = (),
) -> list[Stretch]:
    """Return the times when finality must go on, up to observed_ns: a quorum is live and linked.

    Whoever joins a quorum needs RECONNECT_NS for its links; who starts, or restarts, confirms
    nothing in its first turn, so that for two rounds after it finality may come two rounds later.
    started: hosts and when their nodes started. A host that boots for longer than RECONNECT_NS
    after the end of its fault joins when its node has started.
    """
    disturbing = [f for f in planned.faults if not f.kind.only_takes_away(f.asked)]
    back_ns = _back(planned, list(started))
    restarts_ns, rounds = [0, *back_ns.values()], 2 * plan.round_blocks
    found = []
    for window in planned.quorum:
        if not window.finality_expected:
            continue
        for clear_ns, end_ns in _without(disturbing, window.from_ns, window.to_ns, observed_ns):
            booting = [back for over, back in back_ns.items() if over <= clear_ns < back]
            start_ns = max([clear_ns, *booting])
            fresh = any(
                at - RECONNECT_NS < start_ns < intervals.after(at, rounds) + RECONNECT_NS
                for at in restarts_ns
            )
            blocks = stall_limit(plan) + (rounds if fresh else 0)
            begin_ns = start_ns + (RECONNECT_NS if start_ns else 0)
            if begin_ns < end_ns:
                slots = slots_for(blocks, plan, live=window.live)
                found.append(
                    Stretch(from_ns=begin_ns, to_ns=end_ns, limit_blocks=blocks, limit_slots=slots)
                )
    return found


def _back(planned: PlannedTrial, started: list[tuple[str, float]]) -> dict[int, float]:
    """Return by the end of each restart when the last of its nodes was there again."""
    found: dict[int, float] = {}
    for fault in planned.faults:
        if fault.kind.victim == "dead":
            first = [
                min((t for host, t in started if host == target and t > fault.at_ns), default=0.0)
                for target in fault.targets
            ]
            last = max(first, default=0.0)
            back = last if last > fault.end_ns + RECONNECT_NS else float(fault.end_ns)
            found[fault.end_ns] = max(back, found.get(fault.end_ns, 0.0))
    return found


def _without(
    faults: list[PlannedFault], from_ns: int, to_ns: int, end_ns: int
) -> Iterator[tuple[int, int]]:
    """Yield the parts of a window in which no given fault is active, one without end to the end."""
    cursor, stop_ns = from_ns, min(to_ns, end_ns)
    for fault in sorted(faults, key=lambda f: f.at_ns):
        over_ns = fault.end_ns
        if over_ns <= cursor or fault.at_ns >= stop_ns:
            continue
        if fault.at_ns > cursor:
            yield cursor, fault.at_ns
        cursor = over_ns
    if cursor < stop_ns:
        yield cursor, stop_ns


def _lives(data: TrialData) -> Callable[[Event], str]:
    """Return the name a host's lines go by: whose disk a fault wiped comes back as a new node.

    Nothing can be held against a node for what was taken from its disk.
    """
    rebirths: dict[str, list[int]] = {host: [] for host in _wiped(data)}
    for e in data.events("started", STARTED):
        if e.host in rebirths and e.role == "node" and e.resumed_num <= 1 and e.seq > 0:
            rebirths[e.host].append(e.seq)

    def name(event: Event) -> str:
        if event.host not in rebirths:
            return event.host
        lives = sum(first <= event.seq for first in rebirths[event.host])
        return event.host if not lives else f"{event.host} (wiped, life {lives + 1})"

    return name


def signed(data: TrialData, told: Logs) -> list[Line]:
    """Return who signed what: from its maker, else from who executed or received it.

    A body that was only received proves a signature while nobody lies: only then does it count.
    """
    liars = [host for host in data.plan.hosts if host.host in data.planned.liars]
    lying = {name for host in liars for name in data.plan.producers_of(host)}
    refused = {e.id for e in data.events("rejected", "id what") if e.what == "block"}
    found: dict[str, Line] = {}
    for kind in ("produced", "applied") if lying else ("produced", "applied", "received"):
        for line in of_kind(told, kind):
            if kind != "received" or line.id not in refused:
                found.setdefault(line.id, line)
    return [line for line in found.values() if line.producer not in lying]
