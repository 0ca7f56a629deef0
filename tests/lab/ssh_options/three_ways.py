"""Logs in to every row of one inventory by `ssh`, by Fabric's way and by Ansible's, and tells.

Run as a program of its own where the user's home and names of hosts are the test's (see
home.py); reads one JSON object from standard input and writes one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from harness.deploy.playbook import PlayOptions, play
from harness.inventory import inventory
from harness.inventory.inventory import Inventory
from harness.remote.fan_out import Remote, as_root

LOOK = (
    'printf "seen|%s|%s|%s|%s|%s\\n" "$(id -un)" "$(uname -n)" "$SSH_CONNECTION"'
    ' "$(cat "$SSH_USER_AUTH" 2>/dev/null)" "$LAB_WORD"'
)
"""Printed by whoever is logged in: user, host, connection, how it proved itself, environment."""
ROOT_LOOK = """sh -c 'printf "seen|%s|%s\\n" "$(id -un)" "$(uname -n)"'"""
PLAIN_AT_ONCE = 6
PATIENCE_S = 90


def told(lines: list[str], reason: str = "", said: str = "") -> dict[str, Any]:
    """Return what one way came to: the lines the host printed, or why not."""
    return {"lines": lines, "reason": reason, "said": said}


def by_ssh(row: dict[str, Any], netns: str) -> dict[str, Any]:
    """Return what a person's own `ssh` does; of its output only our line counts."""
    words = ["nsenter", f"--net={netns}", "ssh", *row["ssh"]]
    command, given = LOOK, ""
    environment = dict(os.environ)
    if row["become"] and row["password"]:
        command, given = f"sudo -S -p '' {ROOT_LOOK}", row["password"] + "\n"
    elif row["become"]:
        command = f"sudo -n {ROOT_LOOK}"
    elif row["password"]:
        environment |= {"SSH_ASKPASS": row["askpass"], "SSH_ASKPASS_REQUIRE": "force"}
        environment["LAB_PASSWORD"] = row["password"]
    if row["become"] or not row["password"]:
        words[3:3] = ["-o", "BatchMode=yes"]
    done = subprocess.run(
        [*words, command], input=given, capture_output=True, text=True, errors="replace",
        timeout=PATIENCE_S, check=False, env=environment,
    )  # fmt: skip
    # A login shell may end what it prints in the middle of our line.
    lines = [line[line.index("seen|") :] for line in done.stdout.splitlines() if "seen|" in line]
    said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
    return told(lines, "" if lines else f"exit {done.returncode}", "".join(said))


def by_fabric(rows: list[dict[str, Any]], remote: Remote) -> dict[str, dict[str, Any]]:
    """Return by row what the harness's commands find."""
    commands, given = {}, {}
    for row in rows:
        name = row["name"]
        commands[name], given[name] = LOOK, ""
        if row["become"]:
            commands[name], given[name] = as_root(remote.inventory.host(name), ROOT_LOOK)
    results = remote.run_each(commands, stdin=given, timeout_s=PATIENCE_S)
    return {
        name: told(
            result.stdout.splitlines(),
            result.reason or (f"exit {result.exit_code}" if result.exit_code else ""),
            result.problem,
        )
        for name, result in results.items()
    }


def by_ansible(
    rows: list[dict[str, Any]], lab: Inventory, password: str | None, remote: Remote
) -> dict[str, dict[str, Any]]:
    """Return by row what a play finds."""
    mine = "slotlab_deploy[inventory_hostname]"
    task = {
        "name": "look at who we are",
        "ansible.builtin.shell": f"{{{{ {mine}.look }}}}",
        "become": f"{{{{ {mine}.become }}}}",
    }
    of_all = {"hosts": "{{ slotlab_hosts }}", "gather_facts": False, "strategy": "free"}
    variables = {
        row["name"]: {"become": row["become"], "look": ROOT_LOOK if row["become"] else LOOK}
        for row in rows
    }
    with tempfile.TemporaryDirectory() as folder:
        book = Path(folder) / "look.yml"
        book.write_text(yaml.safe_dump([of_all | {"tasks": [task]}]))
        played = play(
            lab, str(book.with_suffix("")), variables,
            options=PlayOptions(become_password=password), progress=lambda _: None,
            ways=remote.shared_words(),
        )  # fmt: skip
    return {
        name: told(host.lines, "failed" if host.failure else "", host.failure)
        for name, host in played.items()
    }


def main() -> None:
    """Read what to compare, log in by each way, print what came of it."""
    asked = json.load(sys.stdin)
    rows: list[dict[str, Any]] = asked["rows"]
    lab = inventory.load(asked["inventory"])
    assert lab.netns is not None
    netns, password = lab.netns, asked["become_password"]
    with ThreadPoolExecutor(PLAIN_AT_ONCE) as pool:
        plain = list(pool.map(lambda row: by_ssh(row, netns), rows))
    knowing = lab if password is None else lab.with_become_password(password)
    with Remote(knowing) as remote:
        fabric = by_fabric(rows, remote)
        ansible = by_ansible(rows, lab, password, remote)
    ways = {
        row["name"]: {"ssh": one, "fabric": fabric[row["name"]], "ansible": ansible[row["name"]]}
        for row, one in zip(rows, plain, strict=True)
    }
    json.dump(ways, sys.stdout)


if __name__ == "__main__":
    main()
