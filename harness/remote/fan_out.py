"""Everything timely on many hosts: commands, files and agent requests over warm SSH connections.

One thread a host; what fails on a host is data in its result, never an exception that hides the
others, and one that hangs is given up at the call's deadline. The threads, and only they, enter
the lab's network namespace when it has one.
"""

from __future__ import annotations

import io
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from harness.controller.netns_exec import call_inside, thread_start
from harness.errors import RunError
from harness.inventory.inventory import Host, Inventory
from harness.inventory.ssh_options import JUMP_LOGINS_MAX
from harness.remote.agent_channel import ControlChannel, Reply
from harness.remote.connection import Connection, connect, execute, failure
from harness.remote.ssh_failure import RemoteFailure
from harness.remote.ssh_master import LOGIN_STEPS

DEFAULT_TIMEOUT_S = 60.0
GRACE_S = 0.5
"""A host that gives up by itself at the deadline says more than one that is given up."""
Lane = Literal["requests", "renewals"]
"""Requests wait for each other in their lane of a host, never for one in another lane: what a
short lease or lock depends on goes by `renewals`, beside whatever else a host is busy with."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResult:
    """What one command did on one host. reason is empty, or why it could not even run there.

    Reasons: unreachable, auth_failed, host_key, timeout, closed, file, shell, output.
    """

    host: str
    stdout: str = ""
    stderr: str = ""
    exit_code: int | None = None
    reason: str = ""
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Return whether the command ran and ended with 0."""
        return self.exit_code == 0 and not self.reason

    @property
    def problem(self) -> str:
        """Return one line that says what went wrong, empty when nothing did."""
        if self.reason:
            return f"{self.reason}: {self.detail}"
        if self.exit_code:
            last = (self.stderr.strip() or self.stdout.strip()).splitlines()[-1:]
            return f"exit {self.exit_code}" + (f": {last[0]}" if last else "")
        return ""


def refuse_failed(doing: str, results: Mapping[str, HostResult] | Mapping[str, Reply]) -> None:
    """Refuse results of which one is a problem.

    Raises:
        RunError: one line that names what was being done, each failed host and why.
    """
    failed = [f"{each.host}: {each.problem}" for each in results.values() if each.problem]
    if failed:
        raise RunError(f"{doing}: {'; '.join(failed)}")


