"""The node's local socket as both rooms understand it: the node answers, the host's agent asks.

Also what the agent makes of a node that hangs, hangs up, babbles or is not there, and what the
controller reads from what came.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from faults.host import node_client
from faults.host.layout import layout
from faults.host.node_client import ANSWER_BYTES_MAX, ask_node
from faults.model.fault import FaultError
from harness.errors import RunError
from harness.orchestrator.fleet import (
    ClockStatus,
    HealthStatus,
    NodeStatus,
    PeerStatus,
    read_status,
)
from harness.plan.genesis import RUN_DIR
from harness.remote.agent_channel import Reply
from node.__main__ import DEFAULT_SOCKET
from node.local import local_frame
from node.local.local_api import LocalServer, Request
from node.local.local_api import Reply as NodeReply

STATUS: dict[str, Any] = {
    "ok": True, "host": "n1", "chain_id": "00", "head_num": 7, "head_id": "01", "head_slot": 9,
    "lib_num": 5, "lib_id": "02", "mempool": 3,
    "peers": [
        {"host": "n2", "state": "synced", "reason": "", "head_num": 7, "lib_num": 5},
        {"host": "n3", "state": "down", "reason": "gone", "head_num": 0, "lib_num": 0},
    ],
    "clock": {"verified": False, "offset_ns": None, "bound_ns": None, "reason": "no_answer"},
    "health": {"state": "degraded", "missed": 2, "window_slots": 12, "missed_total": 5},
}  # fmt: skip


@pytest.fixture
def path() -> Iterator[Path]:
    """Yield a short path: a Unix socket's holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="slb") as name:
        yield Path(name) / "s"


@asynccontextmanager
async def node(path: Path, status: NodeReply) -> AsyncIterator[None]:
    def answer(request: Request) -> NodeReply:
        return status if request.op == "status" else {"ok": True, "op": request.op}

    server = LocalServer(str(path), answer)
    await server.serve()
    try:
        yield
    finally:
        server.close()


def reply(answer: bytes) -> Reply:
    """Return the reply as it reaches the controller: bytes are base64 in JSON."""
    return Reply(host="n1", ok={"answer": base64.b64encode(answer).decode()})


def test_the_layout_of_a_frame_and_the_place_of_the_socket_are_the_same() -> None:
    assert node_client.LENGTH.format == local_frame.LENGTH.format
    assert ANSWER_BYTES_MAX < local_frame.FRAME_BYTES_MAX
    deployed = layout().run_dir / layout().node_socket.name
    assert str(deployed) == DEFAULT_SOCKET == f"{RUN_DIR}/node.sock"


def test_the_agent_passes_on_what_the_node_answers_and_the_controller_reads_it(path: Path) -> None:
    async def ask() -> tuple[bytes, bytes]:
        async with node(path, STATUS):
            return await ask_node(path, "status"), await ask_node(path, "mempool")

    status, mempool = asyncio.run(ask())
    assert msgspec.msgpack.decode(status) == STATUS
    assert msgspec.msgpack.decode(mempool) == {"ok": True, "op": "mempool"}
    read = read_status(reply(status))
    assert read == NodeStatus(
        head_num=7, lib_num=5, mempool=3,
        peers=[PeerStatus(host="n2", state="synced"), PeerStatus(host="n3", state="down")],
        clock=ClockStatus(verified=False, offset_ns=None, bound_ns=None, reason="no_answer"),
        health=HealthStatus(state="degraded", missed=2, window_slots=12, missed_total=5),
    )  # fmt: skip
    assert isinstance(read, NodeStatus)
    assert read.linked == 1


def test_the_status_of_a_node_with_a_hundred_peers_fits(path: Path) -> None:
    row = {"host": "h" * 63, "state": "handshaked", "reason": "r" * 60, "head_num": 10**9,
           "lib_num": 10**9}  # fmt: skip

    async def ask() -> bytes:
        async with node(path, {**STATUS, "peers": [row] * 100}):
            return await ask_node(path, "status")

    read = read_status(reply(asyncio.run(ask())))
    assert isinstance(read, NodeStatus)
    assert len(read.peers) == 100


async def _hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4)
    writer.write(b"\0\0\0\x09par")
    writer.close()


async def _says_too_much(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        writer.write(b"\xff" * 100)
        await _hangs(reader, writer)


async def _trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        writer.write(b"\0\0\x01\0")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (_hangs, "node_silent"),
        (_trickles, "node_silent"),
        (_hangs_up, "no_node"),
        (_says_too_much, "node_strange"),
    ],
)
def test_a_node_that_does_not_answer_is_given_up_with_its_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch, answers: Any, reason: str
) -> None:
    monkeypatch.setattr(node_client, "DEADLINE_S", 0.3)

    async def ask() -> None:
        async with await asyncio.start_unix_server(answers, str(path)):
            await ask_node(path, "status")

    with pytest.raises(FaultError) as caught:
        asyncio.run(ask())
    assert caught.value.reason == reason


def test_without_a_socket_and_behind_one_that_nobody_listens_on_there_is_no_node(
    path: Path,
) -> None:
    async def ask() -> None:
        await ask_node(path, "status")

    for make in (lambda: None, path.touch):
        make()
        with pytest.raises(FaultError) as caught:
            asyncio.run(ask())
        assert caught.value.reason == "no_node"


@pytest.mark.parametrize(
    "ok",
    [
        [], {}, {"answer": 5}, {"answer": "no base64!"}, {"answer": ""},
        {"answer": base64.b64encode(b"\x91" * 50_000).decode()},
        {"answer": base64.b64encode(b"\xa2\xff\xfe").decode()},
        {"answer": base64.b64encode(msgspec.msgpack.encode({"ok": False})).decode()},
        {"answer": base64.b64encode(
            msgspec.msgpack.encode({**STATUS, "clock": {"verified": "yes"}})).decode()},
        {"answer": base64.b64encode(msgspec.msgpack.encode({**STATUS, "peers": [7]})).decode()},
    ],
)  # fmt: skip
def test_what_is_no_status_is_one_line_about_that_host(ok: Any) -> None:
    found = read_status(Reply(host="n1", ok=ok))
    assert isinstance(found, RunError)
    assert re.fullmatch(r"the node's status cannot be read: .+", str(found))


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("no_node", "no node answers there"),
        ("node_silent", "the node hangs: no answer within 2 s"),
        ("timeout", "timeout: no answer within 2 s"),
    ],
)
def test_why_there_is_no_status_is_said_in_words(reason: str, said: str) -> None:
    found = read_status(Reply(host="n1", reason=reason, detail="no answer within 2 s"))
    assert isinstance(found, RunError)
    assert str(found) == said
