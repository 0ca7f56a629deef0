"""Queues as files: numbered through, whole, in order; what is over is kept for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import LockError, StoreError, UsageError
from harness.unattended import queue as queues
from harness.unattended.queue import KEPT
from tests.unit.harness_unattended.queues import Worked, entry


def test_entries_are_numbered_through_all_queues_and_keep_their_campaign(worked: Worked) -> None:
    rack, other = queues.of_lab("rack"), queues.of_lab("other rack-ä")
    assert rack == worked.queue
    files = {"x.yml": "title: b\n", "far.csv": "rtt_ms\n"}
    added = rack.add([(entry("a"), {"a.yml": "title: a\n"}), (entry("x"), files)])
    assert [each.n for each in added] == [1, 2]
    (third,) = other.add([(entry("y", run="/runs/y/2026"), {})])
    assert (third.n, third.batch, third.file) == (3, 3, "")
    assert [(each.n, each.batch) for each in rack.entries()] == [(1, 1), (2, 1)]
    assert [Path(each.file).read_text() for each in rack.entries()] == ["title: a\n", "title: b\n"]
    assert Path(rack.entry(2).file).name == "x.yml"
    assert Path(rack.entry(2).file).with_name("far.csv").read_text() == "rtt_ms\n"
    assert queues.numbered(3) == (other, third)
    assert [queue.name for queue in queues.every()] == ["other-rack--", "rack"]
    with pytest.raises(UsageError, match="4: no entry of a queue has that number"):
        queues.numbered(4)


def test_what_was_begun_comes_before_what_waits_longest(worked: Worked) -> None:
    worked.add("a", "b", "c")
    worked.queue.change(1, state="ended")
    worked.queue.change(3, state="running")
    assert worked.queue.next() == worked.queue.entry(3)
    worked.queue.change(3, state="cancelled")
    begun = worked.queue.begin(lambda: pytest.fail("there is one"))
    assert begun is not None
    assert (begun.n, begun.state, begun) == (2, "running", worked.queue.entry(2))
    assert Path(begun.run).parent == worked.folder / "runs" / "b"
    assert worked.queue.begin(lambda: pytest.fail("there is one")) == begun
    worked.queue.change(2, state="ended")
    told: list[str] = []
    assert worked.queue.begin(lambda: told.append("none")) is None
    assert told == ["none"]


def test_what_waits_is_cancelled_at_once_and_what_runs_is_told_to_end(worked: Worked) -> None:
    worked.add("a", "b")
    worked.queue.begin(lambda: None)
    runs, waits = (worked.queue.cancel(n, "so it was asked") for n in (1, 2))
    assert (runs.state, runs.cancel, runs.status) == ("running", True, 0)
    assert (waits.state, waits.cancel, waits.status, waits.why) == (
        "cancelled", False, 130, "so it was asked",
    )  # fmt: skip
    assert worked.queue.cancel(2, "again") == waits


def test_only_the_last_that_are_over_are_kept(worked: Worked) -> None:
    worked.add(*(["a"] * (KEPT + 3)))
    for n in range(1, KEPT + 3):
        worked.queue.change(n, state="ended")
    worked.add("b")
    kept = [each.n for each in worked.queue.entries()]
    assert kept == [*range(3, KEPT + 3), KEPT + 3, KEPT + 4]


def test_one_process_works_a_queue_through_and_is_seen(worked: Worked) -> None:
    worked.add("a")
    assert not worked.queue.is_worked
    with worked.queue.worked():
        assert worked.queue.is_worked
    assert not worked.queue.is_worked
    (worked.queue.path / "worker.lock").write_text('{"pid":1,"start_ticks":1}')
    assert not worked.queue.is_worked, "that process is gone"


def test_a_second_worker_is_refused(worked: Worked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "WORKER_S", 0.0)
    worked.add("a")
    refused = pytest.raises(LockError, match="another process works it through")
    with worked.queue.worked(), refused, worked.queue.worked():
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"n":1}', '{"n":1,"campaign":2}', "\xff"])
def test_a_damaged_entry_is_one_line_with_its_remedy(worked: Worked, text: str) -> None:
    worked.add("a")
    path = worked.queue.path / "1" / "entry.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(StoreError, match=rf"{path}: cannot be read: .*; remove {path.parent}$"):
        worked.queue.entries()


def test_the_run_that_is_meant_is_the_one_that_runs_else_the_last(worked: Worked) -> None:
    nothing = "nothing was handed over; `slotlab run CAMPAIGN --detach` does that"
    with pytest.raises(UsageError, match=nothing):
        queues.of_run("", Path("runs"))
    worked.add("a", "b", "c")
    assert queues.of_run("", Path("runs"))[1].n == 3
    for n, state in ((1, "ended"), (2, "running")):
        run = worked.folder / "runs" / f"c{n}" / f"2026010{n}T000000Z-abcdef"
        run.mkdir(parents=True)
        (run / "plan.json").write_text("{}")
        worked.queue.change(n, state=state, run=str(run))
    assert queues.of_run("", worked.folder / "runs")[1].n == 2
    assert queues.of_run(worked.queue.entry(1).run, Path("runs"))[1].n == 1
    assert queues.of_run("latest", worked.folder / "runs")[1].n == 2
    worked.queue.change(2, state="ended", run="")
    with pytest.raises(UsageError, match="latest: it was not handed over; `slotlab run --resume"):
        queues.of_run("latest", worked.folder / "runs")
