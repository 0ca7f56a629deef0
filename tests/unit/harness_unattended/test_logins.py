"""Hosts that let in only who has an agent are refused by name; with a key file they are not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.unattended import logins
from tests.unit.harness_remote.ssh_server import Box, standing

pytestmark = pytest.mark.slow


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the file of a key without a passphrase that an ssh agent of this test has as well."""
    key, socket = tmp_path / "key", tmp_path / "agent"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(make, check=True)
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)]) as process:
        monkeypatch.setenv(logins.AGENT, str(socket))
        try:
            for _ in range(100):
                added = subprocess.run(
                    ["ssh-add", "-q", str(key)], capture_output=True, check=False
                )
                if added.returncode == 0:
                    break
            assert added.returncode == 0, added.stderr
            yield key
        finally:
            process.terminate()


@pytest.fixture
def rack(agent: Path, tmp_path: Path) -> Iterator[Path]:
    """Yield an inventory whose only host believes the agent's key."""
    public = agent.with_suffix(".pub").read_text().split()[1]
    with standing(Box(believes=(public,))) as box:
        known = tmp_path / "known"
        known.write_text(box.known_hosts)
        config = tmp_path / "ssh.cfg"
        config.write_text(
            f"Host *\n UserKnownHostsFile {known}\n IdentityFile {tmp_path / 'none'}\n"
        )
        path = tmp_path / "rack.yml"
        words = f"ansible_ssh_common_args: '-F {config}', ansible_port: {box.port}"
        path.write_text(f"all: {{hosts: {{n1: {{ansible_host: 127.0.0.1, {words}}}}}}}")
        yield path


def test_a_login_that_only_the_agent_of_this_session_can_do_is_refused(rack: Path) -> None:
    assert logins.look(rack, "") == {}, "with the agent it can be done"
    remedy = r"give them a key that needs no passphrase \(ansible_ssh_private_key_file\)"
    with pytest.raises(UsageError, match=rf"^n1: no login without the ssh agent .*: {remedy}"):
        logins.refuse(rack, "", logins.handed_over())


def test_a_login_by_a_key_file_is_as_good_without_anybody(rack: Path, agent: Path) -> None:
    text = rack.read_text().replace(
        "ansible_host", f"ansible_ssh_private_key_file: {agent}, ansible_host"
    )
    rack.write_text(text)
    logins.refuse(rack, "", logins.handed_over())


def test_a_vault_whose_password_somebody_must_give_is_refused(rack: Path, tmp_path: Path) -> None:
    place = tmp_path / "group_vars"
    place.mkdir()
    sealed = "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  30303030\n"
    (place / "all.yml").write_text(f"ansible_user: {sealed}")
    with pytest.raises(
        UsageError, match=r"^without anybody to ask: .*ansible_user: the sealed value"
    ):
        logins.refuse(rack, "", {})
