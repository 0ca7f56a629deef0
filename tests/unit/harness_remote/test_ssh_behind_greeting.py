"""Ansible hears only its own command, whatever a login shell prints before."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from harness.deploy.playbook import SSH
from harness.remote.connection import Connection, connect
from tests.unit.harness_remote.ssh_server import serving

GREETS = """echo '{"an": "answer"}'; echo noise >&2; printf '{no end'; exec sh -c "$1" """


@pytest.fixture
def talker() -> Iterator[Connection]:
    with serving(GREETS) as options:
        connection = connect(options)
        yield connection
        connection.close()


def did(talker: Connection, line: str, given: bytes = b"") -> tuple[int, bytes, bytes]:
    """Return exit status, output and errors of a line, as Ansible runs it over the connection."""
    words = [str(SSH), "-C", *talker.master.shared_words, talker.master.ssh.target, line]
    done = subprocess.run(words, input=given, capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_command_has_its_own_output_status_and_input(talker: Connection) -> None:
    every = bytes(range(256)) * 1000
    assert did(talker, "cat", every)[:2] == (0, every)
    assert did(talker, "echo '{}'; echo err >&2; exit 3") == (3, b"{}\n", b"noise\nerr\n")
    assert did(talker, "exit 255")[:2] == (255, b"")


def test_an_answer_comes_before_the_command_ends(talker: Connection) -> None:
    words = [str(SSH), *talker.master.shared_words, talker.master.ssh.target]
    asks = "echo 'password:'; read -r word; echo $word"
    with subprocess.Popen([*words, asks], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"password:\n"
        process.stdin.write(b"sesame\n")
        process.stdin.close()
        assert process.stdout.read() == b"sesame\n"


def test_it_can_what_ssh_can() -> None:
    asked = ("-o", "ControlPersist")
    ours, plain = (
        subprocess.run([program, *asked], capture_output=True, check=False)
        for program in (SSH, "ssh")
    )
    assert (ours.returncode, ours.stderr) == (plain.returncode, plain.stderr)
