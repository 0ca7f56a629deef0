"""A live table of the nodes: head, final, lag, peers, clock, mempool, faults in force."""

from __future__ import annotations

import itertools
import time

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.errors import RunError
from harness.fleet import Fleet
from harness.inventory import Inventory
from harness.node_status import NodeStatus
from harness.remote import Remote
from harness.terminal import said, table_of

PERIOD_S = 2.0


def watch(inventory: Inventory, console: Console, *, turns: int | None = None) -> None:
    """Show the table until Ctrl-C, or so many times."""
    with Remote(inventory) as remote:
        fleet = Fleet(remote)
        if turns is not None or not console.is_terminal:
            for _ in range(turns or 1):
                console.print(table(fleet))
            return
        with Live(console=console, auto_refresh=False) as live:
            for _ in itertools.count():
                live.update(table(fleet), refresh=True)
                time.sleep(PERIOD_S)


def table(fleet: Fleet) -> Table:
    """Return one row a host, asked now: what its node says of itself and its agent of faults."""
    shown = table_of("host", "head", "final", "lag", "peers", "clock offset", "mempool", "faults")
    statuses = fleet.nodes()
    agents = fleet.remote.ctl_all("status")
    for host, status in statuses.items():
        agent = agents[host]
        faults = (agent.ok or {}).get("faults", [])
        active = [f["id"] for f in faults if f["state"] in ("applied", "installed")]
        cells = _cells("" if agent.problem else status)
        shown.add_row(host, *map(said, (*cells, agent.problem or ", ".join(active))))
    return shown


def _cells(status: NodeStatus | RunError | str) -> list[str]:
    if not isinstance(status, NodeStatus):
        return [str(status), "", "", "", "", ""]
    clock = status.clock
    shown = "?" if clock.offset_ns is None else f"{clock.offset_ns / 1e6:+.3f} ms"
    return [
        str(status.head_num),
        str(status.lib_num),
        str(status.head_num - status.lib_num),
        f"{status.linked}/{len(status.peers)}",
        shown if clock.verified else f"{shown} {clock.reason or 'unverified'}",
        str(status.mempool),
    ]
