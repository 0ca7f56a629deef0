"""A live table of the nodes: head, final, lag, peers, clock, mempool, faults in force."""

from __future__ import annotations

import itertools
import time
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.fleet import Fleet
from harness.inventory import Inventory
from harness.remote import Remote
from harness.terminal import said

PERIOD_S = 2.0


def watch(inventory: Inventory, console: Console, *, turns: int | None = None) -> None:
    """Show the table until Ctrl-C, or so many times."""
    with Remote(inventory) as remote:
        fleet = Fleet(remote)
        if turns is not None or not console.is_terminal:
            for _ in range(turns or 1):
                console.print(_table(fleet))
            return
        with Live(console=console, auto_refresh=False) as live:
            for _ in itertools.count():
                live.update(_table(fleet), refresh=True)
                time.sleep(PERIOD_S)


def _table(fleet: Fleet) -> Table:
    table = Table()
    for name in ("host", "head", "final", "lag", "peers", "clock offset", "mempool", "faults"):
        table.add_column(name)
    statuses = fleet.nodes()
    agents = fleet.remote.ctl_all("status")
    for host, status in statuses.items():
        faults = (agents[host].ok or {}).get("faults", []) if not agents[host].problem else []
        active = [f["id"] for f in faults if f["state"] in ("applied", "installed")]
        text = ", ".join(active) or agents[host].problem
        table.add_row(host, *(said(cell) for cell in (*_cells(status), text)))
    return table


def _cells(status: dict[str, Any] | None) -> list[str]:
    if status is None:
        return ["no node", "", "", "", "", ""]
    linked = sum(peer["state"] in ("handshaked", "synced") for peer in status["peers"])
    clock = status["clock"]
    offset = clock.get("offset_ns")
    shown = "?" if offset is None else f"{offset / 1e6:+.3f} ms"
    return [
        str(status["head_num"]),
        str(status["lib_num"]),
        str(status["head_num"] - status["lib_num"]),
        f"{linked}/{len(status['peers'])}",
        shown if clock["verified"] else f"{shown} {clock.get('reason', 'unverified')}",
        str(status["mempool"]),
    ]
