"""The node's local socket: askers in parts, at length, of nonsense, without reading; the client.

A server on a real socket, its loop in a thread; what it answers is made up here.
"""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.local.local_api import (
    CONNECTIONS_MAX,
    SUBMITTED_MAX,
    LocalServer,
    QueryError,
    Reply,
    Request,
    ask,
)
from node.local.local_client import Answer, LocalLink, Unanswered
from node.local.local_frame import FRAME_BYTES_MAX, LENGTH, FrameError, Frames, pack, unpack
from node.network.links import LinkError
from tests.waiting import wait_until

LONG = "x" * 60_000


@dataclass
class Serving:
    """A server that echoes, answers `peers` at length, and counts what it was asked."""

    path: str
    asked: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        self.asked.append(request)
        return {"ok": True, "op": request.op, "long": LONG if request.op == "peers" else ""}

    def connect(self) -> socket.socket:
        link = socket.socket(socket.AF_UNIX)
        link.settimeout(20)
        link.connect(self.path)
        return link


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder with a short name: a Unix socket's path holds 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="sla") as name:
        yield Path(name)


@contextmanager
def served(path: str, answer: Callable[[Request], Reply]) -> Iterator[None]:
    """Serve the local API at a path while the block runs, its loop in a thread."""
    loop = asyncio.new_event_loop()
    server = LocalServer(path, answer)
    loop.run_until_complete(server.serve())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@contextmanager
def serving(folder: Path) -> Iterator[Serving]:
    made = Serving(str(folder / "s"))
    with served(made.path, made.answer):
        yield made


def replies(link: socket.socket, count: int) -> list[dict[str, Any]]:
    frames, found = Frames(), []
    while len(found) < count:
        data = link.recv(1 << 16)
        assert data, f"hung up after {len(found)} replies"
        frames.feed(data)
        while (body := frames.next()) is not None:
            found.append(unpack(body, dict[str, Any]))
    return found


def test_the_socket_is_for_its_owner_and_group_and_gone_with_the_server(folder: Path) -> None:
    with serving(folder) as made:
        assert stat.S_IMODE(os.stat(made.path).st_mode) == 0o660
        assert ask(made.path, "mempool") == {"ok": True, "op": "mempool", "long": ""}
    assert list(folder.iterdir()) == []
    with pytest.raises(QueryError, match=r"s: no node answers; is it running\?$"):
        ask(made.path, "mempool")


def test_a_file_left_by_a_killed_node_is_no_obstacle_and_a_folder_is_named(folder: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder / "s"))
    left.close()
    with serving(folder) as made:
        assert ask(made.path, "status")["ok"] is True
    (folder / "s").mkdir()
    with pytest.raises(LinkError, match=r"^socket: .*/s: "):
        LocalServer(str(folder / "s"), made.answer)
    with pytest.raises(LinkError, match="over 100 bytes; give a shorter path"):
        LocalServer("/tmp/" + "x" * 100, made.answer)


def test_requests_in_pieces_and_many_at_once_are_answered_in_order(folder: Path) -> None:
    with serving(folder) as made, made.connect() as link:
        for byte in pack({"op": "status", "ref": 0}):
            link.send(bytes([byte]))
        link.sendall(b"".join(pack({"op": "mempool", "ref": n}) for n in range(1, 2000)))
        found = replies(link, 2000)
    assert [reply["ref"] for reply in found] == list(range(2000))
    assert [reply["op"] for reply in found] == ["status", *["mempool"] * 1999]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xc1", b"\xc0", b"\x91" * 5000, b"\x81\xa2op\xa4kill", b"\x81\xa2op\x05",
        b"\x81\xa2op\xa6status\x00", b"\x82\xa2op\xa6status\xa3ref\xa1x",
        b"\x81\xa2op\xa6stat\xff\xfe", b"\xdf\xff\xff\xff\xff",
        pack({"op": "submit", "txs": [b""] * (SUBMITTED_MAX + 1)})[LENGTH.size :],
    ],
)  # fmt: skip
def test_a_frame_of_nonsense_is_a_bad_request_and_the_next_one_is_answered(
    folder: Path, body: bytes
) -> None:
    with serving(folder) as made, made.connect() as link:
        link.sendall(LENGTH.pack(len(body)) + body + pack({"op": "status"}))
        refused, answered = replies(link, 2)
    assert refused == {"ok": False, "reason": "bad_request"}
    assert answered["op"] == "status"


