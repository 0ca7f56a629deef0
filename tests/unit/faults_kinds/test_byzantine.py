"""A lie: the file that a node reads, what the node says of itself, and that nothing is left of it.

The node here is one that answers as it is told; that a real one does is in tests/process.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from typing import Any

import msgspec
import pytest

from faults.durable.ledger import undo_script
from faults.host.runner import run
from faults.kinds import byzantine
from faults.kinds.byzantine import STRATEGIES
from faults.kinds.registry import decode_fault
from faults.model.fault import Fault, FaultError, HostContext
from node.byzantine.behaviour import Behaviour, BehaviourFile
from node.local import local_frame
from tests.unit.faults_kinds.test_rendering import place

WIRE: dict[str, Any] = {
    "id": "b", "fault": "byzantine", "at_ns": 0, "for_ns": 1, "strategy": "censor", "by_ns": 5,
    "accounts": ["usera"], "seed": 2**62,
}  # fmt: skip


def lie(**changes: Any) -> Fault:
    return decode_fault(json.dumps(WIRE | changes).encode())


@pytest.fixture
def here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> HostContext:
    """Return a host's place in a folder of the test's own, looked at briefly."""
    monkeypatch.setattr(byzantine, "SEEN_S", 0.1)
    folder = tmp_path_factory.mktemp("h")
    return replace(place(), run_dir=folder, behaviour_file=folder / "byzantine.json")


@contextmanager
def node(context: HostContext, follows: bool = True, **more: Any) -> Iterator[None]:
    """Run a node that says that it lies as the file tells it, or, if it does not follow, more."""

    class Answer(StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.read(local_frame.LENGTH.size)
            found = BehaviourFile(context.behaviour_file).read()
            lies = {"lies": found.strategy if found else ""} if follows else more
            body = msgspec.msgpack.encode({"ok": True, **lies})
            self.wfile.write(local_frame.LENGTH.pack(len(body)) + body)

    with ThreadingUnixStreamServer(str(context.run_dir / "node.sock"), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield
        finally:
            server.shutdown()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_node_reads_what_the_agent_writes_and_no_longer_after_the_undo(
    here: HostContext, strategy: str, tmp_path: Path
) -> None:
    fault = lie(strategy=strategy)
    recipe, file = fault.recipe(here), BehaviourFile(here.behaviour_file)
    assert run(recipe.inject).error == ""
    asked = Behaviour(strategy=strategy, by_ns=5, accounts=["usera"], seed=2**62)
    assert file.read() == asked
    assert here.behaviour_file.stat().st_mode & 0o777 == 0o640
    script = tmp_path / "undo.sh"
    script.write_text(undo_script(script, recipe.undo))
    for _ in range(2):
        assert subprocess.run(["sh", script], check=True, capture_output=True).stderr == b""
        assert file.read() is None


def test_what_the_node_says_of_itself_is_the_evidence(here: HostContext) -> None:
    fault = lie()
    recipe = fault.recipe(here)
    run(recipe.inject)
    found = fault.read_back(here)
    assert (found.state, found.data) == ("indeterminate", {"node": {"lies": "", "why": "no_node"}})
    with node(here):
        assert fault.read_back(here).state == "installed"
        assert fault.ended_early(here) == ""
        assert fault.counters(here) == {"node": {"lies": "censor", "why": ""}}
        run(recipe.release)
        assert fault.left_over(here) == ""
        assert "No such file" in fault.ended_early(here)


@pytest.mark.parametrize("says", [{"lies": ""}, {"lies": "late"}, {"lies": 7}, {}])
def test_a_node_that_does_not_say_so_does_not_lie(here: HostContext, says: Any) -> None:
    fault = lie()
    run(fault.recipe(here).inject)
    with node(here, follows=False, **says):
        found = fault.read_back(here)
        assert found.state == "indeterminate"
        assert found.reason.startswith("the node does not say that it lies: ")
        assert fault.left_over(here) == str(here.behaviour_file)
        run(fault.recipe(here).release)
        honest = says != {"lies": "late"}
        assert fault.left_over(here) == ("" if honest else "the node still lies")


def test_a_file_that_somebody_else_wrote_ends_the_fault(here: HostContext) -> None:
    fault = lie()
    run(lie(strategy="late").recipe(here).inject)
    assert fault.ended_early(here) == f"{here.behaviour_file} holds something else"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"strategy": "honest"}, "no such strategy: 'honest'"),
        ({"by_ns": -1}, "by_ns"),
        ({"accounts": ["a" * 65]}, "accounts"),
        ({"accounts": "usera"}, "accounts"),
    ],
)
def test_a_wrong_lie_is_refused_naming_what_is_wrong(change: dict[str, Any], word: str) -> None:
    with pytest.raises(FaultError, match=word) as caught:
        lie(**change)
    assert caught.value.reason == "bad_fault"
