"""One word, one thing: no key twice, no name of two meanings, no address that stays on its host."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from harness.campaign.campaign_file import parse
from harness.errors import CampaignError, LabInputError
from harness.inventory.inventory import InventoryError, load
from harness.labs import topology
from tests.unit.harness_inventory.hosts import written

pytestmark = pytest.mark.slow

HOSTS = """all:
  children:
    nodes:
      hosts:
"""


def rack(*lines: str) -> str:
    return HOSTS + "".join(f"        {line}\n" for line in lines)


def refused(path: Path) -> str:
    with pytest.raises(InventoryError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_variable_that_is_given_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    text = rack(
        "pi1:",
        "  ansible_host: 192.0.2.11",
        "  slotlab_node_port: 9100",
        "  slotlab_node_port: 9200",
    )
    path = written(tmp_path, text)
    assert refused(path) == f"{path}:8: slotlab_node_port is given twice; keep one"


@pytest.mark.parametrize(
    "name", ["group_vars/nodes.yml", "group_vars/all", "host_vars/pi1.yaml"], ids=str
)
def test_a_key_twice_in_a_variable_file_beside_the_inventory_is_refused(
    tmp_path: Path, name: str
) -> None:
    path = written(tmp_path, rack("pi1: {ansible_host: 192.0.2.11}"))
    beside = written(tmp_path, "ansible_user: pi\nansible_user: root\n", name)
    assert refused(path) == f"{beside}:2: ansible_user is given twice; keep one"


def test_a_key_twice_in_a_file_of_an_inventory_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "rack"
    inside = written(folder, rack("pi1: {}", "pi1: {}"), "nodes.yml")
    assert refused(folder) == f"{inside}:6: pi1 is given twice; keep one"


def test_a_host_in_two_groups_and_an_overridden_merge_are_no_key_twice(tmp_path: Path) -> None:
    text = """all:
  hosts:
    pi1: &pi {ansible_host: 192.0.2.11, slotlab_node_port: 9100}
  children:
    nodes:
      hosts:
        pi1:
        pi2: {<<: *pi, ansible_host: 192.0.2.12}
    left: {hosts: {pi1: }}
"""
    lab = load(written(tmp_path, text))
    assert [(host.name, host.address, host.node_port) for host in lab.hosts] == [
        ("pi1", "192.0.2.11", 9100),
        ("pi2", "192.0.2.12", 9100),
    ]


@pytest.mark.parametrize("word", ["one", "all", "minority", "majority", "f", "f+1"])
def test_a_zone_called_like_a_selector_is_refused(tmp_path: Path, word: str) -> None:
    zone = f"slotlab_zone: '{word}'"
    path = written(tmp_path, rack(f"pi1: {{ansible_host: 192.0.2.11, {zone}}}"))
    if word == "f+1":
        assert "slotlab_zone: 'f+1' is not a plain word" in refused(path)
        return
    assert refused(path) == (
        f"{path}: zone {word}: campaigns choose hosts by that word"
        " (one, all, minority, majority, f, f+1); use another name"
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (rack("majority: {ansible_host: 192.0.2.11}"), "host majority"),
        (
            rack("pi1: {ansible_host: 192.0.2.11}") + "    minority: {hosts: {pi1: }}\n",
            "group minority",
        ),
    ],
)
def test_a_host_or_group_called_like_a_selector_is_refused(
    tmp_path: Path, text: str, what: str
) -> None:
    assert f"{what}: campaigns choose hosts by that word" in refused(written(tmp_path, text))


@pytest.mark.parametrize(
    ("zones", "more", "problem"),
    [
        (("b", "pi1"), "", "zone pi1: there is a host pi1 of other hosts"),
        (("b", "left"), "    left: {hosts: {pi1: }}\n", "zone left: there is a group left of"),
        (("b", "c"), "    pi1: {hosts: {pi2: }}\n", "group pi1: there is a host pi1 of other"),
    ],
)
def test_a_name_of_two_meanings_is_refused(
    tmp_path: Path, zones: tuple[str, str], more: str, problem: str
) -> None:
    hosts = [
        f"pi{n}: {{ansible_host: 192.0.2.1{n}, slotlab_zone: {zone}}}"
        for n, zone in enumerate(zones, start=1)
    ]
    assert problem in refused(written(tmp_path, rack(*hosts) + more))


def test_a_name_of_one_meaning_may_stand_for_a_group_and_a_zone(tmp_path: Path) -> None:
    text = rack("pi1: {ansible_host: 192.0.2.11, slotlab_zone: left}")
    lab = load(written(tmp_path, text + "    left: {hosts: {pi1: }}\n"))
    assert (lab.hosts[0].zone, lab.hosts[0].groups) == ("left", ("left", "nodes"))


@pytest.mark.parametrize("address", ["127.0.1.1", "169.254.7.7", "::1", "0.0.0.0", "224.0.0.1"])
def test_a_data_address_that_the_others_cannot_reach_is_refused(
    tmp_path: Path, address: str
) -> None:
    text = rack("pi1: {ansible_host: 192.0.2.11}", f"pi2: {{ansible_host: '{address}'}}")
    path = written(tmp_path, text)
    assert refused(path) == (
        f"{path}: host pi2: its data address {address} is of no use to the other hosts;"
        " set slotlab_address to the one they reach it at"
    )


def test_of_the_addresses_of_a_name_the_first_that_others_reach_is_the_data_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lookup(*_: object, **__: object) -> list[object]:
        found = ("127.0.1.1", "fe80::1%eth0", "192.0.2.7", "192.0.2.8")
        return [(None, None, None, "", (each, 0)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    text = rack("pi1: {ansible_host: rack-of-ours}", "pi2: {ansible_host: 192.0.2.12}")
    assert load(written(tmp_path, text)).hosts[0].address == "192.0.2.7"


def test_campaigns_and_topologies_refuse_a_key_twice_by_the_same_rule(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"c\.yml: line 3: seed is given twice; keep one"):
        parse("title: a\nseed: 1\nseed: 2\n", Path("c.yml"))
    path = written(tmp_path, "hosts: 1\nhosts: 2\n", "topology.yml")
    with pytest.raises(LabInputError, match=re.escape(f"{path}:2: hosts is given twice")):
        topology.load(path)
