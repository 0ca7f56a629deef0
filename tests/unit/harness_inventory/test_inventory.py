"""An inventory is read as Ansible reads it, and each mistake is one line with file, host, key.

More mistakes, and how the command answers them: tests/vectors/wrong_inputs.txt.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from harness.inventory.inventory import InventoryError, load
from tests.unit.harness_inventory.hosts import written

pytestmark = pytest.mark.slow

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
    assert ssh.pin_file == ""
    assert f'IdentityFile="{key}"' in ssh.words
    assert ssh.jump is not None
    assert (ssh.jump.target, ssh.jump.user, ssh.jump.port) == ("gate", "me", 2222)
    assert f'IdentityFile="{key}"' in ssh.jump.words
    # As OpenSSH has it, the files in which a host's key is looked up are not those of its gate.
    assert ssh.jump.pin_file != ""


def test_jump_hosts_become_one_command_that_openssh_reads_alike(tmp_path: Path) -> None:
    text = one("ansible_ssh_common_args: '-J me@outer:2222,[fd00::1]'")
    ssh = load(written(tmp_path, text)).hosts[0].ssh
    assert ssh.jump is not None
    assert ssh.jump.jump is not None
    assert (ssh.jump.address, ssh.jump.jump.target, ssh.jump.jump.user) == (
        "fd00::1",
        "outer",
        "me",
    )
    assert "-J" not in ssh.words
    command = ["ssh", "-G", *ssh.words, "--", ssh.target]
    settings = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    proxy = next(row for row in settings.splitlines() if row.startswith("proxycommand "))
    before = shlex.split(proxy.replace("%%", "%"))
    assert before[-4:] == ["-W", "[%h]:%p", "--", "fd00::1"]
    assert tuple(before[-4 - len(ssh.jump.words) : -4]) == ssh.jump.words


def test_host_keys_are_pinned_in_a_file_of_the_lab_unless_the_user_names_one(
    tmp_path: Path,
) -> None:
    lab = load(written(tmp_path, one("ansible_ssh_common_args: '-J gate'")))
    ssh = lab.hosts[0].ssh
    assert ssh.jump is not None
    assert Path(ssh.pin_file).name == lab.lab_id
    assert ssh.jump.pin_file == ssh.pin_file
    assert "StrictHostKeyChecking=yes" in ssh.words
    pinning = ssh.pinning()
    assert pinning.jump is not None
    assert "StrictHostKeyChecking=accept-new" in pinning.words
    assert "StrictHostKeyChecking=accept-new" in pinning.jump.words
    text = one("ansible_ssh_common_args: '-o UserKnownHostsFile=/x/mine'")
    assert load(written(tmp_path, text)).hosts[0].ssh.pin_file == ""


def test_what_racks_need_is_read_with_its_defaults(tmp_path: Path) -> None:
    power = "slotlab_power: {off: 'outlet off 3', on: 'outlet on 3', state: 'outlet {name}'}"
    extra = "slotlab_time: manage, slotlab_tune: on, slotlab_observer: true"
    host = load(written(tmp_path, one(f"{power}, {extra}"))).hosts[0]
    assert host.power == {"off": "outlet off 3", "on": "outlet on 3", "state": "outlet {name}"}
    assert (host.time, host.tune, host.observer) == ("manage", True, True)
    plain = load(written(tmp_path, TWO)).hosts[0]
    assert (plain.power, plain.time, plain.tune, plain.observer) == ({}, "observe", False, False)


def test_a_sudo_password_is_taken_per_host_and_never_shown(tmp_path: Path) -> None:
    text = TWO.replace("192.0.2.2}", "192.0.2.2, ansible_become_password: hush}")
    lab = load(written(tmp_path, text)).with_become_password("other")
    assert [host.become_password for host in lab.hosts] == ["hush", "other"]
    assert "hush" not in repr(lab)
    sealed = TWO.replace("192.0.2.2}", "192.0.2.2, ansible_become_password: !vault x}")
    assert load(written(tmp_path, sealed)).host("b").become_password == ""


def test_data_addresses_may_be_of_ipv6(tmp_path: Path) -> None:
    text = TWO.replace("192.0.2.2}", "192.0.2.2, slotlab_address: 'fd00:0::02'}")
    both = text.replace("192.0.2.1}", "192.0.2.1, slotlab_address: 'fd00::1'}")
    lab = load(written(tmp_path, both))
    assert [host.address for host in lab.hosts] == ["fd00::2", "fd00::1"]
    with pytest.raises(InventoryError, match=r"data addresses of IPv4 and IPv6: b has fd00::2"):
        load(written(tmp_path, text))


def test_the_example_rack_is_valid() -> None:
    lab = load(Path(__file__).parents[3] / "inventory" / "rack.example.yml")
    assert len(lab.hosts) == 9
    assert [host.name for host in lab.hosts if host.observer] == ["pi9"]
    assert lab.host("pi8").address == "198.51.100.18"
    assert lab.host("pi8").ssh.address == "192.0.2.18"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ("slotlab_node_port: true", "slotlab_node_port: True is no port"),
        ("slotlab_node_port: 9001", "slotlab_probe_port equals slotlab_node_port"),
        ("slotlab_ntp: 192.0.2.9", "slotlab_ntp: write a list"),
        ("slotlab_state_dir: /", "slotlab_state_dir: '/': write an absolute path"),
        ("slotlab_state_dir: /var/../etc", "slotlab_state_dir"),
        ("slotlab_zone: 'a b'", "slotlab_zone: 'a b' is not a plain word"),
        ("slotlab_address: 'fe80::1'", "fe80::1: a link-local address is not enough"),
        ("slotlab_power: {of: x}", "slotlab_power: unknown word of; did you mean off?"),
        ("slotlab_power: {on: ''}", "slotlab_power: on: write a command line"),
        ("slotlab_time: always", "slotlab_time: 'always' is none of observe, manage"),
        ("slotlab_tune: much", "slotlab_tune: 'much' is neither on nor off"),
        ("ansible_ssh_common_args: '-o \"x'", "No closing quotation"),
        ("slotlab_zone: '{{ x }}'", "slotlab_zone: a name in its template has no value"),
        ("ansible_connection: local", "ansible_connection must be ssh"),
        ("ansible_become_method: su", "ansible_become_method must be sudo; leave it out"),
        ("ansible_become_user: pi", "ansible_become_user must be root; leave it out"),
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


def test_two_hosts_of_one_address_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="has the data address of b"):
        load(written(tmp_path, TWO.replace("192.0.2.1}", "192.0.2.2}")))


def test_an_unknown_host_is_said_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(InventoryError, match="no host c"):
        load(written(tmp_path, TWO)).host("c")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("/opt/py/bin/python3.12", "/opt/py/bin/python3.12"),
        ("''", "/usr/bin/python3"),
        ("auto_silent", "/usr/bin/python3"),
    ],
)
def test_one_interpreter_is_for_ansible_and_for_us(tmp_path: Path, value: str, path: str) -> None:
    text = one(f"ansible_python_interpreter: {value}")
    assert load(written(tmp_path, text)).hosts[0].python == path


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("python3", "'python3': write a path, as /usr/bin/python3"),
        ("'/usr/bin/env python3'", "write a path, as /usr/bin/python3"),
        ("[/usr/bin/python3]", "write a path, as /usr/bin/python3"),
        ("'{{ mine }}'", "a name in its template has no value"),
        ("/home/pi/.pyenv/bin/python", "services cannot look there; install it elsewhere, as bel"),
        ("/root/python", "services cannot look there; install it elsewhere, as below /opt"),
    ],
)
def test_an_interpreter_that_units_could_not_start_is_refused(
    tmp_path: Path, value: str, words: str
) -> None:
    text = one(f"ansible_python_interpreter: {value}")
    with pytest.raises(InventoryError, match=re.escape(words)):
        load(written(tmp_path, text))


def test_what_ansible_cannot_take_is_said_in_its_words_for_it(tmp_path: Path) -> None:
    path = tmp_path / "rack.yml"
    path.write_text("all: {children: {nodes: {hosts: {1: {ansible_host: 192.0.2.1}}}}}\n")
    with pytest.raises(InventoryError, match="Host pattern 1 must be a string"):
        load(path)
