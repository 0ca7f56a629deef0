"""The provider's side of a lab: an agent on this controller that switches hosts off, freezes them
or pulls their cable, and takes it back by itself when we are gone.

It is the hosts' own agent program in a session of its own, below the controller's state folder, so
that `slotlab heal` finds its ledger without a campaign. It runs the commands of slotlab_power as we
would, in our environment, and ends by itself when idle.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from faults.agent import ctl
from faults.host.layout import layout
from faults.model.record import PROVIDER
from harness.controller.state_dir import state_home, write_private
from harness.controller.version import CLONE
from harness.errors import RunError
from harness.inventory.inventory import Host, Inventory
from harness.testbed.armed_hosts import FaultState
from metrics.model.run_folder import BROKEN

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
        """Begin an empty journal, which belongs to the trial."""
        self.ask("prepare", trial=trial, files={}, owner=owner)

    def arm(
        self,
        trial: str,
        faults: list[dict[str, Any]],
        *,
        t0_wall_ns: int,
        lease_ns: int,
        owner: str = "",
    ) -> Said:
        """Return what the agent armed; its undo is on this disk, whatever becomes of us."""
        return self.ask(
            "arm", trial=trial, t0_wall_ns=t0_wall_ns, lease_ns=lease_ns, faults=faults, owner=owner
        )

    def renew(self, trial: str, lease_ns: int) -> None:
        """Have the lease end lease_ns from now."""
        self.ask("renew", trial=trial, lease_ns=lease_ns)

    def status(self) -> Said:
        """Return the states of the trial's faults."""
        return self.ask("status")

    def heal(self) -> list[str]:
        """Return the faults taken back; hosts are on and answer their provider."""
        return self.ask("heal", timeout_s=HEAL_TIMEOUT_S).healed

    def ask(self, op: str, *, timeout_s: float = ASK_TIMEOUT_S, **fields: Any) -> Said:
        """Return the agent's answer to one request.

        Raises:
            RunError: it refuses, does not answer, or what it says is no answer.
        """
        try:
            answer = _exchange(self.folder, op, timeout_s, **fields)
        except OSError as error:
            raise RunError(f"provider: {op}: its agent does not answer: {error}") from error
        if answer.ok is None:
            raise RunError(f"provider: {op}: {answer.refusal}")
        return answer.ok


class Said(msgspec.Struct, frozen=True):
    """What the provider's agent answers, as far as we look at it."""

    faults: list[FaultState] = []
    healed: list[str] = []
    t0_boottime_ns: int = 0


class _Refusal(msgspec.Struct, frozen=True):
    reason: str = ""
    detail: str = ""


class _Answer(msgspec.Struct, frozen=True):
    """A line of the agent: ok, or an error."""

    ok: Said | None = None
    error: _Refusal | None = None

    @property
    def refusal(self) -> str:
        """Return why it is not ok."""
        error = self.error or _Refusal()
        return ": ".join(word for word in (error.reason, error.detail) if word) or "no reason given"


def folder_of(inventory: Inventory) -> Path:
    """Return where the provider's agent of this lab keeps its ledger, whether or not it runs."""
    return state_home() / "power" / inventory.lab_id


def start(inventory: Inventory) -> Provider:
    """Return the lab's provider agent, running with the commands of this inventory.

    Raises:
        RunError: it cannot be started, or is busy with other commands than these.
    """
    folder = folder_of(inventory)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = _provider_file(inventory)
    provider, file = Provider(folder), folder / "provider.json"
    if running(folder):
        if file.read_bytes() == wanted:
            return provider
        if any(each.state in ("prepared", "applied") for each in provider.status().faults):
            raise RunError("provider: busy with an older inventory; wait, or run slotlab heal")
        _end(folder)
    write_private(file, wanted)
    write_private(folder / "host.json", msgspec.json.encode({"host": PROVIDER}) + b"\n")
    _spawn(folder, file)
    return provider


