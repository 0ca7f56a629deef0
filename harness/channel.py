"""A lasting line to one host's agent: JSON lines through `python -m faults ctl` over SSH."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import paramiko

from harness.connection import RemoteFailure
from harness.streams import Marked

INSTALL_DIR = "/opt/slotlab"
PYTHON = (
    f"PYTHONPATH={INSTALL_DIR}/current:{INSTALL_DIR}/current/site-packages {INSTALL_DIR}/python3"
)
"""How the deployed packages are run on a host; follow it with `-m node …` or `-m faults …`.

deploy has that name stand for the host's ansible_python_interpreter, for units and for us.
"""
CTL_COMMAND = f"{PYTHON} -m faults ctl"
OPEN_S = 10.0
PATIENCE_S = 60.0
"""A slow host's answer is late, not missing."""
STARTING_S = 60.0
"""How long the relay may take to start (its first line says that it has), however short a request's
patience is: on a slow host one that is ended and begun anew each time would never be there."""
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

    def __init__(
        self, host: str, transport: paramiko.Transport, *, timeout_s: float = OPEN_S
    ) -> None:
        self._host = host
        self._next_id = 1
        self._starts_until = time.monotonic() + STARTING_S
        self._buffer = bytearray()
        self._replies = io.BytesIO()
        self._marked = Marked(self._replies)
        self._channel = transport.open_session(timeout=timeout_s)
        self._channel.exec_command(self._marked.command(CTL_COMMAND))

    @property
    def closed(self) -> bool:
        """Return whether the far end is gone, so that a new channel is needed."""
        return bool(self._channel.closed or self._channel.exit_status_ready())

    def close(self) -> None:
        """Return once the channel is closed; the relay on the host then ends."""
        self._channel.close()

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
            self._channel.settimeout(timeout_s)
            self._channel.sendall(line.encode())
            while True:
                answer = json.loads(self._line(deadline))
                self._starts_until = 0.0
                if answer.get("id") in (request_id, None):
                    break
        except TimeoutError:
            if time.monotonic() >= self._starts_until:
                self.close()
            raise RemoteFailure("timeout", f"no reply to {request.get('op')}") from None
        except (OSError, ValueError) as error:
            absent = self._channel.exit_status_ready() and self._absent()
            self.close()
            raise absent or RemoteFailure("closed", f"agent channel: {error}") from error
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
        while (end := self._buffer.find(b"\n")) < 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self._channel.settimeout(left)
            chunk = self._channel.recv(1 << 16)
            if not chunk:
                raise self._ended()
            self._marked.write(chunk)
            self._buffer += self._replies.getvalue()
            self._replies.truncate(self._replies.seek(0))
            if len(self._buffer) > MAX_LINE_BYTES:
                raise ValueError(f"a reply longer than {MAX_LINE_BYTES} bytes")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _ended(self) -> RemoteFailure:
        """Return why the relay ended."""
        self._channel.settimeout(2)
        text = self._channel.makefile_stderr("r").read()
        words = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        lines = words.strip().splitlines()
        absent = self._channel.status_event.wait(2) and self._absent()
        self.close()
        detail = lines[-1] if lines else "the relay on the host ended"
        return absent or RemoteFailure("no_agent", f"{detail}; is it deployed? (slotlab deploy)")

    def _absent(self) -> RemoteFailure | None:
        """Return that nothing is deployed, if 127 says so: a shell found no such command."""
        if self._channel.recv_exit_status() != 127:
            return None
        return RemoteFailure("not_deployed", "slotlab is not on this host; slotlab deploy")
