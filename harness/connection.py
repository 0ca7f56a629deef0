"""One Fabric connection that behaves as ssh_config says, and why one fails, as a word."""

from __future__ import annotations

import contextlib
import logging
import shlex
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import fabric
import paramiko

from harness.ssh import JUMP_LOGINS_MAX, SshOptions
from harness.streams import Marked, read_both

KEEPALIVE_S = 15
_UNREADABLE = (
    paramiko.hostkeys.InvalidHostKey, paramiko.SSHException, ValueError, IndexError,
)  # fmt: skip
"""What paramiko raises for a line of known_hosts."""
_PIN_LOCK = threading.Lock()
_JUMPING = threading.BoundedSemaphore(JUMP_LOGINS_MAX)


class RemoteFailure(Exception):
    """A host could not be reached or did not answer: a reason word and one line of detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def connect(ssh: SshOptions) -> fabric.Connection:
    """Return an open connection to the host.

    Raises:
        RemoteFailure: unreachable, auth_failed or host_key.
    """
    keywords: dict[str, object] = {
        "key_filename": list(ssh.key_files),
        "allow_agent": ssh.allow_agent,
        "look_for_keys": False,
        "banner_timeout": ssh.connect_timeout_s,
        "auth_timeout": ssh.connect_timeout_s,
    }
    if ssh.password:
        keywords["password"] = ssh.password
    # What fails is told by failure(); paramiko would print it besides, with a traceback.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    if ssh.proxy_command:
        # As OpenSSH runs it: in a shell, its tokens replaced by who knows the port.
        return _open(ssh, keywords, ("/bin/sh", "-c", f"exec {ssh.proxy_command}"))
    if ssh.jump is None:
        return _open(ssh, keywords, ())
    with _JUMPING:
        return _open(ssh, keywords, ssh.jump_command)


def _open(ssh: SshOptions, keywords: dict[str, object], way: tuple[str, ...]) -> fabric.Connection:
    """Return a connection over what the command of the way speaks to, over TCP without one."""
    proxy = paramiko.ProxyCommand(shlex.join(way)) if way else None
    if proxy is not None:
        keywords = keywords | {"sock": proxy}
    config = fabric.Config(
        lazy=True, overrides={"load_ssh_configs": False, "run": {"in_stream": False}}
    )
    connection = fabric.Connection(
        ssh.address,
        user=ssh.user,
        port=ssh.port,
        config=config,
        connect_timeout=ssh.connect_timeout_s,
        connect_kwargs=dict(keywords),
    )
    _trust(connection.client, ssh)
    try:
        connection.open()
    except Exception as error:
        said = _last_words(proxy)
        problem = failure(error, ssh)
        if problem is None:
            raise
        if said and problem.reason in ("closed", "timeout", "unreachable"):
            name = f"jump host {ssh.jump.target}" if ssh.jump else "ProxyCommand"
            problem = RemoteFailure("unreachable", f"{name}: {said}")
        raise problem from error
    connection.transport.set_keepalive(KEEPALIVE_S)
    if isinstance(sock := connection.transport.sock, socket.socket):
        # Requests are small and answered at once: waiting for the peer's ack costs 40 ms each.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def execute(
    connection: fabric.Connection, line: str, *, stdin: bytes, stdout: BinaryIO, timeout_s: float
) -> tuple[int, str]:
    """Return exit status and standard error of a shell line; its output is written to stdout.

    What the login shell prints before it is left out; of standard error the end is kept.

    Raises:
        TimeoutError: it had not ended after timeout_s; it is left to the host.
        RemoteFailure: the login shell did something else than to run the line.
        OSError, paramiko.SSHException: the connection failed; failure() says how.
    """
    deadline = time.monotonic() + timeout_s
    channel = connection.transport.open_session(timeout=timeout_s)

    def left_s() -> float:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    try:
        channel.settimeout(left_s())
        marked = Marked(stdout)
        channel.exec_command(marked.command(line))
        if stdin:
            channel.sendall(stdin)
        channel.shutdown_write()
        errors = read_both(channel, marked, left_s)
        if not channel.status_event.wait(left_s()):
            raise TimeoutError
        if not marked.found:
            raise RemoteFailure("shell", _not_run(marked, errors))
        return channel.recv_exit_status(), errors
    except ValueError as error:
        raise RemoteFailure("shell", str(error)) from error
    finally:
        channel.close()


def _not_run(marked: Marked, errors: str) -> str:
    """Return what a login shell said that did not run our line."""
    said = marked.greeting.decode(errors="replace").strip() or errors.strip() or "nothing"
    return f"the login shell did not run the command; it said: {said.splitlines()[-1][:200]}"


def _trust(client: paramiko.SSHClient, ssh: SshOptions) -> None:
    """Believe the host keys that OpenSSH would believe, and no others."""
    for name in ssh.known_hosts_files:
        for entry in _host_keys(Path(name)):
            for host in entry.hostnames:
                client.get_host_keys().add(host, entry.key.get_name(), entry.key)
    match ssh.host_key_policy:
        case "accept-new":
            file = Path(ssh.known_hosts_files[0]) if ssh.known_hosts_files else None
            client.set_missing_host_key_policy(_Pin(file))
        case "no" | "off":
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
        case _:
            client.set_missing_host_key_policy(paramiko.RejectPolicy())


def _host_keys(file: Path) -> Iterator[paramiko.hostkeys.HostKeyEntry]:
    """Yield what a known_hosts file says; a line that paramiko cannot read costs that line."""
    try:
        lines = file.read_text(errors="replace").splitlines()
    except OSError:
        return
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        with contextlib.suppress(*_UNREADABLE):
            entry = paramiko.hostkeys.HostKeyEntry.from_line(line, number)
            if entry is not None:
                yield entry


class _Pin(paramiko.MissingHostKeyPolicy):  # type: ignore[misc]
    """Believes the key of a host not seen before and adds it to a file; nothing else is written."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        if self._file is None:
            return
        with _PIN_LOCK:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._file.open("a") as file:
                file.write(f"{hostname} {key.get_name()} {key.get_base64()}\n")


