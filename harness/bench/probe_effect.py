"""What it costs a chain to be looked at: probes, events and looks on against off, trial by trial.

Off, no host probes another, nobody asks a node, and of a node's events only those are written that
finality is measured by. All hosts are processes on this machine, with one clock: to measure them
takes no probes. There is no agent on either side, but nodes are asked as often as agents would.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from faults.host.node_client import ask_node
from faults.model.fault import FaultError
from harness.bench.rig.machine import processor_s
from harness.bench.rig.nodes import Process, edit, prepare, running, told, until_told
from harness.bench.row import Row
from harness.errors import RunError
from harness.orchestrator.fleet import NodeStatus
from harness.watch.live import PERIOD_S
from metrics.model.quantiles import quantile
from metrics.results import ranks

TRIALS = 10
"""Of each kind; they take turns, and who is first takes turns, too."""
NODES = 4
LASTS_S = 60.0
SETTLED_S = 10.0
"""Before and after what is measured."""
CAMPAIGN = f"""
schema: slotlab.campaign/v1
title: looked at or not
seed: 1
chain: {{profile: eosio, producers: {NODES}, slot: 500ms, blocks_per_turn: 2}}
load: {{rate: 40/s}}
warmup: {int(10 * LASTS_S)}s
timeline: []
"""
NEEDED = ["produced", "irreversible"]
"""What finality is measured by."""


class Trial(NamedTuple):
    """What one trial shows."""

    p99_ms: float
    """Of finality: from a block's slot until it is irreversible, of each block at each host."""
    missed: float
    """Slots without a block, of those that were due, as nodes count on average."""
    cpu_percent: float
    """Of a core, by all processes of a host."""


FIGURES = (("finality, p99", "ms"), ("slots missed", ""), ("processor of a host", "% of a core"))


def rows() -> list[Row]:
    """Return each figure with and without being looked at, and the difference with its interval."""
    found: dict[bool, list[Trial]] = {True: [], False: []}
    for number in range(TRIALS):
        for looked_at in (True, False) if number % 2 else (False, True):
            with tempfile.TemporaryDirectory(prefix="slb-") as folder:
                found[looked_at].append(_trial(Path(folder), looked_at=looked_at))
    return compared(found[False], found[True])


def compared(off: Sequence[Trial], on: Sequence[Trial]) -> list[Row]:
    """Return the rows of such trials; too few of them have no interval."""
    made = []
    for place, (what, unit) in enumerate(FIGURES):
        base, other = ([trial[place] for trial in group] for group in (off, on))
        between = ranks.shift([(v, v, v) for v in base], [(v, v, v) for v in other])
        made.append(
            Row(bench="probe-effect", what=what, unit=unit, value=statistics.median(other),
                n=len(other), floor=statistics.median(base), floor_is="not looked at")
        )  # fmt: skip
        names = ("more by being looked at", "at least (95 %)", "at most (95 %)")
        made += [
            Row(bench="probe-effect", what=f"{what}, {name}", unit=unit, value=value, n=len(other))
            for name, value in zip(names, between, strict=True)
            if value is not None
        ]
    return made


def _trial(folder: Path, *, looked_at: bool) -> Trial:
    homes = prepare(folder, CAMPAIGN)
    if not looked_at:
        for home in homes:
            edit(home, event_kinds=NEEDED)
    with ExitStack() as stack:
        nodes = stack.enter_context(running(homes))
        processes = [*nodes, *stack.enter_context(running(homes, "client"))]
        if looked_at:
            processes += stack.enter_context(running(homes, "probe"))
            stack.enter_context(_looks(homes))
        until_told(homes, "node", "irreversible", nodes)
        time.sleep(SETTLED_S)
        begun_ns, before, before_s = time.time_ns(), _missed(homes), _processor_s(processes)
        time.sleep(LASTS_S)
        used_s, missed = _processor_s(processes) - before_s, _missed(homes) - before
        ended_ns = time.time_ns()
        time.sleep(SETTLED_S)
    p99_ms = quantile(sorted(finality_ms(homes, begun_ns, ended_ns)), 0.99)
    if p99_ms is None:
        raise RunError("bench: no block became final")
    return Trial(p99_ms, missed, 100 * used_s / LASTS_S / NODES)


def finality_ms(homes: Sequence[Path], begin_ns: int, end_ns: int) -> list[float]:
    """Return how long each block whose slot is between these took to be final at each host."""
    slot_ns = {
        event["id"]: event["wall_ns"] - event["late_ns"]
        for home in homes
        for event in told(home, "node", "produced")
    }
    return [
        (event["wall_ns"] - slot_ns[event["id"]]) / 1e6
        for home in homes
        for event in told(home, "node", "irreversible")
        if event["id"] in slot_ns and begin_ns <= slot_ns[event["id"]] < end_ns
    ]


@contextmanager
def _looks(homes: Sequence[Path]) -> Iterator[None]:
    """Ask each node for its status as often as somebody who watches, until the block ends."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(PERIOD_S):
            for home in homes:
                _status(home)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _status(home: Path) -> NodeStatus | None:
    """Return what a node says of itself, None where it does not answer."""
    try:
        answer = asyncio.run(ask_node(home / "sock", "status"))
    except FaultError:
        return None
    return msgspec.msgpack.decode(answer, type=NodeStatus)


def _missed(homes: Sequence[Path]) -> float:
    """Return how many slots were missed so far, as nodes count on average.

    Raises:
        RunError: a node does not answer.
    """
    statuses = [_status(home) for home in homes]
    answered = [status.health.missed_total for status in statuses if status is not None]
    if len(answered) < len(homes):
        raise RunError("bench: a node does not answer")
    return statistics.mean(answered)


def _processor_s(processes: Sequence[Process]) -> float:
    return sum(processor_s(each.pid) for each in processes)
