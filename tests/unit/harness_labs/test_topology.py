"""A topology file is checked in one line a mistake, and becomes exactly the lab it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import LabInputError
from harness.labs.topology import load

RACK = Path(__file__).parents[3] / "inventory" / "topologies" / "rack.yml"


def test_the_rack_that_ships_has_all_that_makes_racks_hard() -> None:
    lab = load(RACK)
    by_name = {host.name: host for host in lab.hosts}
    assert [host.name for host in lab.hosts if host.role == "node"] == ["n1", "n2", "n3", "n4"]
    assert [card.network for card in lab.controller] == ["office"]
    for name in ("n1", "n2", "n3", "n4"):
        host = by_name[name]
        assert host.jump == "gate"
        assert [card.network for card in host.nics] == ["management", "data"]
        assert host.data_nic == 1
        assert ":" in host.nics[1].addresses[0]
        assert host.ntp == ("10.77.2.5",)
    assert by_name["gate"].serves_ntp_to == ("10.77.2.0/24",)
    assert by_name["n1"].nics[1].addresses == ("fd77:77::b/64",)
    assert by_name["n2"].sudo_password
    assert by_name["n2"].time_zone != "Etc/UTC"
    assert by_name["n3"].disks[0].iops > 0
    assert "redirect" in by_name["n3"].files["/etc/site.nft"][1]
    assert "qdisc" in by_name["n4"].boot_commands[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("slotlab.topology/v1", "slotlab.topology/v9", r"Invalid enum value 'slotlab.topology/v9'"),
        ("jump: gate", "jump: gat", r"hosts.n1.jump: gat is no host with role jump"),
        ("10.77.1.0/24", "10.77.1.7/24", r"networks.office: 10.77.1.7/24 has host bits set"),
        ("[management, data]", "[managment, data]", r"hosts.n1.networks: no network managment"),
        ("number: 12", "number: 11", r"hosts: number 11 is of two hosts"),
        ("number: 12", "number: 1", r"hosts: number 1 is of the controller"),
        ("number: 12", "number: 400", r"number 400 is not in 10.77.2.0/24"),
        ("ntp: [gate]", "ntp: [n3]", r"hosts.n1.ntp: n3 serves no time"),
        ("to: management", "to: data", r"hosts.gate.serves_ntp_to: data"),
        ("controller: [office]", "controller: [data]", r"hosts.gate: the controller cannot reach"),
        ("time_zone:", "timezone:", r"unknown field `timezone`"),
        ("schema:", "\t", r"rack.yml:\d+: not YAML"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "rack.yml"
    path.write_text(RACK.read_text().replace(old, new, 1))
    with pytest.raises(LabInputError, match=words) as caught:
        load(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(LabInputError, match=r"No such file or directory; name a file"):
        load(tmp_path / "none.yml")
