"""What Ansible itself would make of an inventory's values: its configuration, and sealed values.

ansible-inventory prints neither: settings of ansible.cfg hold for Ansible alone, and a value sealed
with ansible-vault is listed as it is written.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.inventory.values import InventoryError

SEALED = "__ansible_vault"
UNSEAL = "name its password's file in ANSIBLE_VAULT_PASSWORD_FILE"
_VARIABLES = {
    "remote_user": "ansible_user",
    "port": "ansible_port",
    "private_key_file": "ansible_ssh_private_key_file",
    "timeout": "ansible_ssh_timeout",
    "ssh_args": "ansible_ssh_args",
    "ssh_common_args": "ansible_ssh_common_args",
    "ssh_extra_args": "ansible_ssh_extra_args",
    "host_key_checking": "ansible_host_key_checking",
}
"""Settings of the connection, and the variables that would say the same of one host."""
_KEY_CHECKS = ("ansible_ssh_host_key_checking", "ansible_host_key_checking")
_OFF = ("false", "no", "off", "0", "n", "f", "0.0")
BECOME_PASSWORDS = ("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass")
_SETTINGS = (
    "ANSIBLE_REMOTE_USER", "ANSIBLE_REMOTE_PORT", "ANSIBLE_PRIVATE_KEY_FILE", "ANSIBLE_SSH_ARGS",
    "ANSIBLE_SSH_COMMON_ARGS", "ANSIBLE_SSH_EXTRA_ARGS", "ANSIBLE_HOST_KEY_CHECKING",
    "ANSIBLE_SSH_HOST_KEY_CHECKING", "ANSIBLE_TIMEOUT", "ANSIBLE_SSH_TIMEOUT",
)  # fmt: skip


def configured() -> dict[str, object]:
    """Return the connection variables that Ansible's configuration sets for all hosts.

    Raises:
        InventoryError: the configuration cannot be read.
    """
    if not any(path.is_file() for path in _files()) and not any(map(os.environ.get, _SETTINGS)):
        return {}
    words = ("dump", "--only-changed", "-t", "connection", "--format", "json")
    done = run_ansible("ansible-config", *words)
    try:
        plugins = json.loads(done.stdout) if done.returncode == 0 else None
        found: list[Any] = next((each["ssh"] for each in plugins or [] if "ssh" in each), [])
        known = [each for each in found if each["name"] in _VARIABLES]
        return {_VARIABLES[each["name"]]: _value(each) for each in known}
    except (ValueError, KeyError, TypeError):
        said = (done.stderr.strip().splitlines() or ["ansible-config printed no JSON"])[-1]
        raise InventoryError(f"ansible.cfg: {said}") from None


def opened(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a host's variables with the sealed ones opened.

    A sudo password that cannot be opened stays as it is: it may be asked for instead.

    Raises:
        InventoryError: another one cannot be; it names the variable and the remedy.
    """
    return {key: _open(key, value, where) for key, value in values.items()}


def with_key_policy(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a host's variables; where they switch the checking of host keys off, ssh_args says it.

    Ansible, too, says it behind ssh_args and before everything else.
    """
    check = next((values[key] for key in _KEY_CHECKS if key in values), True)
    if str(check).lower() not in _OFF:
        return dict(values)
    words = f"{values.get('ansible_ssh_args') or ''} -o StrictHostKeyChecking=no"
    return {**values, "ansible_ssh_args": words.strip()}


def _open(key: str, value: Any, where: str) -> Any:
    if not isinstance(value, dict) or set(value) != {SEALED}:
        return value
    done = run_ansible("ansible-vault", "decrypt", "--output=-", "-", stdin=str(value[SEALED]))
    if done.returncode == 0:
        return done.stdout
    if key in BECOME_PASSWORDS:
        return value
    raise InventoryError(f"{where}: {key}: the sealed value cannot be opened; {UNSEAL}")


def _files() -> list[Path]:
    """Return where Ansible looks for its configuration."""
    named = os.environ.get("ANSIBLE_CONFIG")
    folder = [Path(named), Path(named) / "ansible.cfg"] if named else []
    own = [Path("ansible.cfg"), Path("~/.ansible.cfg").expanduser()]
    return [*folder, *own, Path("/etc/ansible/ansible.cfg")]


def _value(setting: Mapping[str, str]) -> str:
    """Return a setting's value; a key file is found from the configuration that names it."""
    value = str(setting["value"])
    if setting["name"] != "private_key_file":
        return value
    origin = Path(setting["origin"])
    folder = origin.parent if origin.is_file() else Path()
    return str((folder / Path(value).expanduser()).absolute())


def run_ansible(
    program: str, *words: str, stdin: str | None = None, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Return the finished program of Ansible's, which prints no colours and asks nothing.

    settings: of its environment. It needs no home that can be written.
    """
    environment = {"ANSIBLE_LOCAL_TEMP": tempfile.gettempdir(), **os.environ, **settings}
    # Ansible refuses a terminal that another program has made non-blocking.
    return subprocess.run(
        [str(Path(sys.executable).with_name(program)), *words],
        input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True, text=True, check=False,
        env=environment | {"ANSIBLE_NOCOLOR": "true", "ANSIBLE_DEVEL_WARNING": "false"},
    )  # fmt: skip
