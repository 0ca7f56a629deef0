"""Values of an inventory that are templates mean what they mean to Ansible."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from harness.inventory.inventory import Inventory, InventoryError, load

pytestmark = pytest.mark.slow

WAY = "ProxyCommand=ssh -W %h:%p {}@gate"


def loaded(folder: Path, shared: dict[str, object], **hosts: dict[str, object]) -> Inventory:
    """Return the inventory of these hosts, shared being the variables of all."""
    path = folder / "rack.yml"
    path.write_text(yaml.safe_dump({"all": {"vars": shared, "hosts": hosts}}))
    return load(path)


def test_templates_of_ssh_and_of_our_own_values_are_worked_out_for_each_host(
    tmp_path: Path,
) -> None:
    lab = loaded(
        tmp_path,
        {
            "net": "192.0.2", "who": "pi", "ports": {"ssh": 2222, "node": 9100},
            "ansible_host": "{{ net }}.{{ number }}", "ansible_user": "{{ who }}",
            "ansible_port": "{{ ports.ssh }}", "slotlab_node_port": "{{ ports.node }}",
            "slotlab_ntp": ["{{ net }}.1"], "ansible_become_password": "{{ words[number] }}",
            "words": {11: "one", 12: "two"},
            "ansible_ssh_common_args": "-o ProxyCommand='ssh -W %h:%p {{ who }}@gate'",
        },
        a={"number": 11},
        b={"number": 12, "who": "lab"},
    )  # fmt: skip
    found = [
        (host.ssh.user, host.ssh.address, host.ssh.port, host.node_port, host.ntp,
         host.become_password, host.ssh.own_words[-1])
        for host in lab.hosts
    ]  # fmt: skip
    assert found == [
        ("pi", "192.0.2.11", 2222, 9100, ("192.0.2.1",), "one", WAY.format("pi")),
        ("lab", "192.0.2.12", 2222, 9100, ("192.0.2.1",), "two", WAY.format("lab")),
    ]


def test_values_of_lookups_are_taken_whatever_is_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_WORD", 'quotes " and }\n{ braces | SUCCESS => {')
    word = "{{ lookup('env', 'LAB_WORD') }}"
    (host,) = loaded(tmp_path, {}, a={"ansible_host": "192.0.2.1", "ansible_password": word}).hosts
    assert host.ssh.password == 'quotes " and }\n{ braces | SUCCESS => {'


def test_templates_that_only_tasks_need_are_left_alone(tmp_path: Path) -> None:
    text = "{{ ansible_facts.nothing.of_the_kind }}"
    (host,) = loaded(
        tmp_path, {"motd": text, "ansible_motd": text}, a={"ansible_host": "::1"}
    ).hosts
    assert host.ssh.address == "::1"


@pytest.mark.parametrize(
    ("variable", "why"),
    [
        (
            "ansible_host",
            "Task failed: Error processing keyword 'remote_addr': 'nett' is undefined",
        ),
        ("slotlab_zone", "a name in its template has no value; set it under vars"),
    ],
)
def test_a_name_without_a_value_is_one_line_with_host_and_variable(
    tmp_path: Path, variable: str, why: str
) -> None:
    hosts = {"a": {"ansible_host": "192.0.2.1"}, "b": {variable: "{{ nett }}.2"}}
    with pytest.raises(InventoryError) as caught:
        loaded(tmp_path, {"net": "192.0.2"}, **hosts)
    assert str(caught.value) == f"{tmp_path}/rack.yml: host b: {variable}: {why}"


def test_a_template_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="host a: ansible_user: ") as caught:
        loaded(tmp_path, {}, a={"ansible_host": "192.0.2.1", "ansible_user": "{{ 1 / 0 }}"})
    assert "\n" not in str(caught.value)


def test_a_sudo_password_that_cannot_be_worked_out_may_be_asked_for(tmp_path: Path) -> None:
    word = "{{ sealed_elsewhere }}"
    (host,) = loaded(
        tmp_path, {}, a={"ansible_host": "192.0.2.1", "ansible_become_password": word}
    ).hosts
    assert host.become_password == ""
