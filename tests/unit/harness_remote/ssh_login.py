"""Logins of tests: how a host is reached, what a command prints there, why it is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.inventory.inventory import load
from harness.inventory.ssh_options import SshOptions
from harness.remote.connection import Connection, connect, execute
from harness.remote.ssh_failure import RemoteFailure
from tests.unit.harness_remote.ssh_server import Box

HOST = "127.0.0.1"


def reached(folder: Path, variables: str, config: str, name: str = HOST) -> SshOptions:
    """Return how the only host of an inventory is reached, with that ssh_config."""
    (folder / "ssh.cfg").write_text(config)
    path = folder / "rack.yml"
    words = f"ansible_ssh_common_args: '-F {folder}/ssh.cfg'"
    path.write_text(f"all: {{hosts: {{{name}: {{{words}, {variables}}}}}}}")
    return load(path).hosts[0].ssh


def pinned(folder: Path, *boxes: Box) -> str:
    """Return the lines of ssh_config by which these boxes are known, and no key of ours is used."""
    file = folder / "known"
    file.write_text("".join(box.known_hosts for box in boxes))
    return f"Host *\n UserKnownHostsFile {file}\n IdentityAgent none\n"


@contextmanager
def connected(options: SshOptions) -> Iterator[Connection]:
    connection = connect(options)
    try:
        yield connection
    finally:
        connection.close()


def says(options: SshOptions, line: str = "echo hello") -> str:
    """Return what a command prints there."""
    output = io.BytesIO()
    with connected(options) as connection:
        code, errors = execute(connection, line, stdin=b"", stdout=output, timeout_s=30)
    assert (code, errors) == (0, "")
    return output.getvalue().decode()


def refused(options: SshOptions) -> RemoteFailure:
    with pytest.raises(RemoteFailure) as caught:
        connect(options).close()
    return caught.value
