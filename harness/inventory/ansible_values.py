"""What Ansible itself would make of an inventory: its configuration, templates and sealed values.

ansible-inventory prints none of it: settings of ansible.cfg hold for Ansible alone, and a value
that is sealed with ansible-vault or a template (`{{ network }}.12`) is listed as it is written.
Only Ansible knows what a template means (other variables, lookups), so it is asked, once for all.
"""

import base64
import json
import os
import re
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


_READ = re.compile(
    r"slotlab_\w+|ansible_(host|port|user|password|connection|private_key_file|ssh_\w+"
    r"|become_pass(word)?|become_method|become_user|sudo_pass|python_interpreter|host_key_checking)"
)
"""Variables that the harness reads; others may have templates that make sense in a task only."""
_SAID = re.compile(r"^(\S+) \| (SUCCESS|FAILED!) => (\{.*?^\})", re.MULTILINE | re.DOTALL)


def worked_out(path: Path, hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the hosts' variables with those that the harness reads worked out.

    path is the inventory's, hostvars what it has by host. A sudo password that Ansible cannot work
    out stays as it is: it may be asked for instead.

    Raises:
        InventoryError: another one cannot be; it names host and variable, and the reason.
    """
    found = {host: dict(values) for host, values in hostvars.items()}
    asked = [
        (host, key)
        for host, values in hostvars.items()
        for key, value in values.items()
        if _READ.fullmatch(key) and _is_template(value)
    ]
    answers = _answers(path, sorted({key for _, key in asked})) if asked else {}
    for host, key in asked:
        answer = answers.get(host, "Ansible did not work it out")
        value = answer if isinstance(answer, str) else answer[key]
        if not isinstance(answer, str) and value is not None:
            found[host][key] = value
        elif key not in BECOME_PASSWORDS:
            reason = value or "a name in its template has no value; set it under vars"
            raise InventoryError(f"{path}: host {host}: {key}: {reason}")
    return found


def _is_template(value: object) -> bool:
    text = json.dumps(value)
    return "{{" in text or "{%" in text


def _answers(path: Path, names: list[str]) -> dict[str, dict[str, Any] | str]:
    """Return by host the values of the names, None for one that has none; or why not."""
    pairs = ", ".join(f"'{name}': {name} | default(none)" for name in names)
    # Encoded: whatever the values hold, the answer is one word.
    text = f"msg={{{{ {{{pairs}}} | to_json | b64encode }}}}"
    done = run_ansible("ansible", "all", "-i", str(path), "-m", "ansible.builtin.debug", "-a", text)
    answers: dict[str, dict[str, Any] | str] = {}
    for host, word, said in _SAID.findall(done.stdout):
        message = str(json.loads(said).get("msg", ""))
        good = word == "SUCCESS"
        answers[host] = json.loads(base64.b64decode(message)) if good else _first_line(message)
    if not answers:
        raise InventoryError(f"{path}: {_first_line(done.stderr or done.stdout)}")
    return answers


def _first_line(text: str) -> str:
    lines = text.strip().splitlines() or ["Ansible says nothing"]
    return lines[0].removeprefix("[ERROR]: ").strip()
