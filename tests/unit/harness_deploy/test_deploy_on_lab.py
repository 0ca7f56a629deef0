"""On a real container lab: deploy twice, the agent after a reboot, wipe twice, nothing left.

1. The first deploy changes every host, the second none.
2. The SSH user reaches the agent without sudo.
3. After a power cut the agent is back by itself.
4. Wipe leaves no file, user or unit; a second wipe changes nothing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator

import pytest

from harness import deploy
from harness.inventory import Inventory, load
from harness.labs import container
from harness.remote import Remote

LEFT = (
    "ls -d /opt/slotlab /etc/slotlab /var/lib/slotlab /run/slotlab /etc/*.d/slotlab.conf"
    " /etc/systemd/system/slotlab-agent.service 2>/dev/null;"
    " getent passwd slotlab; getent group slotlab; true"
)

pytestmark = [
    pytest.mark.lab,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: containers and namespaces"),
    pytest.mark.skipif(
        shutil.which("systemd-nspawn") is None, reason="needs systemd-nspawn (systemd-container)"
    ),
]


@pytest.fixture
def lab() -> Iterator[tuple[str, Inventory]]:
    name = f"t{secrets.token_hex(4)}"
    try:
        made = container.up(container.LabSpec(name=name, hosts=2), print)
        yield name, load(made.inventory)
    finally:
        container.down(name, print)


def states(result: deploy.DeployResult) -> dict[str, str]:
    return {outcome.host: outcome.state for outcome in result.outcomes}


def wait_for_agents(inventory: Inventory) -> None:
    """Return once every agent answers; a login is made anew each time."""
    deadline = time.monotonic() + 30
    while True:
        with Remote(inventory) as remote:
            replies = remote.ctl_all("hello")
        if all(reply.ok is not None for reply in replies.values()):
            return
        assert time.monotonic() < deadline, {r.host: r.problem for r in replies.values()}


def test_deploying_and_wiping_twice_changes_nothing_the_second_time(
    lab: tuple[str, Inventory],
) -> None:
    name, inventory = lab
    assert states(deploy.deploy(inventory, print)) == {"n1": "changed", "n2": "changed"}
    assert states(deploy.deploy(inventory, print)) == {"n1": "unchanged", "n2": "unchanged"}
    with Remote(inventory) as remote:
        assert not remote.run(None, "systemctl is-enabled slotlab-agent slotlab-heal").failed
        secret = remote.run(None, "cat /etc/slotlab/curve.secret")
        assert {result.exit_code for result in secret.values()} == {1}
    container.reboot(name, "n1")
    wait_for_agents(inventory)
    wiped = deploy.wipe(inventory, print)
    assert states(wiped) == {"n1": "changed", "n2": "changed"}
    assert "removed user slotlab" in wiped.outcomes[0].lines
    assert states(deploy.wipe(inventory, print)) == {"n1": "unchanged", "n2": "unchanged"}
    with Remote(inventory) as remote:
        left = remote.run(None, LEFT)
    assert {result.stdout for result in left.values()} == {""}
