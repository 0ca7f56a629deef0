"""Host keys are believed line by line: a line that cannot be read costs that line only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from harness.inventory.ssh_options import SshOptions
from harness.remote.connection import connect
from harness.remote.ssh_failure import RemoteFailure
from tests.unit.harness_remote.ssh_server import serving

GARBAGE = (
    "host.example ssh-ed25519 not-base64!",
    "host.example ssh-ed25519",
    "host.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
    "@cert-authority *.example ssh-rsa AAAAB3NzaC1yc2E=",
    "\x00\x01 \udcff",
    "# a comment",
    "",
)


def line_of(options: SshOptions) -> str:
    """Return the line of known_hosts that the server's key makes."""
    with paramiko.Transport((options.address, options.port)) as transport:
        transport.start_client()
        key = transport.get_remote_server_key()
    return f"[{options.address}]:{options.port} {key.get_name()} {key.get_base64()}"


def strict(options: SshOptions, file: Path) -> SshOptions:
    words = ("-o", f"UserKnownHostsFile={file}", *options.own_words)
    return replace(options, host_key_policy="yes", own_words=words)


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_a_key_is_believed_whatever_stands_around_it(tmp_path: Path, garbage: str) -> None:
    file = tmp_path / "known_hosts"
    with serving('exec sh -c "$1"') as options:
        text = f"{garbage}\n{line_of(options)}\n{garbage}\n"
        file.write_bytes(text.encode(errors="surrogateescape"))
        connect(strict(options, file)).close()


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_no_key_is_believed_for_a_line_that_cannot_be_read(tmp_path: Path, garbage: str) -> None:
    file = tmp_path / "known_hosts"
    file.write_bytes(f"{garbage}\n".encode(errors="surrogateescape"))
    with serving('exec sh -c "$1"') as options, pytest.raises(RemoteFailure) as caught:
        connect(strict(options, file))
    assert caught.value.reason == "host_key"


def test_another_key_than_the_known_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    with serving("true") as options, serving("true") as other:
        key = line_of(other).split(" ", 1)[1]
        file.write_text(f"[{options.address}]:{options.port} {key}\n")
        with pytest.raises(RemoteFailure) as caught:
            connect(strict(options, file))
    assert caught.value.reason == "host_key"
