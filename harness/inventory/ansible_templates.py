"""Values of an inventory that are Jinja templates, as Ansible itself would work them out.

ansible-inventory lists them as they are written (`{{ network }}.12`). Only Ansible knows what they
mean (other variables, lookups, sealed values), so it is asked, once for all hosts.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.inventory.ansible_values import BECOME_PASSWORDS, run_ansible
from harness.inventory.values import InventoryError

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
