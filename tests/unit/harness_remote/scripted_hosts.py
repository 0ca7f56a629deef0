"""Hosts behind real SSH on loopback whose agents answer by a script and note what was asked."""

from __future__ import annotations

import contextlib
import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.inventory.inventory import Inventory
from harness.remote.fan_out import Remote
from tests.unit.harness_inventory.hosts import plain
from tests.unit.harness_remote.ssh_server import serving

_AGENT = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
for line in sys.stdin:
    request = json.loads(line)
    with (folder / "asked").open("a") as file:
        file.write(json.dumps(request) + chr(10))
    answers = json.loads((folder / "answers.json").read_text())
    answer = answers.get(request["op"], {"ok": {}})
    if request["op"] == "journal":
        found = (folder / "agent" / "agent.jsonl").read_text().splitlines()
        answer = answers.get("journal", {"ok": {"lines": found[request["from_line"]:]}})
    print(json.dumps({"id": request["id"], **answer}), flush=True)
"""
IDLE = {
    "trial": "", "faults": [], "lease_left_ns": 0, "ledger": [], "running": None,
    "processor": {"busy_ns": 1_000_000_000, "all_ns": 4_000_000_000},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scripted:
    """One host: its state folder, and what its agent says; no answers: no agent is there."""

    folder: Path
    answers: dict[str, Any] = field(default_factory=dict)

    def says(self, **answers: object) -> None:
        """Have the agent give these answers from now on: contents by operation."""
        self.answers.update({op: {"ok": content} for op, content in answers.items()})
        self._write()

    def refuses(self, op: str, reason: str, detail: str = "") -> None:
        """Have the agent refuse an operation."""
        self.answers[op] = {"error": {"reason": reason, "detail": detail}}
        self._write()

    def asked(self) -> list[dict[str, Any]]:
        """Return the requests so far."""
        path = self.folder / "asked"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def ops(self) -> list[str]:
        """Return the names of the requests so far."""
        return [str(request["op"]) for request in self.asked()]

    def shell(self) -> str:
        """Return what runs a command of ours there; sudo is no command of this host."""
        agent = f"exec {shlex.quote(sys.executable)} -c {shlex.quote(_AGENT)} {self.folder}"
        return f"""
            sudo() {{ echo "no sudo here" >&2; return 1; }}
            case "$1" in
              *"-m faults ctl"*) sh -c "${{1%;*}}"; [ -e {self.folder}/answers.json ] || exit 3
                                 {agent} ;;
              *) eval "$1" ;;
            esac
        """

    def _write(self) -> None:
        (self.folder / "answers.json").write_text(json.dumps(self.answers))


@contextmanager
def scripted(folder: Path, *names: str) -> Iterator[tuple[Remote, Mapping[str, Scripted]]]:
    """Yield connections to hosts of these names, idle at first, and the hosts."""
    found: dict[str, Scripted] = {}
    places = []
    with contextlib.ExitStack() as stack:
        for name in names:
            each = found[name] = Scripted(folder / name)
            (each.folder / "agent").mkdir(parents=True)
            (each.folder / "events").mkdir()
            (each.folder / "agent" / "agent.jsonl").touch()
            each.says(hello={"lock": None}, status=IDLE, snapshot={}, heal={"healed": []})
            ssh = stack.enter_context(serving(each.shell()))
            places.append(plain(name, state_dir=str(each.folder), ssh=ssh))
        inventory = Inventory(
            path=folder / "rack.yml", lab="hardware", netns=None, hosts=tuple(places)
        )
        yield stack.enter_context(Remote(inventory)), found
