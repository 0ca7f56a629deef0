"""One login a host: an OpenSSH connection (a ControlMaster) that sessions and Ansible share.

OpenSSH does all of it; what it says when it fails becomes a word and a line in ssh_failure. A
connection ends with `close`, and with this process however that ends.
"""

import atexit
import contextlib
import functools
import itertools
import os
import resource
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from harness.controller.file_lock import held
from harness.inventory.ssh_options import JUMP_LOGINS_MAX, SshOptions
from harness.remote.ssh_failure import RemoteFailure, refusal

LOGIN_STEPS = 3
"""Reaching a host, its greeting and the login may each take the time to connect."""
POLL_S = 0.01
FILES = 8192
GONE_S = 1.0
"""Within this time a connection that took a session with it has ended itself."""
_BOTH = ("-o", "PermitLocalCommand=no", "-o", "ClearAllForwardings=yes")
_MASTER = (
    # At this level OpenSSH says why it ends.
    *("-o", "LogLevel=INFO"),
    *("-o", "ControlMaster=yes", "-o", "ControlPersist=no", "-N"),
    # A host that is silent for half a minute is gone, and is logged in to anew.
    *("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=6"),
    # It would write into the user's own file, and many at once into ours.
    *("-o", "UpdateHostKeys=no"),
)
_ASK = """#!/bin/sh
# Answers OpenSSH's question for the password of one login, and nothing else.
case "$1" in *"$SLOTLAB_LOGIN"*assword*) printf '%s\\n' "$SLOTLAB_PASSWORD" ;; *) exit 1 ;; esac
"""
_JUMPING = threading.BoundedSemaphore(JUMP_LOGINS_MAX)
"""The few places for logins that go through another host."""
_NUMBERS = itertools.count()
_MAKING = threading.Lock()
_PREFIX = "slotlab-ssh-"
_LANGUAGE = ("LANG", "LC_")


class Master:
    """An open connection to one host.

    Use it in threads of this process; the one that makes it must live as long, since OpenSSH ends
    with that thread (and so never outlives us).
    """

    def __init__(self, ssh: SshOptions, given_up: threading.Event) -> None:
        """Log in, unless given_up comes first.

        Raises:
            RemoteFailure: unreachable, auth_failed, host_key, timeout or closed.
        """
        self.ssh = ssh
        self._socket = _folder() / str(next(_NUMBERS))
        self._log = self._socket.with_suffix(".log")
        with _JUMPING if ssh.proxied else contextlib.nullcontext():
            self._process = self._start()
            try:
                self._await_login(given_up)
            except BaseException:
                self.close()
                raise

    @property
    def alive(self) -> bool:
        """Return whether the connection is there."""
        return self._process.poll() is None

    @property
    def shared_words(self) -> tuple[str, ...]:
        """Return the words by which another ssh to this host uses the connection, or its own."""
        way = ("-o", "ControlMaster=no", "-o", f"ControlPath={self._socket}")
        return (*way, *self.ssh.words)

    def session(self, line: str) -> subprocess.Popen[bytes]:
        """Return a running ssh whose three streams are those of a shell line on the host."""
        # Without the connection it fails, rather than to log in by itself.
        alone = ("-o", "ProxyCommand=false", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR")
        words = ("ssh", *_BOTH, *alone, *self.shared_words, "--", self.ssh.target, line)
        return subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            # What tools there print is read by programs: in their language, not in ours.
            env={key: value for key, value in os.environ.items() if not key.startswith(_LANGUAGE)},
            start_new_session=True,
        )

    def lost(self) -> RemoteFailure | None:
        """Return why the connection is gone, None while it is there; it may take a second."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(GONE_S)
            return refusal(self._said() or "connection closed", self.ssh)
        return None

    def close(self) -> None:
        """End the connection and every session on it."""
        self._process.terminate()
        try:
            self._process.wait(GONE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for path in (self._socket, self._log):
            path.unlink(missing_ok=True)

    def _start(self) -> subprocess.Popen[bytes]:
        ssh, environment = self.ssh, dict(os.environ)
        words = ["-o", "BatchMode=yes"]
        if ssh.password:
            words = ["-o", "NumberOfPasswordPrompts=1"]
            environment |= {
                "SSH_ASKPASS": str(_folder() / "ask"),
                "SSH_ASKPASS_REQUIRE": "force",
                "SLOTLAB_LOGIN": f"{ssh.user}@{ssh.alias or ssh.address.lower()}",
                "SLOTLAB_PASSWORD": ssh.password,
            }
        command = ["setpriv", "--pdeathsig", "TERM", "ssh", *_BOTH, *_MASTER, *words]
        command += [*ssh.words, "-S", str(self._socket), "--", ssh.target]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # Ctrl-C is for us: healing needs the connection
            )

    def _await_login(self, given_up: threading.Event) -> None:
        deadline = time.monotonic() + LOGIN_STEPS * self.ssh.connect_timeout_s
        while not self._socket.exists():
            if not self.alive:
                raise refusal(self._said() or "connection closed", self.ssh)
            if given_up.wait(POLL_S) or time.monotonic() > deadline:
                raise refusal("", self.ssh)

    def _said(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text(errors="replace")
        return ""


def _folder() -> Path:
    """Return this process's folder of sockets, the same for all threads."""
    with _MAKING:
        return _made()


@functools.cache
def _made() -> Path:
    """Return a new folder of sockets; those of processes that are gone are removed."""
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if not os.access(base, os.W_OK) or len(str(base)) > 40:  # a socket's path has 108 bytes
        base = Path("/tmp")
    for left in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if left.lstat().st_uid == os.geteuid() and not left.is_symlink():
                with held(left / "lock"):
                    shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
    lock = held(folder / "lock", GONE_S)
    lock.__enter__()

    def end() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        lock.__exit__(None, None, None)

    atexit.register(end)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 < soft < FILES:  # a hundred hosts have some pipes each
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard) if hard > 0 else FILES, hard))
    ask = folder / "ask"
    ask.write_text(_ASK)
    ask.chmod(0o700)
    return folder
