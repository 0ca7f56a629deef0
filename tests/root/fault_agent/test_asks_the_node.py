"""The agent asks its host's node over the node's socket: it starts no process and waits for none.

The node here is a real server of the node's local API, in this process.
"""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.node_local.test_local_api import served
from tests.waiting import wait_until

pytestmark = pytest.mark.root

S = 1_000_000_000
Wire = Callable[..., dict[str, object]]


def node(path: Path) -> AbstractContextManager[None]:
    """Return a node that echoes what it is asked, while a block runs."""
    return served(str(path), lambda request: {"ok": True, "op": request.op})


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_the_answer_comes_through_and_a_missing_node_is_told_from_a_refused_question(
    bench: Any,
) -> None:
    bench.start_agent()
    assert bench.try_ask("node", ask="status")["error"]["reason"] == "no_node"
    with node(bench.root / "run" / "node.sock"):
        answer = base64.b64decode(bench.ask("node", ask="status")["answer"])
        assert msgspec.msgpack.decode(answer) == {"ok": True, "op": "status"}
        for asked in ({}, {"ask": "submit"}, {"ask": ["status"]}):
            assert bench.try_ask("node", **asked)["error"]["reason"] == "bad_request"
    assert bench.try_ask("node", ask="status")["error"]["reason"] == "no_node"


def test_many_looks_start_no_process(bench: Any) -> None:
    agent = bench.start_agent()
    before = Path(f"/proc/{agent.pid}/stat").read_text().split()
    threads = Path(f"/proc/{agent.pid}/task").iterdir()
    known = {path.name for path in threads}
    with node(bench.root / "run" / "node.sock"):
        for _ in range(50):
            bench.ask("node", ask="status")
    assert children(agent.pid) == []
    assert {path.name for path in Path(f"/proc/{agent.pid}/task").iterdir()} == known
    after = Path(f"/proc/{agent.pid}/stat").read_text().split()
    assert after[15:17] == before[15:17], "no ended child has used any time"


def test_a_node_that_hangs_holds_up_no_fault_and_no_other_request(
    bench: Any, partition: Wire
) -> None:
    bench.start_agent()
    hanging = socket.socket(socket.AF_UNIX)
    hanging.bind(str(bench.root / "run" / "node.sock"))
    hanging.listen(64)
    found: list[str] = []

    def look() -> None:
        found.append(bench.try_ask("node", ask="status")["error"]["reason"])

    lookers = [threading.Thread(target=look) for _ in range(8)]
    for each in lookers:
        each.start()
    bench.arm(partition(id="p", at_ns=S // 2, for_ns=S // 2))
    wait_until(lambda: bench.state("p") == "healed", "healed")
    for each in lookers:
        each.join()
    hanging.close()
    assert found == ["node_silent"] * 8
    states = [record["state"] for record in bench.records("p")]
    assert states == ["armed", "applied", "installed", "healed"]
