"""`--limit` names hosts as Ansible's patterns do; what is not there is exit 2 with the nearest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign import campaign_file
from harness.deploy import keys, rollout
from harness.errors import RunError, UsageError
from harness.inventory import inventory
from harness.inventory.inventory import Inventory
from harness.inventory.limit import limited
from harness.orchestrator.fleet import Fleet
from harness.plan import lab_view, planner
from harness.remote.fan_out import HostResult

RACK = """
all:
  vars: {slotlab_lab: hardware}
  children:
    nodes:
      hosts:
        n1: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.1, slotlab_zone: east}
        n2: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.2, slotlab_zone: east}
        n3: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.3, slotlab_zone: west}
        n4: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.4, slotlab_zone: west}
        pi-five: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.5}
    boards: {hosts: {n4: , pi-five: }}
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Inventory:
    path = tmp_path_factory.mktemp("rack") / "rack.yml"
    path.write_text(RACK)
    return inventory.load(path)


def names(lab: Inventory) -> list[str]:
    return [host.name for host in lab.hosts]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", "n1 n2 n3 n4 pi-five"),
        ("n2", "n2"),
        ("n3,n1", "n1 n3"),
        ("n3:n1", "n1 n3"),
        ("n1, n2", "n1 n2"),
        ("n1,n1,east", "n1 n2"),
        ("boards", "n4 pi-five"),
        ("east", "n1 n2"),
        ("n?", "n1 n2 n3 n4"),
        ("*", "n1 n2 n3 n4 pi-five"),
        ("all,!boards", "n1 n2 n3"),
        ("!n1", "n2 n3 n4 pi-five"),
        ("boards,&west", "n4"),
        ("!east,!pi-*", "n3 n4"),
    ],
)
def test_a_pattern_names_hosts_groups_and_zones(
    lab: Inventory, pattern: str, expected: str
) -> None:
    assert names(limited(lab, pattern)) == expected.split()


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("n9", "no host, group or zone 'n9'; did you mean n4?"),
        ("n1,weast", "no host, group or zone 'weast'; did you mean west?"),
        ("zz*", "no host, group or zone 'zz*'; known are n1, "),
        ("!", "no host, group or zone ''; known are n1, "),
        ("n[", "no host, group or zone 'n['; did you mean "),
        ("n1,!east", "n1,!east leaves no host; there are n1, n2, n3, n4, pi-five"),
        ("east,&boards", "east,&boards leaves no host; there are n1, n2, n3, n4, pi-five"),
    ],
)
def test_what_is_not_there_is_said_with_the_nearest(
    lab: Inventory, pattern: str, message: str
) -> None:
    with pytest.raises(UsageError) as refused:
        limited(lab, pattern)
    assert str(refused.value).startswith(f"{lab.path}: {message}")


def test_a_limit_of_a_limit_stays_within_it_and_knows_the_whole_lab(lab: Inventory) -> None:
    two = limited(limited(lab, "n?"), "west")
    assert names(two) == ["n3", "n4"]
    assert two.lab_hosts == lab.hosts
    with pytest.raises(UsageError, match="no host, group or zone 'pi-five'"):
        limited(two, "pi-five")


def test_a_host_deployed_alone_gets_the_peers_and_keys_of_the_whole_lab(
    lab: Inventory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    pairs = keys.curve_keys(limited(lab, "n2"))
    assert set(pairs) == set(names(lab))
    alone = rollout.host_json(lab.host("n2"), "eth0", limited(lab, "n2"), pairs)
    assert alone == rollout.host_json(lab.host("n2"), "eth0", lab, pairs)


def test_a_plan_deals_the_producers_to_the_hosts_of_the_limit_alone(lab: Inventory) -> None:
    file = campaign_file.load(campaign_file.find("demo"))
    planned = planner.build(file, lab_view.of_inventory(limited(lab, "n1,n2,n3,n4")))
    dealt = [len(host.producers) for host in planned.hosts]
    assert ([host.host for host in planned.hosts], dealt) == (["n1", "n2", "n3", "n4"], [1] * 4)


class Deployed:
    """Hosts that were deployed with these peers."""

    def __init__(self, inventory: Inventory, peers: str) -> None:
        self.inventory, self.peers = inventory, peers.split()

    def run(self, hosts: None, command: str) -> dict[str, HostResult]:
        return {h.name: self._answer(h.name) for h in self.inventory.hosts}

    def _answer(self, name: str) -> HostResult:
        peers = [
            {"host": peer, "address": "192.0.2.9", "curve_public": "k"}
            for peer in self.peers
            if peer != name
        ]
        text = json.dumps(
            {
                "host": name, "address": "192.0.2.9", "interface": "eth0", "node_port": 9000,
                "probe_port": 9001, "state_dir": "/var/lib/slotlab", "peers": peers,
            }
        )  # fmt: skip
        return HostResult(host=name, stdout=text, exit_code=0)


def test_a_campaign_on_some_hosts_needs_them_deployed_with_the_whole_lab(lab: Inventory) -> None:
    some = limited(lab, "n1,n2")
    whole = Deployed(some, "n1 n2 n3 n4 pi-five")
    assert list(Fleet(whole).deployed()) == ["n1", "n2"]  # type: ignore[arg-type]
    for peers in ("n1 n2", "n1 n2 n3 n4", "n1 n2 n3 n4 pi-five n6"):
        with pytest.raises(RunError, match="n1: was deployed with other peers; run slotlab deploy"):
            Fleet(Deployed(some, peers)).deployed()  # type: ignore[arg-type]
    with pytest.raises(RunError, match="other peers"):
        Fleet(Deployed(replace(some, whole=()), "n1 n2 n3")).deployed()  # type: ignore[arg-type]
