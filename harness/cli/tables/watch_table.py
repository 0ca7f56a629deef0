"""A live table of the nodes: head, final, lag, peers, clock, mempool, faults in force."""

import itertools
import time
from collections.abc import Mapping

from rich.console import Console
from rich.live import Live
from rich.table import Table

from harness.controller.console import said, table_of
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.orchestrator.fleet import Fleet, NodeStatus
from harness.remote.agent_channel import NOT_DEPLOYED, Reply
from harness.remote.fan_out import Remote

PERIOD_S = 2.0


def watch(inventory: Inventory, console: Console, *, turns: int | None = None) -> None:
    """Show the table until Ctrl-C, or so many times.

    Raises:
        RunError: nothing is deployed there, or the last of so many tables lacks a host.
    """
    with Remote(inventory) as remote:
        fleet = Fleet(remote)
        if turns is not None or not console.is_terminal:
            for _ in range(turns or 1):
                agents = _agents(fleet)
                console.print(table(fleet, agents))
            if silent := [host for host, agent in agents.items() if agent.problem]:
                why = "no answer (the table says why); see slotlab check"
                raise RunError(f"{', '.join(silent)}: {why}")
            return
        with Live(console=console, auto_refresh=False) as live:
            for _ in itertools.count():
                live.update(table(fleet, _agents(fleet)), refresh=True)
                time.sleep(PERIOD_S)


def _agents(fleet: Fleet) -> dict[str, Reply]:
    """Return what each host's agent says.

    Raises:
        RunError: there is no agent on any host.
    """
    agents = fleet.remote.ctl_all("status")
    if all(agent.reason == NOT_DEPLOYED for agent in agents.values()):
        raise RunError(f"{', '.join(agents)}: nothing is deployed; run slotlab deploy")
    return agents


def table(fleet: Fleet, agents: Mapping[str, Reply]) -> Table:
    """Return one row a host: what its node says of itself now, and its agent said of faults."""
    shown = table_of("host", "head", "final", "lag", "peers", "clock offset", "mempool", "faults")
    statuses = fleet.nodes()
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
