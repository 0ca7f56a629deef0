"""OpenSSH logs in, whatever its configuration asks for, once for all who go to a host."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.remote.connection import execute
from harness.remote.ssh_failure import RemoteFailure
from tests.unit.harness_remote.ssh_login import (  # fmt: skip
    HOST,
    connected,
    pinned,
    reached,
    refused,
    says,
)
from tests.unit.harness_remote.ssh_server import PLAIN, Box, serving, standing
from tests.waiting import wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Return a key in a folder with a space in its name."""
    file = tmp_path / "my keys" / HOST
    file.parent.mkdir()
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(file)]
    subprocess.run(command, check=True)
    return file


def public(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text().split()[1]


@contextmanager
def agent_with(key: Path, socket_path: Path) -> Iterator[None]:
    """Hold a key in an ssh-agent of our own."""
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", str(socket_path)], stdout=subprocess.DEVNULL)
    try:
        wait_until(socket_path.exists)
        own = os.environ | {"SSH_AUTH_SOCK": str(socket_path)}
        subprocess.run(["ssh-add", "-q", str(key)], env=own, check=True)
        yield
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.parametrize("name", ["{key}", "{folder}/%h", "{folder}/{target}"])
def test_a_key_is_found_through_spaces_and_tokens(tmp_path: Path, key: Path, name: str) -> None:
    with standing(Box(believes=(public(key),))) as box:
        text = name.format(key=key, folder=key.parent, target="%n")
        config = f'{pinned(tmp_path, box)} IdentityFile "{text}"\n'
        options = reached(tmp_path, f"ansible_user: pi, ansible_port: {box.port}", config)
        assert says(options) == "hello\n"
    assert box.logins == ["pi"]


def test_an_agent_that_only_ssh_config_names_holds_the_key(tmp_path: Path, key: Path) -> None:
    agent = tmp_path / "agent"
    with agent_with(key, agent), standing(Box(believes=(public(key),))) as box:
        key.unlink()
        config = f"Host {HOST}\n IdentityAgent {agent}\n{pinned(tmp_path, box)}"
        options = reached(tmp_path, f"ansible_user: pi, ansible_port: {box.port}", config)
        assert says(options) == "hello\n"


def test_a_host_key_is_looked_up_by_its_alias(tmp_path: Path) -> None:
    with standing(Box()) as box:
        config = pinned(tmp_path, box)
        (tmp_path / "known").write_text(f"rack-7 {box.host_key}\n")
        variables = f"ansible_user: pi, ansible_port: {box.port}, ansible_password: x"
        assert refused(reached(tmp_path, variables, config)).reason == "host_key"
        config += " HostKeyAlias rack-7\n"
        assert says(reached(tmp_path, variables, config)) == "hello\n"


def test_a_name_port_and_user_of_ssh_config_are_meant(tmp_path: Path, key: Path) -> None:
    with standing(Box(believes=(public(key),))) as box:
        config = f'{pinned(tmp_path, box)} IdentityFile "{key}"\n'
        config += f"Host pi-in-rack\n Hostname {HOST}\n Port {box.port}\n User somebody\n"
        options = reached(tmp_path, "slotlab_address: 192.0.2.1", config, "pi-in-rack")
        assert says(options) == "hello\n"
    assert box.logins == ["somebody"]


def test_the_way_leads_through_a_jump_host_with_a_user_and_port_of_its_own(
    tmp_path: Path, key: Path
) -> None:
    believes = (public(key),)
    with standing(Box(believes=believes)) as gate, standing(Box(believes=believes)) as box:
        config = f"{pinned(tmp_path, gate, box)}Host {HOST}\n ProxyJump door@gate:{gate.port}\n"
        config += f"Host gate\n Hostname {HOST}\n"
        variables = (
            f'ansible_user: pi, ansible_port: {box.port}, ansible_ssh_private_key_file: "{key}"'
        )
        options = reached(tmp_path, variables, config)
        assert says(options) == "hello\n"
    assert (gate.logins, box.logins) == (["door"], ["pi"])
    assert gate.led_to == [(HOST, box.port)]


def test_a_jump_host_keeps_the_keys_of_its_own_configuration(tmp_path: Path, key: Path) -> None:
    other = tmp_path / "gate key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    gate_box, box = Box(believes=(public(other),)), Box(believes=(public(key),))
    with standing(gate_box) as gate, standing(box):
        config = f'Host gate\n Hostname {HOST}\n User door\n IdentityFile "{other}"\n'
        config += pinned(tmp_path, gate, box)
        variables = (
            f'ansible_user: pi, ansible_port: {box.port}, ansible_ssh_private_key_file: "{key}"'
        )
        variables += f", ansible_ssh_extra_args: '-J gate:{gate.port}'"
        assert says(reached(tmp_path, variables, config)) == "hello\n"
    assert (gate.logins, box.logins) == (["door"], ["pi"])


def test_what_a_jump_host_says_is_why_the_host_behind_it_is_not_reached(
    tmp_path: Path, key: Path
) -> None:
    with standing(Box(believes=("nobody",))) as gate:
        variables = f"ansible_user: pi, ansible_port: 1, ansible_ssh_private_key_file: '{key}'"
        variables += f", ansible_ssh_extra_args: '-J door@{HOST}:{gate.port}'"
        problem = refused(reached(tmp_path, variables, pinned(tmp_path, gate)))
    assert (problem.reason, problem.detail) == (
        "unreachable",
        f"jump host {HOST}: door@{HOST}: Permission denied (publickey).",
    )


def test_a_jump_host_of_unknown_key_is_named_with_the_remedy_and_check_pins_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    believes = (public(key),)
    with standing(Box(believes=believes)) as gate, standing(Box(believes=believes)) as box:
        config = "Host *\n IdentityAgent none\n"
        variables = (
            f"ansible_user: pi, ansible_port: {box.port}, ansible_ssh_private_key_file: '{key}'"
        )
        variables += f", ansible_ssh_extra_args: '-J door@{HOST}:{gate.port}'"
        options = reached(tmp_path, variables, config)
        problem = refused(options)
        assert (problem.reason, problem.detail) == (
            "host_key",
            f"the host key of jump host {HOST} is not known;"
            " pin it: slotlab check, or ssh to it once",
        )
        Path(options.pin_file).parent.mkdir(parents=True)
        assert says(options.pinning()) == "hello\n"
        assert says(options) == "hello\n"


def test_a_proxy_command_is_the_way_and_its_tokens_are_replaced(tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import os, socket, sys, threading\n"
        "link = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while chunk := os.read(0, 65536): link.sendall(chunk)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while chunk := link.recv(65536): os.write(1, chunk)\n"
    )
    with standing(Box()) as box:
        config = f"{pinned(tmp_path, box)} ProxyCommand {sys.executable} {relay} %h %p\n"
        variables = f"ansible_user: pi, ansible_port: {box.port}, ansible_password: x"
        assert says(reached(tmp_path, variables, config)) == "hello\n"


def test_what_ssh_config_has_a_login_do_for_a_person_disturbs_no_command() -> None:
    with serving(PLAIN) as options:
        words = ("-o", "RemoteCommand=false", "-o", "RequestTTY=force", "-o", "VisualHostKey=yes")
        assert says(replace(options, own_words=(*words, *options.own_words))) == "hello\n"


def test_a_password_is_on_no_command_line_and_a_wrong_one_is_refused() -> None:
    with serving(PLAIN) as options:
        secret = replace(options, password="a wrong secret")
        problem = refused(secret)
        assert problem.reason == "auth_failed"
        assert "Permission denied (password)" in problem.detail
        with connected(options) as connection:
            pid = connection.master._process.pid
            assert b"PASSWORD" not in Path(f"/proc/{pid}/cmdline").read_bytes()
            assert b"ControlMaster=yes" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_connection_that_breaks_ends_its_command_with_closed_and_is_replaced(
    tmp_path: Path,
) -> None:
    with serving(PLAIN) as options, connected(options) as connection:
        begun = tmp_path / "begun"
        problems: list[RemoteFailure] = []

        def run() -> None:
            line = f"touch {begun}; sleep 30"
            try:
                execute(connection, line, stdin=b"", stdout=io.BytesIO(), timeout_s=30)
            except RemoteFailure as problem:
                problems.append(problem)

        thread = threading.Thread(target=run)
        thread.start()
        wait_until(begun.exists)
        os.kill(connection.master._process.pid, signal.SIGKILL)
        thread.join()
        assert [problem.reason for problem in problems] == ["closed"]
        assert not connection.is_connected
        assert says(options) == "hello\n"


def test_a_key_pressed_at_our_terminal_ends_no_connection() -> None:
    with serving(PLAIN) as options, connected(options) as connection:
        assert (
            os.getsid(connection.master._process.pid)
            == connection.master._process.pid
            != os.getsid(0)
        )


def test_no_host_is_told_our_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("TOLD", "yes")
    with serving(PLAIN) as options, connected(options) as connection:
        process = connection.master.session("cat")
        environment = Path(f"/proc/{process.pid}/environ")
        wait_until(lambda: bool(environment.read_bytes()))  # empty until the program has begun
        told = environment.read_bytes().split(b"\0")
        process.communicate()
    assert b"TOLD=yes" in told
    assert not [each for each in told if each.startswith((b"LC_", b"LANG"))]


def test_exit_status_255_of_a_command_is_no_lost_connection() -> None:
    with serving(PLAIN) as options, connected(options) as connection:
        done = execute(connection, "exit 255", stdin=b"", stdout=io.BytesIO(), timeout_s=30)
        assert done == (255, "")


def test_input_longer_than_any_buffer_arrives_and_what_nobody_reads_holds_nothing_up() -> None:
    text = b"0123456789\n" * 200_000
    with serving(PLAIN) as options, connected(options) as connection:
        output = io.BytesIO()
        assert execute(connection, "cat", stdin=text, stdout=output, timeout_s=60) == (0, "")
        assert output.getvalue() == text
        output = io.BytesIO()
        assert execute(connection, "true", stdin=text, stdout=output, timeout_s=60) == (0, "")


def test_another_ssh_and_every_command_use_the_one_login(tmp_path: Path, key: Path) -> None:
    with standing(Box(believes=(public(key),))) as box:
        config = f'{pinned(tmp_path, box)} IdentityFile "{key}"\n'
        config += " RequestTTY force\n RemoteCommand false\n"
        options = reached(tmp_path, f"ansible_user: pi, ansible_port: {box.port}", config)
        with connected(options) as connection:
            for _ in range(3):
                execute(connection, "true", stdin=b"", stdout=io.BytesIO(), timeout_s=30)
            words = connection.master.shared_words
            other = ["ssh", *words, "--", options.target, "cat"]
            done = subprocess.run(other, input=b"its end\n", stdout=subprocess.PIPE, check=True)
            assert done.stdout == b"its end\n"
    assert box.logins == ["pi"]


_DIES = """
import os, signal, sys
from pathlib import Path
from harness.remote.connection import connect
from harness.inventory.ssh_options import SshOptions
options = eval(Path(sys.argv[1]).read_text())
master = connect(options).master
print(master._process.pid, master.shared_words[3].partition("=")[2], flush=True)
sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_no_connection_outlives_a_process_that_is_killed(tmp_path: Path) -> None:
    with serving(PLAIN) as options:
        file = tmp_path / "options"
        file.write_text(repr(options).replace(", own_words", ", password='x', own_words"))
        victim = subprocess.Popen(
            [sys.executable, "-c", _DIES, str(file)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert victim.stdout is not None
        pid, path = victim.stdout.readline().split()
        assert Path(path).exists()
        assert Path(f"/proc/{pid}").exists()
        victim.communicate("")
        assert victim.returncode == -signal.SIGKILL
        wait_until(lambda: not Path(path).exists())
        # The next process removes the folder that was left.
        next_one = "from harness.remote import ssh_master; ssh_master._folder()"
        subprocess.run([sys.executable, "-c", next_one], check=True)
        assert not Path(path).parent.exists()