@dataclass(slots=True)
class _Line:
    """One lane to one host: its control channel, and who uses it now."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    channel: ControlChannel | None = None


class Remote:
    """Warm connections to all hosts of an inventory; use as a context manager."""

    def __init__(self, inventory: Inventory) -> None:
        call_inside(inventory.netns, lambda: None)  # a vanished lab is one clear error, here
        self.inventory = inventory
        self._hosts = {host.name: host for host in inventory.hosts}
        self._connections: dict[str, Connection] = {}
        self._lines: dict[tuple[str, Lane], _Line] = {}
        self._locks = {name: threading.Lock() for name in self._hosts}
        self._closing = threading.Event()
        self._pools = {name: self._pool(name) for name in ("commands", "requests", "renewals")}

    def __enter__(self) -> Remote:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every channel and connection."""
        self._closing.set()
        self.reconnect()
        for pool in self._pools.values():
            pool.shutdown(wait=True, cancel_futures=True)

    def run(
        self,
        hosts: Iterable[str] | None,
        command: str | Sequence[str],
        *,
        stdin: str = "",
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> dict[str, HostResult]:
        """Return what command did on each host (None: all of them), all at once.

        A sequence of words is quoted; stdin is one text for all.
        """
        names = list(self._hosts) if hosts is None else list(hosts)
        return self.run_each(dict.fromkeys(names, command), stdin=stdin, timeout_s=timeout_s)

    def run_each(
        self,
        commands: Mapping[str, str | Sequence[str]],
        *,
        stdin: str | Mapping[str, str] = "",
        into: Callable[[str], Path] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> dict[str, HostResult]:
        """Return what each host's own command did, all at once.

        stdin: one text, or one a host. into: where the raw standard output of a host goes instead.
        """

        def one(host: Host) -> HostResult:
            command, connection = commands[host.name], self._connection(host)
            line = command if isinstance(command, str) else shlex.join(command)
            text = stdin if isinstance(stdin, str) else stdin.get(host.name, "")
            kept = io.BytesIO()
            with into(host.name).open("wb") if into else kept as output:
                code, errors = execute(
                    connection, line, stdin=text.encode(), stdout=output, timeout_s=timeout_s
                )
                printed = kept.getvalue().decode(errors="replace")
            return HostResult(host=host.name, stdout=printed, stderr=errors, exit_code=code)

        names = list(commands)
        within_s = timeout_s + self._login_s(names)
        return self._gather(names, one, HostResult, self._pools["commands"], within_s)

    def ctl(
        self,
        requests: Mapping[str, Mapping[str, Any]],
        *,
        timeout_s: float = 10.0,
        lane: Lane = "requests",
    ) -> dict[str, Reply]:
        """Return each host's agent reply to its own request ({"op": …}), all at once.

        The channel to an agent stays open between calls, so that a request costs one round trip.
        The call ends after timeout_s, and what logging in takes where that is still to be done;
        in the lane of renewals nothing is added for it.
        """

        def one(host: Host) -> Reply:
            end = time.monotonic() + timeout_s
            line = self._lines.setdefault((host.name, lane), _Line())
            if not line.lock.acquire(timeout=timeout_s):
                raise RemoteFailure("timeout", "an earlier request is still not answered")
            try:
                if line.channel is None or line.channel.closed:
                    connection = self._connection(host)
                    if lane == "requests":
                        end = time.monotonic() + timeout_s
                    line.channel = ControlChannel(host.name, connection)
                left_s = max(0.0, end - time.monotonic())
                return line.channel.ask(requests[host.name], timeout_s=left_s)
            finally:
                line.lock.release()

        names = list(requests)
        within_s = timeout_s + (self._login_s(names) if lane == "requests" else 0)
        return self._gather(names, one, Reply, self._pools[lane], within_s)

    def ctl_all(
        self, op: str, *, timeout_s: float = 10.0, lane: Lane = "requests", **fields: Any
    ) -> dict[str, Reply]:
        """Return every host's agent reply to the same request."""
        request = {"op": op, **fields}
        return self.ctl(dict.fromkeys(self._hosts, request), timeout_s=timeout_s, lane=lane)

    def reconnect(self) -> None:
        """Drop all connections, so that the next call logs in anew (new groups count)."""
        for line in list(self._lines.values()):
            if line.channel is not None:
                line.channel.close()
        for name in list(self._connections):
            self._connections.pop(name).close()

    def shared_words(self) -> dict[str, tuple[str, ...]]:
        """Return the words by which another ssh uses our connection to each host that has one."""
        return {name: each.master.shared_words for name, each in self._connections.items()}

    def _connection(self, host: Host) -> Connection:
        with self._locks[host.name]:
            connection = self._connections.get(host.name)
            if connection is None or not connection.is_connected:
                connection = connect(host.ssh, self._closing)
                self._connections[host.name] = connection
            return connection

    def _login_s(self, names: Iterable[str]) -> float:
        """Return how long it may take until those of the hosts that are not yet are logged in."""
        away = [self._hosts[name].ssh for name in names if name not in self._connections]
        each_s = max((LOGIN_STEPS * ssh.connect_timeout_s for ssh in away), default=0)
        return each_s * (1 + sum(ssh.proxied for ssh in away) // JUMP_LOGINS_MAX)

    def _pool(self, name: str) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(
            max_workers=max(4, 2 * len(self._hosts)),
            thread_name_prefix=f"ssh-{name}",
            initializer=thread_start(self.inventory.netns),
        )

    def _gather(
        self,
        names: Sequence[str],
        one: Callable[[Host], T],
        lost: Callable[..., T],
        pool: ThreadPoolExecutor,
        within_s: float,
    ) -> dict[str, T]:
        """Return what each host came to within that time, as lost what had not."""
        end = time.monotonic() + within_s + GRACE_S

        def guarded(host: Host) -> T:
            try:
                return one(host)
            except Exception as error:
                problem = failure(error, host.ssh)
                if problem is None:
                    raise
                return lost(host=host.name, reason=problem.reason, detail=problem.detail)

        futures = {name: pool.submit(guarded, self.inventory.host(name)) for name in names}
        found: dict[str, T] = {}
        for name, future in futures.items():
            try:
                found[name] = future.result(max(0.0, end - time.monotonic()))
            except TimeoutError:
                future.cancel()
                found[name] = lost(host=name, reason="timeout", detail="no answer in time")
        return found


_SUDO_REMEDY = (
    "set ansible_become_password of the host (a file of ansible-vault keeps it), or -K, or allow"
    " sudo without a password (visudo)"
)


def as_root(host: Host, command: str) -> tuple[str, str]:
    """Return the shell line that runs command as root and what it needs on standard input."""
    if host.become_password:
        return f"sudo -S -p '' {command}", host.become_password + "\n"
    return f"sudo -n {command}", ""


def run_as_root(
    remote: Remote, commands: Mapping[str, str], *, timeout_s: float
) -> dict[str, HostResult]:
    """Return what each host's own command did there as root, all at once."""
    asked = {host: as_root(remote.inventory.host(host), line) for host, line in commands.items()}
    return remote.run_each(
        {host: line for host, (line, _) in asked.items()},
        stdin={host: text for host, (_, text) in asked.items()},
        timeout_s=timeout_s,
    )


def root_problem(result: HostResult) -> str:
    """Return what went wrong, with the remedy where sudo was given no password, or a wrong one."""
    words = ("password is required", "no password was provided", "incorrect password")
    fix = f"; {_SUDO_REMEDY}" if any(each in result.stderr for each in words) else ""
    return result.problem + fix
