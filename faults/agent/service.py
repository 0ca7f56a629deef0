"""The agent as a process: what it is made of, until it is told to stop; then it heals.

The provider's agent is the same on the machine that owns the hosts: it does power faults alone,
needs no root, and ends by itself when it has nothing left to do.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from faults.agent.agent import Agent
from faults.agent.arming import Host
from faults.agent.driver import STOPPED
from faults.agent.server import Server
from faults.host.capability import capabilities
from faults.host.clock.skew_file import write_skew
from faults.host.layout import HostConfig, Layout, read_host
from faults.host.priority import set_realtime
from faults.kinds.power import CAPABILITY, read_provider
from faults.kinds.registry import CAPABILITY_SHELL
from faults.model.fault import FaultError
from faults.model.record import PROVIDER

AGENT_NICENESS = -10
"""For where real-time priority is not to be had."""
BEAT_S = 2.0
IDLE_S = 60.0
"""A provider's agent ends when it was idle for so long."""
POLL_S = 1.0
THREADS = 16
"""Actions that may run at once: one that takes long must not hold up another."""


def main(place: Layout, provider: str | None) -> int:
    """Return the exit status of an agent that was told to stop; provider: its file of commands."""
    return asyncio.run(_agent(place, provider))


async def _agent(place: Layout, provider: str | None) -> int:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if not provider:  # what that one starts is whole hosts, which must not run before all else
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, AGENT_NICENESS)
        set_realtime()
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
    place.run_dir.mkdir(parents=True, exist_ok=True)
    host, found = _provider_host(place, Path(provider)) if provider else await _own_host(place)
    agent = Agent(host, found)
    host.ledger.write_heal_script()
    agent.running.write_script()
    carried = await asyncio.to_thread(agent.resume)
    if carried:
        logging.info("carrying on: %s", ", ".join(carried))
    elif not provider:
        write_skew(place.skew_file, 0, 0)
        place.behaviour_file.unlink(missing_ok=True)
    server = Server(agent)
    await server.listen(place.socket, place.owner)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    works = [
        asyncio.create_task(each())
        for each in (agent.runner.run, agent.runner.watch, agent.end_units)
    ]
    _notify("READY=1")
    ends = {*works, asyncio.create_task(stop.wait())}
    if provider:
        ends.add(asyncio.create_task(until_idle(agent, server)))
    if "WATCHDOG_USEC" in os.environ:
        ends.add(asyncio.create_task(_beat()))
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    await agent.heal(STOPPED)
    for task in works:
        if task.done():
            task.result()
        task.cancel()
    return 0


async def _own_host(place: Layout) -> tuple[Host, dict[str, bool]]:
    """Return what arming needs of this machine, and what it can do."""
    if os.geteuid() != 0:
        raise FaultError("no_root", "the agent must run as root")
    found = await asyncio.to_thread(capabilities, CAPABILITY_SHELL, place.state_dir)
    config = read_host(place.host_file)
    names = frozenset(name for name, works in found.items() if works)
    return Host.at(place, config, names), found


def _provider_host(place: Layout, file: Path) -> tuple[Host, dict[str, bool]]:
    """Return what arming needs where only other hosts are switched, by the commands in the file."""
    commands = read_provider(file)
    host = Host.at(place, HostConfig(host=PROVIDER), frozenset((CAPABILITY,)))
    return replace(host, provider=commands), {CAPABILITY: True, "systemd": False}


async def until_idle(agent: Agent, server: Server) -> None:
    """Wait until nothing has been in force or asked for IDLE_S."""
    busy_s = time.monotonic()
    while time.monotonic() - max(busy_s, server.asked_s) < IDLE_S:
        await asyncio.sleep(POLL_S)
        if agent.busy:
            busy_s = time.monotonic()


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
