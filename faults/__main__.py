"""python -m faults: agent (the service), ctl (relay), heal (from the ledger)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faults import ctl
from faults.agent import Agent
from faults.arming import Host
from faults.capability import capabilities
from faults.clock import write_skew
from faults.fault import FaultError
from faults.heal import heal
from faults.journal import Journal
from faults.layout import Layout, layout, read_host
from faults.ledger import Ledger
from faults.priority import hurry, nice
from faults.provider import provider_host, until_idle
from faults.server import Server

AGENT_NICENESS = -10
"""For where real-time priority is not to be had."""
BEAT_S = 2.0
THREADS = 16
"""Actions that may run at once: one that takes long must not hold up another."""


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status of one call."""
    options = _parser().parse_args(arguments)
    try:
        place = layout(Path(options.root) if options.root else None)
        match options.command:
            case "agent":
                return asyncio.run(_agent(place, options.provider))
            case "ctl":
                return ctl.main(Path(options.socket) if options.socket else place.socket)
            case _:
                return heal(place, boot=options.boot)
    except FaultError as error:
        print(f"slotlab agent: {error.detail}", file=sys.stderr)
        return 2
    except PermissionError as error:
        print(f"slotlab agent: {error.filename}: not allowed; run as root", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--root", default=os.environ.get("SLOTLAB_ROOT"), help="other root folder")
    commands = parser.add_subparsers(dest="command", required=True)
    agent = commands.add_parser("agent", help="run the service of this host")
    agent.add_argument("--provider", help="switch other hosts by the commands in this file")
    relay = commands.add_parser("ctl", help="relay JSON lines to the agent")
    relay.add_argument("--socket", help="the agent's socket")
    healing = commands.add_parser("heal", help="take back every fault of this host")
    healing.add_argument("--boot", action="store_true", help="the machine has just started")
    return parser


async def _agent(place: Layout, provider: str | None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if not provider:  # what that one starts is whole hosts, which must not run before all else
        nice(AGENT_NICENESS)
        hurry()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    place.run_dir.mkdir(parents=True, exist_ok=True)
    host, found = provider_host(place, Path(provider)) if provider else await _own_host(place)
    agent = Agent(host, found)
    host.ledger.write_heal_script()
    carried = await asyncio.to_thread(agent.resume)
    if carried:
        logging.info("carrying on: %s", ", ".join(carried))
    elif not provider:
        write_skew(place.skew_file, 0, 0)
    server = Server(agent)
    await server.listen(place.socket, place.owner)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    schedule = asyncio.create_task(agent.run())
    watching = asyncio.create_task(agent.watch())
    _notify("READY=1")
    ends = {schedule, watching, asyncio.create_task(stop.wait())}
    if provider:
        ends.add(asyncio.create_task(until_idle(agent, server)))
    if "WATCHDOG_USEC" in os.environ:
        ends.add(asyncio.create_task(_beat()))
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    await agent.heal("agent_stopped")
    for task in (schedule, watching):
        if task.done():
            task.result()
        task.cancel()
    return 0


async def _own_host(place: Layout) -> tuple[Host, dict[str, bool]]:
    """Return what arming needs of this machine, and what it can do."""
    if os.geteuid() != 0:
        raise FaultError("no_root", "the agent must run as root")
    found = await asyncio.to_thread(capabilities)
    config = read_host(place.host_file)
    names = frozenset(name for name, works in found.items() if works)
    ledger = Ledger(place.ledger_dir)
    return Host(place, config, names, ledger, Journal(place.journal_file, config.host)), found


async def _beat() -> None:
    """Never return: say again and again that this agent does not hang, else systemd ends it and
    the next one carries on.
    """
    while True:
        _notify("WATCHDOG=1")
        await asyncio.sleep(BEAT_S)


def _notify(text: str) -> None:
    """Tell systemd, when it listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.connect("\0" + address[1:] if address.startswith("@") else address)
        link.sendall(text.encode())


if __name__ == "__main__":
    sys.exit(main())
