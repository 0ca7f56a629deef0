"""One lab, one campaign at a time: a lock on every host, and one on this controller before it.

The hosts' lock is the one that counts: it has an owner and an expiry, and whoever comes second is
told both. This controller's own (the kernel drops it when the process dies) guards what is kept
here of a lab, and hosts that have no agent yet.
"""

import contextlib
import getpass
import json
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from faults.host.boottime import boot_id
from faults.model.fault import SECOND_NS
from harness.controller.file_lock import held
from harness.controller.state_dir import state_home
from harness.errors import LockError
from harness.labs.process import identify
from harness.remote.agent_channel import PATIENCE_S, Reply
from harness.remote.fan_out import Lane, Remote

TTL_NS = 15 * 60 * SECOND_NS
"""How long the hosts keep a lock that nobody renews."""
RENEW_S = 10.0
"""A renewal that is not answered by then is asked for again, long before the lock ends."""
PURPOSE_MAX = 200
BUSY = "this lab is busy"
REMEDY = "wait, or `slotlab stop --force`"
LOCKED = "locked"
"""An agent's word for: another owner has the lab."""
_LIFE = re.compile(r"([0-9]{1,10})\.[0-9a-f]{8}\.[0-9]{1,20}")


def owner(pid: int | None = None) -> str:
    """Return who a process of ours is to the hosts, this one by default: user, controller, process.

    A process is told from all others, also of another boot, by its pid, the boot and its start.
    """
    return f"{getpass.getuser()}@{socket.gethostname()}:{_life(pid or os.getpid())}"


def _life(pid: int) -> str:
    """Return what no other process than the live one of that pid has, "" where there is none."""
    found = identify(pid)
    return f"{pid}.{boot_id()[:8]}.{found.start_ticks}" if found is not None else ""


@dataclass(slots=True)
class HostLock:
    """The lock on the hosts that have an agent; the others have nothing to lock yet."""

    remote: Remote
    purpose: str
    owner: str = field(default_factory=owner)

    def take(self, *, ttl_ns: int = TTL_NS, force: bool = False) -> None:
        """Make every host with an agent ours for ttl_ns from now, also if it was before.

        force: also where its owner may be alive.

        Raises:
            LockError: another owner has a host; one line says who, for what and until when.
        """
        refused = refusals(self._ask(ttl_ns))
        owners = {host: self._owner(host) for host in refused}
        if refused and all(name and (force or is_dead(name)) for name in owners.values()):
            unlocks = {host: {"op": "unlock", "owner": name} for host, name in owners.items()}
            self.remote.ctl(unlocks, timeout_s=PATIENCE_S)
            refused = refusals(self._ask(ttl_ns))
        if refused:
            self.release()
            host, detail = next(iter(refused.items()))
            raise LockError(f"{BUSY}: {host}: {detail}; {REMEDY}")

    def renew(self, *, ttl_ns: int = TTL_NS) -> dict[str, Reply]:
        """Return each host's reply, within seconds; one that is away keeps our lock."""
        return self._ask(ttl_ns, lane="renewals", timeout_s=RENEW_S)

    def release(self) -> None:
        """Give the lock back on every host that answers."""
        self.remote.ctl_all("unlock", owner=self.owner, timeout_s=PATIENCE_S)

    def _ask(
        self, ttl_ns: int, *, lane: Lane = "requests", timeout_s: float = PATIENCE_S
    ) -> dict[str, Reply]:
        asked = {"owner": self.owner, "purpose": self.purpose[:PURPOSE_MAX], "ttl_ns": ttl_ns}
        return self.remote.ctl_all("lock", timeout_s=timeout_s, lane=lane, **asked)

    def _owner(self, host: str) -> str:
        """Return who holds a host's lock, "" where nobody does, or it does not say."""
        answer = self.remote.ctl({host: {"op": "hello"}}, timeout_s=PATIENCE_S)[host].ok or {}
        return str((answer.get("lock") or {}).get("owner", ""))


def is_dead(name: str) -> bool:
    """Return whether an owner was a process of this user and machine that has ended."""
    who, _, life = name.rpartition(":")
    pid = _LIFE.fullmatch(life)
    if who != owner().rpartition(":")[0] or pid is None:
        return False
    return _life(int(pid[1])) != life


def refusals(replies: Mapping[str, Reply]) -> dict[str, str]:
    """Return who else has a host, for what and until when, by host."""
    return {host: reply.detail for host, reply in replies.items() if reply.reason == LOCKED}


@contextmanager
def hold_hosts(remote: Remote, purpose: str, *, ttl_ns: int = TTL_NS) -> Iterator[HostLock]:
    """Hold the lab's hosts while the block runs; it may renew what it gets.

    Hosts without an agent, or out of reach, are passed over: what follows will name them.

    Raises:
        LockError: another owner has a host.
    """
    lock = HostLock(remote, purpose)
    lock.take(ttl_ns=ttl_ns)
    try:
        yield lock
    finally:
        lock.release()


@contextmanager
def hold(lab_id: str, purpose: str) -> Iterator[None]:
    """Hold this controller's lock of the lab while the block runs.

    Raises:
        LockError: another process holds it; the line says which and since when.
    """
    path = _path(lab_id)
    with held(path, refusal=lambda: LockError(f"{BUSY}: {_owner(path)}; {REMEDY}")) as file:
        json.dump({"pid": os.getpid(), "purpose": purpose, "since": int(time.time())}, file)
        file.flush()
        yield


def forget(lab_id: str) -> None:
    """Remove the lock that a holder left which died."""
    with contextlib.suppress(BlockingIOError), held(_path(lab_id)):
        pass


def _path(lab_id: str) -> Path:
    return state_home() / "locks" / f"{lab_id}.lock"


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_text())
        minutes = (time.time() - owner["since"]) / 60
        return f"process {owner['pid']} runs {owner['purpose']} for {minutes:.0f} min"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process holds it"
