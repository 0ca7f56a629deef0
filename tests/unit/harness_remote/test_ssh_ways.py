"""Fabric and Ansible go one way: OpenSSH, by the words that the inventory's variables make."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.deploy.playbook import PlaybookError, PlayOptions, play
from harness.inventory.inventory import InventoryError, load
from harness.inventory.ssh_options import SshOptions
from harness.remote.connection import connect
from harness.remote.ssh_failure import RemoteFailure

pytestmark = pytest.mark.slow


def ssh_of(folder: Path, variables: str) -> SshOptions:
    """Return how the only host of an inventory is reached."""
    path = folder / "rack.yml"
    path.write_text(f"all: {{hosts: {{pi1: {{ansible_host: 127.0.0.1, {variables}}}}}}}")
    return load(path).hosts[0].ssh


def identities(words: tuple[str, ...], target: str, cwd: Path) -> list[str]:
    """Return the key files that OpenSSH means by the words, run in another folder."""
    done = subprocess.run(
        ["ssh", "-G", *words, "--", target], capture_output=True, text=True, check=True, cwd=cwd
    )
    lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
    return [value for key, value in lines if key == "identityfile"]


@pytest.mark.parametrize("port", [22, 2222])
def test_a_proxy_command_is_given_the_same_host_port_and_user_by_both_ways(
    tmp_path: Path, port: int
) -> None:
    log = tmp_path / "log"
    command = f"sh -c ''echo %h %p %r %n %% >> {log}; exit 1''"
    options = ssh_of(
        tmp_path,
        f"ansible_port: {port}, ansible_user: pi,"
        f" ansible_ssh_common_args: '-o ProxyCommand=\"{command}\"'",
    )
    with pytest.raises(RemoteFailure):
        connect(options)
    subprocess.run(
        ["ssh", "-o", "BatchMode=yes", *options.words, "--", options.target, "true"],
        capture_output=True, check=False,
    )  # fmt: skip
    assert log.read_text().splitlines() == [f"127.0.0.1 {port} pi 127.0.0.1 %"] * 2


def test_what_a_proxy_command_says_last_is_why_the_host_is_not_reached(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.write_text("#!/bin/sh\necho the gate is shut >&2\n")
    gate.chmod(0o755)
    options = ssh_of(tmp_path, f"ansible_ssh_common_args: '-o ProxyCommand={gate}'")
    with pytest.raises(RemoteFailure) as caught:
        connect(options)
    assert (caught.value.reason, caught.value.detail) == (
        "unreachable",
        "ProxyCommand: the gate is shut",
    )


@pytest.mark.parametrize("name", ["my keys/lab", "keys/lab", "it's/lab"])
@pytest.mark.parametrize("absolute", [True, False])
def test_a_key_of_the_inventory_is_the_same_file_on_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, *, absolute: bool
) -> None:
    key = tmp_path / name
    key.parent.mkdir()
    key.write_text("a key")
    monkeypatch.chdir(tmp_path)
    written = str(key) if absolute else name
    options = ssh_of(tmp_path, f'ansible_ssh_private_key_file: "{written}"')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert identities(options.words, options.target, elsewhere) == [str(key)]


def test_a_configuration_named_from_where_one_stands_holds_for_both_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ssh.cfg").write_text("Host *\n  User somebody\n  Port 2201\n")
    monkeypatch.chdir(tmp_path)
    options = ssh_of(tmp_path, "ansible_ssh_common_args: '-F ssh.cfg'")
    assert (options.user, options.port) == ("somebody", 2201)
    assert options.words[options.words.index("-F") + 1] == os.fspath(tmp_path / "ssh.cfg")


def test_no_configuration_at_all_is_a_word_of_openssh_and_no_file(tmp_path: Path) -> None:
    options = ssh_of(tmp_path, "ansible_ssh_common_args: '-F none -J gate'")
    assert options.words[options.words.index("-F") + 1] == "none"


BIN_SSH = """#!/bin/sh
case " $* " in *" -G "*|*" -O "*|*" -V "*) exec /usr/bin/ssh "$@" ;; esac
for word in "$@"; do echo "$word" >> {log}; done
exit 255
"""


def test_ansible_gives_openssh_our_words_before_its_own_and_no_other_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, log = tmp_path / "bin" / "ssh", tmp_path / "log"
    program.parent.mkdir()
    program.write_text(BIN_SSH.format(log=log))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ssh.cfg").write_text("Host *\n User pi\n")
    options = ssh_of(
        tmp_path,
        "ansible_ssh_private_key_file: keys/lab, ansible_ssh_common_args: '-F ssh.cfg -J gate',"
        " ansible_password: secret, ansible_ssh_extra_args: '-o Compression=yes'",
    )
    with contextlib.suppress(PlaybookError):
        play(
            load(tmp_path / "rack.yml"), "wipe", {"pi1": {"state_dir": "/var/lib/slotlab"}},
            options=PlayOptions(), progress=lambda _: None, ways={},
        )  # fmt: skip
    words = log.read_text().splitlines()
    ours = ["-o", "ControlMaster=no", *options.words]
    assert words[: len(ours)] == ours
    keys = [word for word in words if word.startswith("IdentityFile")]
    assert set(keys) == {f'IdentityFile="{tmp_path}/keys/lab"'}
    assert "secret" not in log.read_text()


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file that Ansible takes its configuration from."""
    file = tmp_path / "etc" / "ansible.cfg"
    file.parent.mkdir()
    monkeypatch.setenv("ANSIBLE_CONFIG", str(file))
    return file


