"""The provider's side of a lab: an agent on this controller that switches hosts off, freezes them
or pulls their cable, and takes it back by itself when we are gone.

It is the hosts' own agent program in a session of its own, below the controller's state folder, so
that `slotlab heal` finds its ledger without a campaign. It runs the commands of slotlab_power as we
would, in our environment, and ends by itself when idle.
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from faults.model.record import PROVIDER
from harness.errors import RunError, UsageError
from harness.home import state_home
from harness.inventory import Host, Inventory

ROOT = Path(__file__).resolve().parents[1]
START_TIMEOUT_S = 20.0
ASK_TIMEOUT_S = 20.0
HEAL_TIMEOUT_S = 240.0
"""Healing may switch hosts on and wait until they have booted."""

POLL_S = 0.05
PATH_BYTES_MAX = 100
KEPT = ("HOME", "PATH", "USER", "LOGNAME", "LANG", "SSH_AUTH_SOCK", "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_STATE_HOME")  # fmt: skip
"""What a command of slotlab_power sees of our environment."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider's agent of one lab; each call is one request to it."""

    folder: Path

    def prepare(self, trial: str, owner: str = "") -> None:
        """Return once the journal is empty and belongs to the trial."""
        self.ask("prepare", trial=trial, files={}, owner=owner)

    def arm(
        self,
        trial: str,
        faults: list[dict[str, Any]],
        *,
        t0_wall_ns: int,
        lease_ns: int,
        owner: str = "",
    ) -> dict[str, Any]:
        """Return what the agent armed; its undo is on this disk, whatever becomes of us."""
        return self.ask(
            "arm", trial=trial, t0_wall_ns=t0_wall_ns, lease_ns=lease_ns, faults=faults, owner=owner
        )

    def renew(self, trial: str, lease_ns: int) -> None:
        """Return once the lease ends lease_ns from now."""
        self.ask("renew", trial=trial, lease_ns=lease_ns)

    def status(self) -> dict[str, Any]:
        """Return the trial, its faults' states, the lease and the open ledger entries."""
        return self.ask("status")

    def heal(self) -> list[str]:
        """Return the faults taken back; hosts are on and answer their provider."""
        return [str(each) for each in self.ask("heal", timeout_s=HEAL_TIMEOUT_S)["healed"]]

    def journal(self) -> list[str]:
        """Return the lines of agent.jsonl since the last prepare."""
        lines: list[str] = []
        while more := self.ask("journal", from_line=len(lines))["lines"]:
            lines += more
        return lines

    def ask(self, op: str, *, timeout_s: float = ASK_TIMEOUT_S, **fields: Any) -> dict[str, Any]:
        """Return the agent's answer to one request.

        Raises:
            RunError: it refuses, or does not answer.
        """
        try:
            reply = _exchange(self.folder, {"v": 1, "id": 1, "op": op, **fields}, timeout_s)
        except OSError as error:
            raise RunError(f"provider: {op}: its agent does not answer: {error}") from error
        if (refusal := reply.get("error")) is not None:
            raise RunError(f"provider: {op}: {refusal['reason']}: {refusal['detail']}")
        return dict(reply["ok"])


def folder_of(inventory: Inventory) -> Path:
    """Return where the provider's agent of this lab keeps its ledger, whether or not it runs."""
    return state_home() / "power" / inventory.lab_id


def start(inventory: Inventory) -> Provider:
    """Return the lab's provider agent, running with the commands of this inventory.

    Raises:
        UsageError: a command of slotlab_power cannot be read.
        RunError: it cannot be started, or is busy with other commands than these.
    """
    folder = folder_of(inventory)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = _provider_file(inventory)
    provider, file = Provider(folder), folder / "provider.json"
    if running(folder):
        if file.read_bytes() == wanted:
            return provider
        if any(each["state"] in ("prepared", "applied") for each in provider.status()["faults"]):
            raise RunError("provider: busy with an older inventory; wait, or run slotlab heal")
        _end(folder)
    _write_private(file, wanted)
    _write_private(folder / "host.json", msgspec.json.encode({"host": PROVIDER}) + b"\n")
    _spawn(folder, file)
    return provider