def _last_words(proxy: paramiko.ProxyCommand | None) -> str:
    """Return the last line that the command between us and the host printed, after ending it."""
    if proxy is None:
        return ""
    proxy.process.kill()
    _, errors = proxy.process.communicate(timeout=5)
    lines = errors.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def failure(error: BaseException, ssh: SshOptions) -> RemoteFailure | None:
    """Return the failure that error means for this host, None if it is a mistake of our own."""
    where = f"{ssh.user}@{ssh.address} port {ssh.port}"
    match error:
        case RemoteFailure():
            return error
        case paramiko.BadHostKeyException():
            name = ssh.address if ssh.port == 22 else f"[{ssh.address}]:{ssh.port}"
            file = f"-f {ssh.known_hosts_files[0]} " if ssh.known_hosts_files else ""
            fix = f"if it was re-installed: ssh-keygen {file}-R {name}"
            return RemoteFailure("host_key", f"{where} shows another host key than before; {fix}")
        case paramiko.AuthenticationException():
            keys = ", ".join(ssh.key_files) or "none"
            fix = "set ansible_user and ansible_ssh_private_key_file, or run ssh-copy-id"
            return RemoteFailure("auth_failed", f"{where} refuses the login (keys: {keys}); {fix}")
        case paramiko.SSHException() if "not found in known_hosts" in str(error):
            fix = "pin it: slotlab check, or ssh to it once"
            return RemoteFailure("host_key", f"the host key of {where} is not known; {fix}")
        case TimeoutError():
            return RemoteFailure("timeout", f"{where} did not answer in time")
        case paramiko.SSHException() | EOFError():
            return RemoteFailure("closed", f"{where}: {error or 'connection closed'}")
        case OSError() if error.filename is not None:
            return RemoteFailure("file", f"{error.filename}: {error.strerror}")
        case OSError():
            tried = list(getattr(error, "errors", {}).values())
            reason = (tried[0] if tried else error).strerror or str(error)
            return RemoteFailure(
                "unreachable", f"{where}: {reason}; is it on, is the address right?"
            )
        case _:
            return None
