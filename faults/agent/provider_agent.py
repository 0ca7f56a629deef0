"""The provider's agent: the same agent on the machine that owns the hosts; it does power faults
alone, needs no root, and ends by itself when it has nothing left to do.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from faults.agent.agent import Agent
from faults.agent.arming import Host
from faults.agent.server import Server
from faults.durable.journal import Journal
from faults.durable.ledger import Ledger
from faults.host.layout import HostConfig, Layout
from faults.kinds.power import CAPABILITY, read_provider
from faults.model.record import PROVIDER

IDLE_S = 60.0
POLL_S = 1.0


def provider_host(place: Layout, file: Path) -> tuple[Host, dict[str, bool]]:
    """Return what arming needs here, with the commands of the provider file, and what that is.

    Raises:
        FaultError: bad_provider.
    """
    host = Host(
        layout=place,
        config=HostConfig(host=PROVIDER),
        capabilities=frozenset((CAPABILITY,)),
        ledger=Ledger(place.ledger_dir),
        journal=Journal(place.journal_file, PROVIDER),
        provider=read_provider(file),
    )
    return host, {CAPABILITY: True, "systemd": False}


async def until_idle(agent: Agent, server: Server) -> None:
    """Wait until nothing has been in force or asked for IDLE_S."""
    busy_s = time.monotonic()
    while time.monotonic() - max(busy_s, server.asked_s) < IDLE_S:
        await asyncio.sleep(POLL_S)
        if agent.busy:
            busy_s = time.monotonic()