def running(folder: Path) -> bool:
    """Return whether a provider's agent answers there."""
    try:
        return "ok" in _exchange(folder, {"v": 1, "id": 1, "op": "hello"}, ASK_TIMEOUT_S)
    except OSError:
        return False


def heal(inventory: Inventory) -> tuple[bool, list[str]]:
    """Return whether nothing is left of the lab's provider faults, and which were taken back.

    By the agent if it answers, else from the ledger alone; without a ledger there was nothing.
    """
    folder = folder_of(inventory)
    if not (folder / "state" / "agent" / "ledger").is_dir():
        return True, []
    words = (sys.executable, "-m", "faults", "--root", str(folder), "heal")
    try:
        done = subprocess.run(
            words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=HEAL_TIMEOUT_S
        )
        reply = json.loads(done.stdout.strip().splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        return False, []
    return done.returncode == 0, [str(each) for each in reply.get("ok", {}).get("healed", [])]


def commands(host: Host) -> dict[str, list[str]]:
    """Return the host's power commands by word: {name}, {host} and {address} are filled in.

    Raises:
        UsageError: a template is no command line.
    """
    values = {"{name}": host.name, "{host}": host.ssh.address, "{address}": host.address}
    found: dict[str, list[str]] = {}
    for key, template in host.power.items():
        try:
            words = shlex.split(template)
        except ValueError as error:
            raise UsageError(f"slotlab_power of {host.name}: {key}: {error}") from error
        for mark, value in values.items():
            words = [word.replace(mark, value) for word in words]
        if words:
            found[key] = words
    return found


def _provider_file(inventory: Inventory) -> bytes:
    ours = [f"{name}={os.environ[name]}" for name in KEPT if name in os.environ]
    prefix = ["env", "-C", str(ROOT), *ours]
    hosts = {
        host.name: {word: [*prefix, *words] for word, words in commands(host).items()}
        for host in inventory.hosts
        if host.power
    }
    return msgspec.json.format(msgspec.json.encode({"hosts": hosts}), indent=1) + b"\n"


def _spawn(folder: Path, file: Path) -> None:
    words = (sys.executable, "-m", "faults", "--root", str(folder), "agent")
    if len(str(folder / "run" / "agent.sock").encode()) > PATH_BYTES_MAX:
        raise RunError(f"provider: {folder}: too long a path for a socket; set XDG_STATE_HOME")
    with (folder / "agent.log").open("ab") as log:
        agent = subprocess.Popen(
            (*words, "--provider", str(file)), cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + START_TIMEOUT_S
    while not running(folder):
        if agent.poll() is not None or time.monotonic() > until:
            last = (folder / "agent.log").read_text(errors="replace").strip().splitlines()
            raise RunError(f"provider: its agent did not start: {last[-1] if last else 'no word'}")
        time.sleep(POLL_S)


def forget(lab_id: str) -> None:
    """Return once the agent of a lab that is gone has ended, and its folder with it.

    Raises:
        RunError: it does not end.
    """
    folder = state_home() / "power" / lab_id
    if running(folder):
        _end(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _end(folder: Path) -> None:
    """End an agent that is not needed any more, and wait until its socket is closed."""
    with _connected(folder, ASK_TIMEOUT_S) as link:
        size = struct.calcsize("3i")
        credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        pid = struct.unpack("3i", credentials)[0]
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + START_TIMEOUT_S
    while running(folder):
        if time.monotonic() > until:
            raise RunError(f"provider: the agent of an older inventory does not end (pid {pid})")
        time.sleep(POLL_S)


def _exchange(folder: Path, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
    with _connected(folder, timeout_s) as link:
        link.sendall(json.dumps(request).encode() + b"\n")
        line = link.makefile("rb").readline()
    if not line:
        raise ConnectionError("it closed the connection")
    return dict(json.loads(line))


@contextlib.contextmanager
def _connected(folder: Path, timeout_s: float) -> Any:
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout_s)
        link.connect(str(folder / "run" / "agent.sock"))
        yield link


def _write_private(path: Path, data: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    fresh.replace(path)
