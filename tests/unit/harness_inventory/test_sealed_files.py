"""Files of an inventory that are sealed as a whole, and where the word that opens them may be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.inventory.inventory import InventoryError, load

pytestmark = pytest.mark.slow


@pytest.fixture
def rack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an inventory whose group's variables are a sealed file; nobody says what opens it."""
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)
    monkeypatch.setenv("ANSIBLE_CONFIG", str(tmp_path / "ansible.cfg"))
    (tmp_path / "ansible.cfg").write_text("[defaults]\n")
    (tmp_path / "word").write_text("open\n")
    path, sealed = tmp_path / "rack.yml", tmp_path / "group_vars" / "nodes.yml"
    path.write_text("all: {children: {nodes: {hosts: {pi1: {ansible_host: 192.0.2.1}}}}}")
    sealed.parent.mkdir()
    sealed.write_text("ansible_user: pi\nslotlab_zone: a\nansible_become_password: a secret\n")
    program = Path(sys.executable).with_name("ansible-vault")
    words = ["encrypt", "--vault-password-file", str(tmp_path / "word"), str(sealed)]
    subprocess.run([program, *words], check=True, capture_output=True)
    return path


@pytest.mark.parametrize("said_in", ["environment", "configuration"])
def test_a_sealed_file_of_variables_is_opened(
    rack: Path, monkeypatch: pytest.MonkeyPatch, said_in: str
) -> None:
    word = rack.with_name("word")
    if said_in == "environment":
        monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(word))
    else:
        text = f"[defaults]\nvault_password_file = {word}\n"
        rack.with_name("ansible.cfg").write_text(text)
    (host,) = load(rack).hosts
    assert (host.ssh.user, host.zone, host.become_password) == ("pi", "a", "a secret")


def test_a_sealed_file_that_nothing_opens_is_one_line_with_the_remedy(rack: Path) -> None:
    with pytest.raises(InventoryError) as caught:
        load(rack)
    assert str(caught.value) == (
        f"{rack}: Attempting to decrypt but no vault secrets found;"
        " name its password's file in ANSIBLE_VAULT_PASSWORD_FILE"
    )
