"""An inventory is read as Ansible reads it, and each mistake is one line with file, host, key."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.inventory import InventoryError, load

TWO = """
all:
  children:
    nodes:
      hosts:
        b: {ansible_host: 192.0.2.2}
        a: {ansible_host: 192.0.2.1}
    ntp_servers:
      hosts:
        ntp: {ansible_host: 192.0.2.9}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "lab.yml"
    path.write_text(text)
    return path


def one(variables: str) -> str:
    return f"all: {{hosts: {{a: {{ansible_host: 192.0.2.1, {variables}}}}}}}"


def test_only_the_group_nodes_counts_and_its_order_stays(tmp_path: Path) -> None:
    lab = load(written(tmp_path, TWO))
    assert [host.name for host in lab.hosts] == ["b", "a"]


def test_what_is_left_out_has_the_documented_default(tmp_path: Path) -> None:
    lab = load(written(tmp_path, TWO))
    host = lab.host("a")
    assert (lab.lab, lab.netns) == ("hardware", None)
    assert (host.address, host.interface, host.ntp) == ("192.0.2.1", "", ())
    assert (host.node_port, host.probe_port) == (9000, 9001)
    assert host.state_dir == "/var/lib/slotlab"


def test_group_vars_beside_the_inventory_are_honoured(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "nodes.yml").write_text(
        "slotlab_node_port: 9100\nansible_user: pi\n"
    )
    host = load(written(tmp_path, TWO)).host("a")
    assert (host.node_port, host.ssh.user) == (9100, "pi")


def test_ssh_options_are_those_openssh_would_use(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("")
    arguments = "-o UserKnownHostsFile=/x/known -o StrictHostKeyChecking=yes -J me@gate:2222"
    text = one(f"ansible_port: 2200, ansible_ssh_private_key_file: {key}, "
               f"ansible_ssh_common_args: '{arguments}'")  # fmt: skip
    ssh = load(written(tmp_path, text)).hosts[0].ssh
    assert (ssh.address, ssh.port, ssh.host_key_policy) == ("192.0.2.1", 2200, "yes")
    assert ssh.key_files == (str(key),)
    assert ssh.known_hosts_files[0] == "/x/known"
    assert ssh.proxy_command == "ssh -W '[%h]:%p' ssh://me@gate:2222"


def test_the_example_rack_is_valid() -> None:
    lab = load(Path(__file__).parents[3] / "inventory" / "rack.example.yml")
    assert len(lab.hosts) == 8
    assert lab.host("pi8").address == "198.51.100.18"
    assert lab.host("pi8").ssh.address == "192.0.2.18"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        (
            "slotlab_adress: 192.0.2.5",
            "unknown variable slotlab_adress; did you mean slotlab_address",
        ),
        ("slotlab_address: pi", "slotlab_address: 'pi': write an IP address"),
        ("slotlab_node_port: 80", "slotlab_node_port: 80 is no port; write 1024 to 65535"),
        ("slotlab_node_port: true", "slotlab_node_port: True is no port"),
        ("slotlab_node_port: 9001", "slotlab_probe_port equals slotlab_node_port"),
        ("slotlab_ntp: 192.0.2.9", "slotlab_ntp: write a list"),
        ("slotlab_state_dir: /", "slotlab_state_dir: '/': write an absolute path"),
        ("slotlab_state_dir: /var/../etc", "slotlab_state_dir"),
        ("slotlab_zone: 'a b'", "slotlab_zone: 'a b' is not a plain word"),
        ("slotlab_lab: cloud", "slotlab_lab: 'cloud' is none of hardware, vm, container"),
        ("slotlab_zone: '{{ x }}'", "slotlab_zone: templates are not read here"),
        ("ansible_connection: local", "ansible_connection must be ssh"),
        ("ansible_ssh_common_args: '-o Nonsense=1'", "ansible_ssh_common_args"),
    ],
)
def test_a_wrong_variable_is_one_line_with_file_key_and_remedy(
    tmp_path: Path, variables: str, words: str
) -> None:
    path = written(tmp_path, one(variables))
    with pytest.raises(InventoryError) as caught:
        load(path)
    message = str(caught.value)
    assert words in message
    assert message.startswith(f"{path}: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("all: [", "not YAML"),
        ("", "not an inventory"),
        ("all: {children: {nodes: {hosts: {}}}}", "has no hosts"),
        (TWO.replace("192.0.2.1}", "192.0.2.2}"), "has the data address of b"),
    ],
)
def test_a_broken_inventory_is_one_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InventoryError, match=words) as caught:
        load(written(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_missing_inventory_and_an_unknown_host_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match=r"name an inventory with -i"):
        load(tmp_path / "none.yml")
    with pytest.raises(InventoryError, match="no host c"):
        load(written(tmp_path, TWO)).host("c")
