"""One host as Fabric sees it: a connection that OpenSSH keeps, and commands that run over it."""

import contextlib
import io
import os
import shlex
import subprocess
import threading
from typing import IO, Any, BinaryIO

import fabric
from invoke.exceptions import CommandTimedOut, ThreadException
from invoke.runners import Runner

from harness.inventory.ssh_options import SshOptions
from harness.remote.ssh_failure import RemoteFailure
from harness.remote.ssh_master import Master
from harness.remote.streams import CHUNK_BYTES, Marked, Tail

EXIT_SSH = 255
"""OpenSSH's own exit status; a command may have the same."""


END_S = 10.0
"""How long a host may take to end a command that was given up."""
END_WAIT_S = 0.4
"""How long that is waited for: a host that hangs is given up in time."""


class _Session(Runner):
    """Runs one shell line in a session of the context's master, bytes as they come."""

    def start(self, command: str, shell: str, env: dict[str, Any]) -> None:
        self._process = self.context.master.session(command)

    def handle_stdout(self, buffer_: list[str], hide: bool, output: IO[Any]) -> None:
        while chunk := os.read(self._process.stdout.fileno(), CHUNK_BYTES):
            output.write(chunk)

    def handle_stderr(self, buffer_: list[str], hide: bool, output: IO[Any]) -> None:
        while chunk := os.read(self._process.stderr.fileno(), CHUNK_BYTES):
            output.write(chunk)

    def handle_stdin(self, input_: IO[Any], output: IO[Any], echo: bool = False) -> None:
        with contextlib.suppress(BrokenPipeError):  # the command does not want all of it
            view = memoryview(input_.read())
            while view:
                view = view[os.write(self._process.stdin.fileno(), view) :]
        self._process.stdin.close()

    @property
    def process_is_finished(self) -> bool:
        return self._process.poll() is not None

    def returncode(self) -> int:
        return int(self._process.returncode)

    def send_interrupt(self, interrupt: KeyboardInterrupt) -> None:
        raise interrupt

    def kill(self) -> None:
        self._process.kill()

    def stop(self) -> None:
        super().stop()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stderr):
            pipe.close()


class Connection(fabric.Connection):  # type: ignore[misc]
    """A Fabric connection whose way is an OpenSSH master, logged in from the start."""

    master: Master

    def __init__(self, master: Master) -> None:
        config = fabric.Config(
            lazy=True, overrides={"load_ssh_configs": False, "runners": {"remote": _Session}}
        )
        super().__init__(master.ssh.address, user=master.ssh.user, config=config)
        self._set(master=master)

    @property
    def is_connected(self) -> bool:
        """Return whether the connection is there."""
        return self.master.alive

    def _remote_runner(self) -> _Session:
        return _Session(context=self)

    def open(self) -> None:
        """Stay as it is: a master that is gone is replaced, not opened again."""

    def close(self) -> None:
        """End the connection and all that runs over it."""
        self.master.close()


def connect(ssh: SshOptions, given_up: threading.Event | None = None) -> Connection:
    """Return an open connection to the host, for as long as the calling thread lives.

    given_up ends a login that is under way.

    Raises:
        RemoteFailure: unreachable, auth_failed, host_key, timeout or closed.
    """
    return Connection(Master(ssh, given_up or threading.Event()))


def execute(
    connection: Connection, line: str, *, stdin: bytes, stdout: BinaryIO, timeout_s: float
) -> tuple[int, str]:
    """Return exit status and standard error of a shell line; its output is written to stdout.

    What the login shell prints before it is left out; of standard error the end is kept.

    Raises:
        TimeoutError: it had not ended after timeout_s; the host was told to end it.
        RemoteFailure: the connection ended, or the login shell did something else.
    """
    marked, errors = Marked(stdout), Tail()
    try:
        code = connection.run(
            marked.command(line),
            hide=True,
            warn=True,
            timeout=timeout_s,
            in_stream=io.BytesIO(stdin),
            out_stream=marked,
            err_stream=errors,
        ).exited
    except CommandTimedOut:
        if marked.session:
            end = threading.Thread(target=_end, args=(connection.master, marked.session))
            end.start()
            end.join(END_WAIT_S)
        raise TimeoutError from None
    except ThreadException as error:
        first = error.exceptions[0].value
        if isinstance(first, ValueError):
            raise RemoteFailure("shell", str(first)) from error
        raise first from error
    if code == EXIT_SSH and (problem := connection.master.lost()) is not None:
        raise problem
    if not marked.found:
        raise _not_run(marked, errors.text, code)
    return code, errors.text


def _end(master: Master, session: int) -> None:
    """Have the host end what ran too long, with all it started: sshd keeps ten sessions a login."""
    group = f"-{session}"
    line = f"kill -KILL {group}; sleep 0.2; kill -0 {group} && sudo -n kill -KILL {group}"
    process = master.session(f"sh -c {shlex.quote(line)}")
    try:
        process.communicate(timeout=END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _not_run(marked: Marked, errors: str, code: int) -> RemoteFailure:
    """Return why our line was not run: no session, or a login shell that did something else."""
    said = marked.greeting.decode(errors="replace").strip()
    if code == EXIT_SSH and not said:
        return RemoteFailure("closed", (errors.strip().splitlines() or ["no session"])[-1][:200])
    said = (said or errors.strip() or "nothing").splitlines()[-1][:200]
    return RemoteFailure("shell", f"the login shell did not run the command; it said: {said}")


def failure(error: BaseException, ssh: SshOptions) -> RemoteFailure | None:
    """Return the failure that error means for this host, None if it is a mistake of our own."""
    match error:
        case RemoteFailure():
            return error
        case TimeoutError():
            where = f"{ssh.user}@{ssh.address} port {ssh.port}"
            return RemoteFailure("timeout", f"{where} did not answer in time")
        case OSError():
            where = f"{error.filename}: " if error.filename is not None else ""
            return RemoteFailure("file", f"{where}{error.strerror or error}")
        case _:
            return None
