"""Waiting for a trial's nodes, linked to all others, clocks verified; or who is late, and how.

One deadline for all, which follows from what the hosts have shown. It may be later than T0: that T0
is then lost, but how long the slowest host takes is known for the next one.
"""

from __future__ import annotations

import time

from faults.model.fault import SECOND_NS
from harness.errors import RunError
from harness.orchestrator.fleet import NodeStatus
from harness.orchestrator.trial_state import Context

PAUSE_S = (0.2, 2.0)
"""Between two looks at least and at most: four times as long as looking took, so that it leaves a
slow host its time to get ready."""


def wait(context: Context) -> None:
    """Wait until every node is ready, and note how long each host took for it.

    Raises:
        RunError: which hosts are late at the deadline, and what each does instead; or the operator
            wants to stop.
    """
    begun_ns = time.monotonic_ns()
    within_ns = context.pace.ready_within_ns()
    peers = len(context.plan.hosts) - 1
    took_ns: dict[str, int] = {}
    late = {host.host: "was not asked yet" for host in context.plan.hosts}
    while late and (gone_ns := time.monotonic_ns() - begun_ns) < within_ns:
        if context.stop.asked.is_set():
            raise RunError("stopped by the operator")
        look_ns = time.monotonic_ns()
        for host, status in context.fleet.nodes(list(late)).items():
            late[host] = not_ready(status, peers)
            if not late[host]:
                took_ns[host] = time.monotonic_ns() - begun_ns
                del late[host]
        first = next((f"{host}: {reason}" for host, reason in late.items()), "all ready")
        context.show.tick(f"waiting for nodes: {first} ({gone_ns // SECOND_NS} s)")
        if late:
            took_s = (time.monotonic_ns() - look_ns) / SECOND_NS
            context.stop.wait(min(PAUSE_S[1], max(PAUSE_S[0], 4 * took_s)))
    if late:
        who = "; ".join(f"{host}: {reason}" for host, reason in late.items())
        last_s = max(took_ns.values(), default=0) // SECOND_NS
        rest = f"; the others were within {last_s} s" if took_ns else ""
        raise RunError(f"not ready {within_ns // SECOND_NS} s after the start: {who}{rest}")
    context.pace.note("ready", took_ns)


def not_ready(status: NodeStatus | RunError, peers: int) -> str:
    """Return why a node is not ready, "" when it is."""
    if isinstance(status, RunError):
        return str(status)
    if status.linked < peers:
        return f"linked to {status.linked} of {peers} peers"
    if not status.clock.verified:
        why = status.clock.reason or "no answer yet"
        return f"its clock is not verified against NTP ({why})"
    return ""
