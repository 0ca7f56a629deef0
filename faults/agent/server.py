"""The agent's socket: one JSON request a line, one JSON reply a line; every input gets an
answer.
"""

import asyncio
import grp
import logging
import os
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import TypeVar

import msgspec

from faults.agent.agent import Agent
from faults.agent.arming import ArmRequest
from faults.durable.trial_files import last_events, mark_collected, mark_uncollected, uncollected
from faults.host.boottime import boot_id
from faults.host.clock import clock_setters
from faults.host.node_client import Ask, ask_node
from faults.model.fault import FaultError

log = logging.getLogger(__name__)

LINE_BYTES_MAX = 16 << 20
CONNECTIONS_MAX = 32
PROTOCOL = 1

Reply = dict[str, object]
Answer = Reply | Awaitable[Reply]
Operation = Callable[[bytes], Answer]
T = TypeVar("T")


class Request(msgspec.Struct, frozen=True):
    """The envelope of every request; arguments stand beside these keys."""

    v: int
    op: str
    id: int | str | None = None


class PrepareRequest(msgspec.Struct, frozen=True):
    """A trial's files: relative name to text."""

    trial: str
    files: dict[str, str]
    owner: str = ""


class CollectedRequest(msgspec.Struct, frozen=True):
    """A trial whose record is fetched, or given up."""

    trial: str
    owner: str = ""


class UnitsRequest(msgspec.Struct, frozen=True):
    """Short names of units: node, probe, client."""

    units: list[str]
    owner: str = ""


class LockRequest(msgspec.Struct, frozen=True):
    """Who wants the lab, what for and how long."""

    owner: str
    purpose: str
    ttl_ns: int


class UnlockRequest(msgspec.Struct, frozen=True):
    """Who gives the lab back."""

    owner: str


class RenewRequest(msgspec.Struct, frozen=True):
    """A trial and its lease from now."""

    trial: str
    lease_ns: int


class JournalRequest(msgspec.Struct, frozen=True):
    """Where to go on reading."""

    from_line: int = 0


class NodeRequest(msgspec.Struct, frozen=True):
    """What to ask the node of this host."""

    ask: Ask


class Server:
    """Listens on the agent's unix socket until closed."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent
        self.asked_s = time.monotonic()
        """When the last request came."""
        self._connections = 0
        self._server: asyncio.Server | None = None

    async def listen(self, path: Path, group: str) -> None:
        """Open the socket for connections; members of group may use it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, path=str(path), limit=LINE_BYTES_MAX
            )
        finally:
            os.umask(mask)
        if group:
            os.chown(path, -1, grp.getgrnam(group).gr_gid)
        path.chmod(0o660)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections > CONNECTIONS_MAX:
                await _send(writer, _error(None, "too_many_connections", str(CONNECTIONS_MAX)))
                return
            while line := await reader.readline():
                await _send(writer, await self.answer(line))
        except ValueError:
            await _send(writer, _error(None, "line_too_long", f"{LINE_BYTES_MAX} bytes a line"))
        except asyncio.CancelledError:
            log.debug("the agent ends with a controller connected")
        except ConnectionError:
            log.debug("a controller went away")
        finally:
            self._connections -= 1
            writer.close()

    async def answer(self, line: bytes) -> Reply:
        """Return the reply to one line; wrong input is an error reply, never an exception."""
        self.asked_s = time.monotonic()
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.DecodeError as error:
            return _error(None, "bad_request", str(error))
        if request.v != PROTOCOL:
            return _error(request.id, "bad_version", f"this agent speaks version {PROTOCOL}")
        operation = self._operations().get(request.op)
        if operation is None:
            return _error(request.id, "unknown_op", f"known: {', '.join(self._operations())}")
        try:
            answer = operation(line)
            return {"id": request.id, "ok": await answer if isawaitable(answer) else answer}
        except msgspec.DecodeError as error:
            return _error(request.id, "bad_request", str(error))
        except FaultError as error:
            return _error(request.id, error.reason, error.detail)
        except OSError as error:
            return _error(request.id, "os_error", str(error))

    def _operations(self) -> dict[str, Operation]:
        agent, layout, journal = self.agent, self.agent.host.layout, self.agent.host.journal
        return {
            "hello": lambda _: agent.hello(),
            "prepare": _of(PrepareRequest, lambda r: agent.prepare(r.trial, r.files, r.owner)),
            "start": _of(UnitsRequest, self._start),
            "stop": _of(UnitsRequest, lambda r: agent.stop(r.units, r.owner)),
            "collected": _of(CollectedRequest, self._collected),
            "lock": _of(LockRequest, self._lock),
            "unlock": _of(UnlockRequest, self._unlock),
            "snapshot": lambda _: agent.snapshot(),
            "arm": _of(ArmRequest, agent.arm),
            "renew": _of(RenewRequest, lambda r: agent.renew(r.trial, r.lease_ns)),
            "status": lambda _: {**agent.status(), "uncollected": uncollected(layout)},
            "disarm": lambda _: agent.heal("disarmed"),
            "heal": lambda _: agent.heal("heal"),
            "journal": _of(JournalRequest, lambda r: {"lines": journal.lines(max(0, r.from_line))}),
            "events": lambda _: {"boot": boot_id(), "lines": last_events(layout)},
            "clock_setters": lambda _: asyncio.to_thread(clock_setters.found),
            "node": _of(NodeRequest, self._ask_node),
        }

    async def _start(self, request: UnitsRequest) -> Reply:
        started = await self.agent.start(request.units, request.owner)
        mark_uncollected(self.agent.host.layout, self.agent.trial)
        return started

    def _collected(self, request: CollectedRequest) -> Reply:
        self.agent.lock.check(request.owner)
        mark_collected(self.agent.host.layout, request.trial)
        return {}

    def _lock(self, request: LockRequest) -> Reply:
        taken = self.agent.lock.take(request.owner, request.purpose, request.ttl_ns)
        return {"owner": taken.owner, "expires_boottime_ns": taken.expires_boottime_ns}

    def _unlock(self, request: UnlockRequest) -> Reply:
        self.agent.lock.give_back(request.owner)
        return {"owner": ""}

    async def _ask_node(self, request: NodeRequest) -> Reply:
        return {"answer": await ask_node(self.agent.host.layout.node_socket, request.ask)}


def _of(kind: type[T], do: Callable[[T], Answer]) -> Operation:
    """Return the operation that reads its arguments from the line first."""
    return lambda line: do(msgspec.json.decode(line, type=kind))


def _error(request_id: int | str | None, reason: str, detail: str) -> Reply:
    return {"id": request_id, "error": {"reason": reason, "detail": detail}}


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    writer.write(msgspec.json.encode(reply) + b"\n")
    await writer.drain()
