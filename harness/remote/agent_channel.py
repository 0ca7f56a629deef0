"""A lasting line to one host's agent: JSON lines through `python -m faults ctl` over SSH."""

import contextlib
import io
import json
import os
import select
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any

from harness.remote.connection import EXIT_SSH, Connection
from harness.remote.ssh_failure import RemoteFailure
from harness.remote.streams import CHUNK_BYTES, Marked, Tail

INSTALL_DIR = "/opt/slotlab"
PYTHON = (
    f"PYTHONPATH={INSTALL_DIR}/current:{INSTALL_DIR}/current/site-packages {INSTALL_DIR}/python3"
)
"""How the deployed packages are run on a host; follow it with `-m node …` or `-m faults …`.

deploy has that name stand for the host's ansible_python_interpreter, for units and for us.
"""
CTL_COMMAND = f"{PYTHON} -m faults ctl"
PATIENCE_S = 60.0
"""A slow host's answer is late, not missing."""
STARTING_S = 60.0
"""How long the relay may take to start (its first line says that it has), however short a request's
patience is: on a slow host one that is ended and begun anew each time would never be there."""
LAST_WORDS_S = 2.0
EXIT_NO_COMMAND = 127
"""A shell's word for: there is no such command."""
NOT_DEPLOYED = "not_deployed"
"""The reason where a host has no agent of ours at all."""
MAX_LINE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An agent's answer: ok is its content, None when it refused or was not reached.

    reason is then the agent's own word, or unreachable, auth_failed, host_key, timeout,
    no_agent, not_deployed, closed. elapsed_ns is the round trip as the controller saw it.
    """

    host: str
    ok: Any = None
    reason: str = ""
    detail: str = ""
    elapsed_ns: int = 0

    @property
    def problem(self) -> str:
        """Return one line that says what went wrong, empty when nothing did."""
        return f"{self.reason}: {self.detail}" if self.reason else ""


class ControlChannel:
    """One running `faults ctl` on a host; ask() is not for two threads at once."""

    def __init__(self, host: str, connection: Connection) -> None:
        self._host = host
        self._master = connection.master
        self._next_id = 1
        self._starts_until = time.monotonic() + STARTING_S
        self._unsent = bytearray()
        self._buffer = bytearray()
        self._replies = io.BytesIO()
        self._marked = Marked(self._replies)
        self._errors = Tail()
        self._process = self._master.session(self._marked.command(CTL_COMMAND))
        self._in, self._out, self._err = _pipes(self._process)
        os.set_blocking(self._in.fileno(), False)

    @property
    def closed(self) -> bool:
        """Return whether the far end is gone, so that a new channel is needed."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the channel; the relay on the host then ends."""
        self._process.kill()
        self._process.wait()

    def ask(self, request: Mapping[str, Any], *, timeout_s: float) -> Reply:
        """Return the agent's reply to one request.

        Raises:
            RemoteFailure: no_agent, not_deployed, timeout or closed; the channel is then of no
                further use, unless its relay may still be starting: the next request finds it
                further on.
        """
        request_id, self._next_id = self._next_id, self._next_id + 1
        line = json.dumps({"v": 1, **request, "id": request_id}, separators=(",", ":")) + "\n"
        started = time.monotonic_ns()
        deadline = time.monotonic() + timeout_s
        try:
            self._unsent += line.encode()
            while True:
                answer = json.loads(self._line(deadline))
                self._starts_until = 0.0
                if answer.get("id") in (request_id, None):
                    break
        except TimeoutError:
            if time.monotonic() >= self._starts_until:
                self.close()
            raise RemoteFailure("timeout", f"no reply to {request.get('op')}") from None
        except (OSError, ValueError, AttributeError) as error:
            self.close()
            raise RemoteFailure("closed", f"agent channel: {error}") from error
        elapsed = time.monotonic_ns() - started
        if (refusal := answer.get("error")) is not None:
            return Reply(
                host=self._host,
                reason=str(refusal.get("reason", "error")),
                detail=str(refusal.get("detail", "")),
                elapsed_ns=elapsed,
            )
        return Reply(host=self._host, ok=answer.get("ok"), elapsed_ns=elapsed)

    def _line(self, deadline: float) -> bytes:
        """Return the next line that the relay printed; what is still to be sent goes meanwhile."""
        while (end := self._buffer.find(b"\n")) < 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            ready = self._ready(left)
            if self._in in ready:
                with contextlib.suppress(BrokenPipeError):  # its last words tell why
                    del self._unsent[: os.write(self._in.fileno(), self._unsent)]
            if self._err in ready:
                self._hear()
            if self._out in ready and not self._take():
                raise self._ended()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _ready(self, left_s: float) -> list[IO[bytes]]:
        """Return which pipes can be read or, as far as something is unsent, written."""
        poll = select.poll()
        wanted = {pipe.fileno(): pipe for pipe in (self._out, self._err) if not pipe.closed}
        for number in wanted:
            poll.register(number, select.POLLIN)
        if self._unsent:
            wanted[self._in.fileno()] = self._in
            poll.register(self._in, select.POLLOUT)
        return [wanted[number] for number, _ in poll.poll(left_s * 1000)]

    def _take(self) -> bool:
        """Return whether the relay printed something, which is in the buffer then."""
        chunk = os.read(self._out.fileno(), CHUNK_BYTES)
        self._marked.write(chunk)
        self._buffer += self._replies.getvalue()
        self._replies.truncate(self._replies.seek(0))
        if len(self._buffer) > MAX_LINE_BYTES:
            raise ValueError(f"a reply longer than {MAX_LINE_BYTES} bytes")
        return bool(chunk)

    def _hear(self) -> None:
        chunk = os.read(self._err.fileno(), CHUNK_BYTES)
        self._errors.write(chunk)
        if not chunk:
            self._err.close()

    def _ended(self) -> RemoteFailure:
        """Return why the relay ended: the connection did, or there is no agent."""
        self._out.close()
        self._unsent.clear()
        until = time.monotonic() + LAST_WORDS_S
        while not self._err.closed and time.monotonic() < until:
            if self._err in self._ready(LAST_WORDS_S):
                self._hear()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS_S)
        self.close()
        if self._process.returncode == EXIT_SSH and (problem := self._master.lost()) is not None:
            return problem
        if self._process.returncode == EXIT_NO_COMMAND:
            return RemoteFailure(NOT_DEPLOYED, "slotlab is not on this host; slotlab deploy")
        said = self._errors.text.strip() or self._marked.greeting.decode(errors="replace").strip()
        detail = said.splitlines()[-1] if said else "the relay on the host ended"
        return RemoteFailure("no_agent", f"{detail}; is it deployed? (slotlab deploy)")


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    return process.stdin, process.stdout, process.stderr
