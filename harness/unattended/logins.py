"""Whether a run can do without the operator: its inventory opened and its hosts logged in to by a
process that has no terminal, no ssh agent of a login, and none of their environment but what is
handed over.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.controller.version import CLONE
from harness.errors import RunError, UsageError
from harness.inventory import inventory
from harness.inventory.limit import limited
from harness.remote.fan_out import Remote
from harness.unattended.unit import KEPT

AGENT = "SSH_AUTH_SOCK"
HANDED = ("ANSIBLE_",)
"""Beginnings of the names of variables that decide how an inventory is read."""


def handed_over() -> dict[str, str]:
    """Return what of the operator's environment goes with a run."""
    return {name: value for name, value in os.environ.items() if name.startswith(HANDED)}


def refuse(path: Path, limit: str, environment: Mapping[str, str]) -> None:
    """Refuse a lab that is reached only with what an unattended run does not have.

    Raises:
        UsageError: a host asks for the ssh agent of this login, or a vault for its password.
        RunError: a host is not reached anyhow.
    """
    bare = {name: os.environ[name] for name in (*KEPT, "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "harness.unattended", "login", str(path), limit],
        env=bare | dict(environment) | {"PYTHONPATH": str(CLONE)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        start_new_session=True,
    )  # fmt: skip
    try:
        problems = json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:
        said = (done.stderr.strip().splitlines() or ["no word"])[-1].removeprefix("slotlab: ")
        raise UsageError(f"without anybody to ask: {said}") from None
    if not problems:
        return
    refused = [host for host, (reason, _) in problems.items() if reason == "auth_failed"]
    if refused and AGENT in os.environ:
        raise UsageError(
            f"{', '.join(refused)}: no login without the ssh agent of this session ({AGENT}), which"
            " an unattended run does not have: give them a key that needs no passphrase"
            " (ansible_ssh_private_key_file), or an agent that stays (IdentityAgent in ssh_config)"
        )
    host, (reason, detail) = next(iter(problems.items()))
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    raise RunError(f"{host}: {reason}: {detail}{more}")


def look(path: Path, limit: str) -> dict[str, tuple[str, str]]:
    """Return why each host that cannot be logged in to cannot: a word and a line."""
    with Remote(limited(inventory.load(path), limit)) as remote:
        results = remote.run(None, "true")
    return {host: (each.reason, each.detail) for host, each in results.items() if each.reason}