def running(folder: Path) -> bool:
    """Return whether a provider's agent answers there.

    Raises:
        RunError: something does that is none.
    """
    try:
        return _exchange(folder, "hello", ASK_TIMEOUT_S).ok is not None
    except OSError:
        return False


def heal(inventory: Inventory) -> tuple[bool, list[str]]:
    """Return whether nothing is left of the lab's provider faults, and which were taken back.

    By the agent if it answers, else from the ledger alone; without a ledger there was nothing.
    """
    folder = folder_of(inventory)
    if not layout(folder).ledger_dir.is_dir():
        return True, []
    words = (sys.executable, "-m", "faults", "--root", str(folder), "heal")
    try:
        done = subprocess.run(
            words, cwd=CLONE, capture_output=True, text=True, check=False, timeout=HEAL_TIMEOUT_S
        )
        answer = _decoded("heal", done.stdout.strip().rpartition("\n")[2].encode())
        return done.returncode == 0, (answer.ok or Said()).healed
    except (subprocess.TimeoutExpired, RunError):
        return False, []


def commands(host: Host) -> dict[str, list[str]]:
    """Return the host's power commands by word: {name}, {host} and {address} are filled in."""
    values = {"{name}": host.name, "{host}": host.ssh.address, "{address}": host.address}
    found = {key: shlex.split(template) for key, template in host.power.items()}
    for mark, value in values.items():
        found = {key: [each.replace(mark, value) for each in found[key]] for key in found}
    return found


def _provider_file(inventory: Inventory) -> bytes:
    ours = [f"{name}={os.environ[name]}" for name in KEPT if name in os.environ]
    prefix = ["env", "-C", str(CLONE), *ours]
    hosts = {
        host.name: {word: [*prefix, *words] for word, words in commands(host).items()}
        for host in inventory.lab_hosts
        if host.power
    }
    return msgspec.json.format(msgspec.json.encode({"hosts": hosts}), indent=1) + b"\n"


def _spawn(folder: Path, file: Path) -> None:
    words = (sys.executable, "-m", "faults", "--root", str(folder), "agent")
    if len(str(layout(folder).socket).encode()) > PATH_BYTES_MAX:
        raise RunError(f"provider: {folder}: too long a path for a socket; set XDG_STATE_HOME")
    with (folder / "agent.log").open("ab") as log:
        agent = subprocess.Popen(
            (*words, "--provider", str(file)), cwd=CLONE, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    until = time.monotonic() + START_TIMEOUT_S
    while not running(folder):
        if agent.poll() is not None or time.monotonic() > until:
            last = (folder / "agent.log").read_text(errors="replace").strip().splitlines()
            raise RunError(f"provider: its agent did not start: {last[-1] if last else 'no word'}")
        time.sleep(POLL_S)


def forget(lab_id: str) -> None:
    """End the agent of a lab that is gone, and remove its folder.

    Raises:
        RunError: it does not end.
    """
    folder = state_home() / "power" / lab_id
    if running(folder):
        _end(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _end(folder: Path) -> None:
    """End an agent that is not needed any more, and wait until its socket is closed."""
    pid = ctl.pid_of(layout(folder).socket, ASK_TIMEOUT_S)
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + START_TIMEOUT_S
    while running(folder):
        if time.monotonic() > until:
            raise RunError(f"provider: the agent of an older inventory does not end (pid {pid})")
        time.sleep(POLL_S)


def _exchange(folder: Path, op: str, timeout_s: float, **fields: Any) -> _Answer:
    return _decoded(op, ctl.exchange(layout(folder).socket, op, timeout_s, **fields))


def _decoded(op: str, line: bytes) -> _Answer:
    try:
        return msgspec.json.decode(line, type=_Answer)
    except BROKEN as error:
        raise RunError(f"provider: {op}: its agent's answer cannot be read: {error}") from error
