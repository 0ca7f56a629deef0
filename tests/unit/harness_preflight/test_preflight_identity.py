"""Hosts that are not machines of their own, or not of one network, are named together."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from harness.preflight.check import fit_for_traffic
from harness.preflight.in_common import identity_rows as rows
from tests.unit.harness_inventory.hosts import plain

GOOD: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "hosts" / "pi4.json").read_text()
)["found"]


THREE = tuple(plain(name, f"192.0.2.{n}") for n, name in enumerate("abc", 1))


def lab(**changes: dict[str, Any]) -> dict[str, Any]:
    """Return what three machines of their own say, but for the changes by host."""
    found = {}
    for n, name in enumerate("abc", 1):
        facts = copy.deepcopy(GOOD)
        text = facts["cards"].replace("192.0.2.1", f"192.0.2.{n}")
        facts["cards"] = text.replace("02:00:00:00:00:01", f"02:00:00:00:00:0{n}")
        facts["identity"] = {what: f"{what} of {name}" for what in facts["identity"]}
        change = changes.get(name, {})
        facts["identity"] |= change.get("identity", {})
        for old, new in change.get("cards", {}).items():
            facts["cards"] = facts["cards"].replace(old, new)
        found[name] = facts
    return found


def said(found: dict[str, Any], kind: str = "hardware") -> list[str]:
    return [f"{row.verdict} {row}" for row in rows(THREE, found, kind)]


def test_three_machines_of_their_own_are_one_good_row() -> None:
    assert said(lab()) == ["ok (lab): identity: each host is a machine of its own"]


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("machine-id", "warn (lab): machine-id: a and c have one machine-id (a copied card?)"),
        ("SSH host key", "warn (lab): SSH host key: a and c have one SSH host key (a copied card"),
        ("host name", "warn (lab): host name: a and c have one host name"),
        ("boot", "fail (lab): boot: a and c are one machine (one boot); correct ansible_host"),
    ],
)
def test_copied_cards_and_one_machine_of_two_names_are_seen(what: str, words: str) -> None:
    found = lab(c={"identity": {what: f"{what} of a"}})
    (line,) = said(found)
    assert line.startswith(words)


def test_containers_share_their_machines_boot_and_what_is_not_known_is_no_likeness() -> None:
    same = lab(**{name: {"identity": {"boot": "x", "machine-id": ""}} for name in "abc"})
    assert said(same, "container") == said(lab())


def test_an_address_that_two_hosts_hold_is_seen_wherever_the_second_has_it() -> None:
    found = lab(b={"cards": {"127.0.0.1": "192.0.2.3"}})
    assert said(found) == [
        "fail (lab): data address: b has 192.0.2.3 of c, too (on lo);"
        " give each host its own address"
    ]


def test_an_address_that_another_host_has_is_seen_as_mixed_up() -> None:
    found = lab(
        b={"cards": {"192.0.2.2": "192.0.2.3"}}, c={"cards": {"192.0.2.3": "192.0.2.2"}}
    )  # fmt: skip
    mixed = "are ansible_host or slotlab_address of the two mixed up?"
    assert said(found) == [
        f"fail (lab): data address: not b has 192.0.2.2, but c; {mixed}",
        f"fail (lab): data address: not c has 192.0.2.3, but b; {mixed}",
    ]


def test_one_hardware_address_and_two_sizes_of_packets_are_seen() -> None:
    found = lab(
        b={"cards": {"02:00:00:00:00:02": "02:00:00:00:00:01"}},
        c={"cards": {'"mtu": 1500': '"mtu": 9000'}},
    )
    assert said(found) == [
        "fail (lab): hardware address: a and b have one hardware address, 02:00:00:00:00:01;"
        " ip link set CARD address NEW on one",
        "warn (lab): MTU: the data cards differ: 1500 on a, 1500 on b, 9000 on c;"
        " ip link set CARD mtu N: one size on all hosts and switches between them",
    ]


def test_a_host_whose_cards_are_not_known_is_like_nobody() -> None:
    found = lab()
    found["a"]["cards"] = found["b"]["cards"] = "no JSON"
    assert said(found) == said(lab())


def test_a_host_without_its_data_address_is_left_out_of_what_is_sent_between_pairs() -> None:
    found = lab(b={"cards": {"192.0.2.2": "192.0.2.9"}})
    del found["c"]
    assert [host.name for host in fit_for_traffic(THREE, found)] == ["a"]
