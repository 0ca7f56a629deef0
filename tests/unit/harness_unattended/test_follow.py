"""Who looks on sees what drivers say until the entry is over; Ctrl-C ends the looking alone."""

from __future__ import annotations

import pytest

from harness.errors import Interrupted, RunError
from harness.unattended import follow
from tests.unit.harness_unattended.queues import Worked


def test_lines_are_shown_when_they_are_whole_until_the_entry_is_over(worked: Worked) -> None:
    worked.add("a")
    worked.queue.change(1, state="running")
    log, seen = worked.queue.log(1), list[str]()
    log.write_text("x" * 5000 + "\nfirst\nhal")

    def show(line: str) -> None:
        seen.append(line)
        if line == "first":
            log.write_text(log.read_text() + "f\nlast\n")
            worked.queue.change(1, state="ended", status=1)

    assert follow.follow(worked.queue, 1, show) == worked.queue.entry(1)
    assert seen == ["first", "half", "last"]


def test_it_is_said_when_nobody_works_on_it(
    worked: Worked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "ALONE_S", 0.0)
    worked.add("a", "b")
    worked.queue.change(1, state="running", run="/runs/x")
    seen: list[str] = []
    remedy = "see systemctl status slotlab-queue-rack.service; slotlab run --resume /runs/x goes on"
    with pytest.raises(RunError, match=f"^nobody works on it: {remedy} here$"):
        follow.follow(worked.queue, 1, seen.append)
    with pytest.raises(RunError, match=r"^nobody works on it: see systemctl status [^ ]*$"):
        follow.follow(worked.queue, 2, seen.append)
    assert seen == ["entry 2 waits; entry 1 is run"]


def test_ctrl_c_says_that_it_goes_on(worked: Worked) -> None:
    worked.add("a")
    worked.queue.change(1, state="running")
    worked.queue.log(1).write_text("a line\n")

    def show(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"^it goes on without you; .* end it with .* cancel 1$"):
        follow.follow(worked.queue, 1, show)
    assert worked.queue.entry(1).state == "running"