def test_an_asker_that_announces_too_long_a_frame_is_hung_up_on(folder: Path) -> None:
    with serving(folder) as made, made.connect() as link:
        link.sendall(LENGTH.pack(FRAME_BYTES_MAX + 1))
        with pytest.raises(AssertionError, match="hung up after 0 replies"):
            replies(link, 1)
        assert ask(made.path, "status")["ok"] is True


def test_an_asker_that_never_reads_is_hung_up_on_and_holds_up_nobody(folder: Path) -> None:
    with serving(folder) as made, made.connect() as link, made.connect() as other:
        with pytest.raises(ConnectionError):
            link.sendall(pack({"op": "peers"}) * 100_000)
        other.sendall(pack({"op": "status"}))
        assert replies(other, 1)[0]["op"] == "status"
        assert len(made.asked) < 1000, "it went on answering an asker that does not read"


def test_more_connections_than_there_may_be_are_hung_up_on_until_others_go(folder: Path) -> None:
    with serving(folder) as made:
        held = [made.connect() for _ in range(CONNECTIONS_MAX)]
        for link in held:
            link.sendall(pack({"op": "status"}))
            assert replies(link, 1)[0]["ok"] is True
        with pytest.raises(QueryError):
            ask(made.path, "status")
        for link in held:
            link.close()
        wait_until(lambda: _answers(made.path))


def test_frames_are_whole_or_nothing_however_the_bytes_come() -> None:
    messages = [{"a": n, "b": "x" * n} for n in range(50)]
    stream = b"".join(map(pack, messages))
    for size in (1, 3, 7, 64, len(stream)):
        frames, found = Frames(), []
        for at in range(0, len(stream), size):
            frames.feed(stream[at : at + size])
            while (body := frames.next()) is not None:
                found.append(unpack(body, dict[str, Any]))
        assert found == messages
    with pytest.raises(FrameError):
        unpack(b"\x90", dict[str, Any])


def test_the_clients_link_matches_answers_and_gives_up_what_a_gone_node_owes(folder: Path) -> None:
    link = LocalLink(str(folder / "s"))
    assert link.send({"op": "status"}, ids=("early",), now_ns=0) is False
    with serving(folder) as made:
        for n in range(3):
            assert link.send({"op": "status"}, ids=(f"k{n}",), now_ns=n) is True
        found: list[Answer | Unanswered] = []
        wait_until(lambda: found.extend(link.receive(10)) or len(found) == 3)
        assert [each.ids for each in found] == [("k0",), ("k1",), ("k2",)]
        assert all(isinstance(each, Answer) for each in found)
        assert link.in_flight == 0
        assert ask(made.path, "mempool")["ok"] is True
    wait_until(
        lambda: link.receive(11) == [] and not link.send({"op": "status"}, ids=(), now_ns=12)
    )
    with serving(folder):
        assert link.send({"op": "status"}, ids=("again",), now_ns=20) is True
        wait_until(lambda: bool(found.extend(link.receive(21)) or isinstance(found[-1], Answer)))
    link.close()
    assert link.send({"op": "status"}, ids=("off",), now_ns=30) is False


def test_a_request_to_a_node_that_hangs_or_hangs_up_is_unanswered(folder: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    listener.listen(5)
    link = LocalLink(str(folder / "s"))
    assert link.send({"op": "status"}, ids=("hangs", "too"), now_ns=0) is True
    assert link.receive(2_000_000_000) == []
    assert link.receive(2_000_000_001) == [Unanswered(("hangs", "too"))]
    assert link.send({"op": "status"}, ids=("hung up",), now_ns=3) is True
    far, _ = listener.accept()
    far.close()
    assert link.receive(4) == [Unanswered(("hung up",))]
    assert link.in_flight == 0
    link.close()
    listener.close()


def test_a_node_that_reads_nothing_gets_no_more_than_fits(folder: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "s"))
    listener.listen(5)
    link = LocalLink(str(folder / "s"))
    request = {"op": "submit", "txs": [bytes(10_000)]}
    taken = 0
    while link.send(request, ids=(str(taken),), now_ns=0):
        taken += 1
        assert taken < 1000
    far, _ = listener.accept()
    far.settimeout(20)
    frames = Frames()
    for n in range(taken):
        while (body := frames.next()) is None:
            frames.feed(far.recv(1 << 16))
            link.receive(0)
        assert unpack(body, dict[str, Any])["ref"] == n
    assert link.send(request, ids=("more",), now_ns=0) is True
    link.close()
    listener.close()


def _answers(path: str) -> bool:
    try:
        return ask(path, "status")["ok"] is True
    except QueryError:
        return False
