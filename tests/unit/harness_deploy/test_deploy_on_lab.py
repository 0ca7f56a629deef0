"""On a real container lab of eight: deploy and its promises, tuning and its undo, wipe.

In this order on one lab: the first deploy changes every host, the second none; a dead host is named
while the others finish; the agent is back after a
reboot; what is tuned is shown before, done, and undone; wipe leaves every file as it was before.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.deploy import rollout
from harness.deploy.playbook import PlayOptions
from harness.inventory.inventory import Inventory, load
from harness.labs.lifecycle import container_lab, power
from harness.orchestrator import calibrate
from harness.preflight import check
from harness.preflight.rows import failed
from harness.remote.fan_out import Remote, refuse_failed
from harness.testbed import healing, lab_teardown
from tests import plugs
from tests.waiting import wait_until

HOSTS = 8
FILES = (
    "sudo find /etc /opt /run /usr/lib/systemd /var/lib -xdev"
    " -not -path '/run/systemd/*' -not -path '/run/log/*' -not -path '/run/user/*'"
    " -not -path '/var/lib/systemd/*' -not -path '/run/utmp' -not -path '/run/sudo*'"
    " -not -path '/etc/*-' -not -path '/etc/.pwd.lock' -not -path '/var/lib/sudo/*' | sort;"
    " getent passwd; getent group; sudo nft list ruleset; ls /etc/systemd/system/*.wants;"
    " systemctl list-units --all --no-legend --plain 'slotlab-*' | grep -v lab-ntp; true"
)

pytestmark = [
    pytest.mark.lab,
    pytest.mark.long,
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root: containers and namespaces"),
    pytest.mark.skipif(
        shutil.which("systemd-nspawn") is None, reason="needs systemd-nspawn (systemd-container)"
    ),
]


@pytest.fixture(scope="module")
def lab() -> Iterator[tuple[str, Inventory]]:
    name = f"t{secrets.token_hex(4)}"
    try:
        made = container_lab.up(name, HOSTS, print)
        yield name, load(made.inventory)
    finally:
        lab_teardown.take_down(name, print)


@pytest.fixture(scope="module")
def before(lab: tuple[str, Inventory]) -> dict[str, str]:
    return files(lab[1])


def files(inventory: Inventory) -> dict[str, str]:
    """Return what deploy could leave behind on each host."""
    with Remote(inventory) as remote:
        return {result.host: result.stdout for result in remote.run(None, FILES).values()}


def states(result: rollout.DeployResult) -> set[str]:
    return {outcome.state for outcome in result.outcomes}


def only(inventory: Inventory, *names: str) -> Inventory:
    """Return the same lab with only the named hosts to deploy to."""
    return replace(inventory, hosts=tuple(h for h in inventory.hosts if h.name in names))


def wait_for_agents(inventory: Inventory) -> None:
    """Wait until every agent answers; a login is made anew each time."""

    def answer() -> bool:
        with Remote(inventory) as remote:
            return all(reply.ok is not None for reply in remote.ctl_all("hello").values())

    wait_until(answer, "an answer of every agent")


def test_a_deploy_changes_eight_hosts_and_a_second_one_nothing(
    lab: tuple[str, Inventory], before: dict[str, str]
) -> None:
    _, inventory = lab
    first = rollout.deploy(inventory, print)
    assert states(first) == {"changed"}
    second = rollout.deploy(inventory, print)
    assert states(second) == {"unchanged"}
    with Remote(inventory) as remote:
        enabled = remote.run(None, "systemctl is-enabled slotlab-agent slotlab-heal")
        refuse_failed("enabled", enabled)
        secret = remote.run(None, "cat /etc/slotlab/curve.secret")
        assert {result.exit_code for result in secret.values()} == {1}


def test_check_is_green_and_a_delay_is_measured_as_asked(lab: tuple[str, Inventory]) -> None:
    options = check.CheckOptions(loss_s=2)
    rows = check.check(lab[1], options)
    assert [str(row) for row in failed(rows)] == []
    assert any(row.check == "baseline loss" and row.verdict == "ok" for row in rows)
    measured = calibrate.calibrate(only(lab[1], *(host.name for host in lab[1].hosts)), print)
    assert [str(row) for row in measured if row.verdict != "ok"] == []
    assert len(measured) == HOSTS * (HOSTS - 1) // 2 + 1


def test_a_data_path_that_is_not_there_is_seen_by_check_and_by_deploy(
    lab: tuple[str, Inventory],
) -> None:
    one, two, three = lab[1].hosts[:3]
    wrong = (
        replace(one, interface="eth7"),
        replace(two, address=three.address),
        replace(three, address=two.address, interface="lo"),
    )
    inventory = replace(lab[1], hosts=wrong)
    found = failed(check.check(inventory))
    details = {f"{row.host} {row.check}": row.detail for row in found}
    assert details == {
        "n1 NIC": "no interface eth7; it has lo, eth0",
        "n2 NIC": f"no interface holds {three.address}",
        "n3 NIC": f"no interface holds {two.address}",
        "(lab) data address": f"not n3 has {two.address}, but n2",
    }
    assert {
        name: why.partition(";")[0] for name, why in rollout.deploy(inventory, print).failed.items()
    } == {
        "n1": "no interface eth7",
        "n2": f"no interface holds {three.address}",
        "n3": f"no interface holds {two.address}",
    }


def test_a_dead_host_is_named_while_the_others_finish(lab: tuple[str, Inventory]) -> None:
    name, inventory = lab
    power.run(name, "n8", "link-down")
    try:
        result = rollout.deploy(inventory, print)
    finally:
        power.run(name, "n8", "link-up")
    assert list(result.failed) == ["n8"]
    assert result.failed["n8"].startswith(("unreachable", "timeout"))
    assert [o.state for o in result.outcomes[:-1]] == ["unchanged"] * (HOSTS - 1)
    wait_for_agents(inventory)


def test_another_interpreter_is_that_of_the_units_and_one_that_is_not_there_is_named(
    lab: tuple[str, Inventory],
) -> None:
    inventory = only(lab[1], "n1")
    runs = "readlink /proc/$(systemctl show -P MainPID slotlab-agent)/exe; readlink -f {}"
    with Remote(inventory) as remote:
        python = remote.run(["n1"], f"readlink -f {inventory.hosts[0].python}")["n1"].stdout.strip()
        other = replace(inventory, hosts=(replace(inventory.hosts[0], python=python),))
        assert f"python3 is {python}" in rollout.deploy(other, print).outcomes[0].lines
        said = remote.run(["n1"], f"sudo sh -c '{runs.format(python)}'")["n1"].stdout.split()
        assert said == [python, python]
        assert states(rollout.deploy(inventory, print)) == {"changed"}
    gone_python = replace(inventory, hosts=(replace(inventory.hosts[0], python="/opt/no/python"),))
    rows = failed(check.check(gone_python))
    remedy = "correct ansible_python_interpreter or leave it out (/usr/bin/python3)"
    assert [str(row) for row in rows] == [f"n1: python: no /opt/no/python; {remedy}"]
    assert rollout.deploy(gone_python, print).failed == {"n1": f"no /opt/no/python; {remedy}"}


def test_tuning_is_shown_before_done_and_undone(lab: tuple[str, Inventory]) -> None:
    _, inventory = lab
    tuned = replace(
        inventory, hosts=tuple(replace(h, tune=h.name == "n1") for h in inventory.hosts)
    )
    active = "systemctl is-active slotlab-tune; cat /etc/systemd/journald.conf.d/slotlab.conf"

    shown = rollout.deploy(tuned, print, options=PlayOptions(diff=True))
    assert [o.state for o in shown.outcomes] == ["changed"] + ["unchanged"] * (HOSTS - 1)
    assert "+Storage=volatile" in shown.outcomes[0].diff
    with Remote(inventory) as remote:
        assert remote.run(["n1"], active)["n1"].exit_code == 1
        assert "tuned until wipe" in rollout.deploy(tuned, print).outcomes[0].lines
        assert states(rollout.deploy(tuned, print)) == {"unchanged"}
        assert remote.run(["n1"], active)["n1"].exit_code == 0
        assert "tuning: back to what it was" in rollout.deploy(inventory, print).outcomes[0].lines
        assert remote.run(["n1"], active)["n1"].exit_code == 1
    rollout.deploy(tuned, print)


def test_the_boot_unit_heals_before_the_agent_and_wipe_leaves_no_trace(
    lab: tuple[str, Inventory], before: dict[str, str]
) -> None:
    name, inventory = lab
    plugs.reboot(name, "n1")
    wait_for_agents(inventory)
    when = "systemctl show -P ExecMainExitTimestampMonotonic slotlab-heal;"
    when += "systemctl show -P ExecMainStartTimestampMonotonic slotlab-agent"
    with Remote(inventory) as remote:
        healed, started = map(int, remote.run(["n1"], when)["n1"].stdout.split())
    assert 0 < healed <= started
    wiped = rollout.wipe(inventory, print)
    assert states(wiped) == {"changed"}
    with Remote(inventory) as remote:
        line = "nothing to heal: slotlab is not on this host; slotlab deploy"
        assert healing.heal(remote) == {host.name: (True, line) for host in inventory.hosts}
    assert "removed user slotlab" in wiped.outcomes[0].lines
    assert "tuning: back to what it was" in wiped.outcomes[0].lines
    assert states(rollout.wipe(inventory, print)) == {"unchanged"}
    after = files(inventory)
    for host, text in before.items():
        assert set(after[host].splitlines()) ^ set(text.splitlines()) == set(), host