def test_what_ansible_is_configured_to_log_in_as_holds_for_both_ways(
    tmp_path: Path, configuration: Path
) -> None:
    key = configuration.parent / "keys" / "lab"
    key.parent.mkdir()
    key.write_text("a key")
    configuration.write_text(
        "[defaults]\nremote_user = pi\nremote_port = 2222\nprivate_key_file = keys/lab\n"
        "host_key_checking = False\n[ssh_connection]\nssh_common_args = -o ProxyJump=gate\n"
        "ssh_args = -o ConnectTimeout=3\n"
    )
    options = ssh_of(tmp_path, "slotlab_zone: a")
    assert (options.user, options.port, options.connect_timeout_s) == ("pi", 2222, 3)
    assert options.host_key_policy == "no"
    assert identities(options.words, options.target, tmp_path) == [str(key)]
    assert options.jump is not None
    assert options.jump.target == "gate"


def test_a_hosts_own_variables_go_before_ansibles_configuration(
    tmp_path: Path, configuration: Path
) -> None:
    configuration.write_text("[defaults]\nremote_user = pi\nremote_port = 2222\n")
    options = ssh_of(tmp_path, "ansible_user: lab, ansible_ssh_common_args: '-o Port=1'")
    assert (options.user, options.port) == ("lab", 2222)


@pytest.mark.parametrize(
    ("variables", "policy"),
    [
        ("slotlab_zone: a", "ask"),
        ("ansible_host_key_checking: true", "ask"),
        ("ansible_host_key_checking: false", "no"),
        ("ansible_ssh_host_key_checking: 'no'", "no"),
        (
            "ansible_host_key_checking: false, ansible_ssh_args: '-o StrictHostKeyChecking=yes'",
            "yes",
        ),
        ("ansible_host_key_checking: false, ansible_ssh_args: '-o User=pi'", "no"),
        (
            "ansible_host_key_checking: 0, ansible_ssh_common_args: '-o StrictHostKeyChecking=yes'",
            "no",
        ),
    ],
)
def test_ansibles_switch_for_host_keys_holds_for_both_ways(
    tmp_path: Path, variables: str, policy: str
) -> None:
    assert ssh_of(tmp_path, variables).host_key_policy == policy


def test_ansibles_configuration_may_switch_host_keys_off_for_all_but_one(
    tmp_path: Path, configuration: Path
) -> None:
    configuration.write_text("[defaults]\nhost_key_checking = False\n")
    assert ssh_of(tmp_path, "slotlab_zone: a").host_key_policy == "no"
    assert ssh_of(tmp_path, "ansible_host_key_checking: true").host_key_policy == "ask"


def test_a_configuration_that_ansible_refuses_is_one_line(
    tmp_path: Path, configuration: Path
) -> None:
    configuration.write_text("[defaults\nremote_user = pi\n")
    with pytest.raises(InventoryError) as caught:
        ssh_of(tmp_path, "slotlab_zone: a")
    assert "\n" not in str(caught.value)


def sealed(folder: Path, text: str, password: str) -> str:
    """Return text sealed by ansible-vault, as YAML of a block."""
    file = folder / "password"
    file.write_text(password + "\n")
    program = Path(sys.executable).with_name("ansible-vault")
    done = subprocess.run(
        [program, "encrypt_string", "--vault-password-file", file, "--stdin-name", "x"],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.strip() for line in done.stdout.splitlines() if line.startswith(" ")]
    return "!vault |\n" + "".join(f"        {line}\n" for line in lines)


def test_a_sealed_login_is_opened_for_both_ways_and_never_used_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (
        "all:\n  hosts:\n    pi1:\n      ansible_host: 192.0.2.1\n"
        f"      ansible_user: {sealed(tmp_path, 'pi', 'open')}"
        f"      ansible_password: {sealed(tmp_path, 'a secret', 'open')}"
    )
    path = tmp_path / "rack.yml"
    path.write_text(text)
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(tmp_path / "password"))
    ssh = load(path).hosts[0].ssh
    assert (ssh.user, ssh.password) == ("pi", "a secret")
    (tmp_path / "password").write_text("wrong\n")
    with pytest.raises(InventoryError) as caught:
        load(path)
    assert str(caught.value) == (
        f"{path}: host pi1: ansible_password: the sealed value cannot be opened;"
        " name its password's file in ANSIBLE_VAULT_PASSWORD_FILE"
    )


def test_ansibles_word_for_how_long_to_try_holds(tmp_path: Path) -> None:
    assert ssh_of(tmp_path, "ansible_ssh_timeout: 21").connect_timeout_s == 21
