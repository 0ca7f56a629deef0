"""A queue is worked through whatever drivers do; each entry ends once, and is told once."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.unit.harness_unattended.queues import Worked
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

DOWN = "unattended: the driver ended with exit status 3, without a report; another goes on in"
KILLED = "unattended: the driver ended by SIGKILL, without a report; another goes on in"


def how(worked: Worked, n: int = 1) -> tuple[str, int, str, str]:
    entry = worked.queue.entry(n)
    return entry.state, entry.status, entry.verdict, entry.why


@pytest.mark.parametrize(
    ("acts", "end"),
    [
        (["begin pass"], ("ended", 0, "pass", "")),
        (["begin fail"], ("ended", 1, "fail", "")),
        (["begin invalid"], ("ended", 3, "invalid", "")),
        (["refuse"], ("ended", 2, "", "slotlab: this cannot be")),
        (["begin die", "pass"], ("ended", 0, "pass", "")),
        (["away", "away", "begin seal die", "away", "seal die", "fail"], ("ended", 1, "fail", "")),
        (["begin seal die", "seal die", "seal die", "seal die", "seal die", "pass"],
         ("ended", 0, "pass", "")),
        (["begin die", "away", "die", "die"],
         ("ended", 3, "", "4 drivers ended without a report, the last by SIGKILL: driver 3 will"
          " die")),
    ],
)  # fmt: skip
def test_an_entry_ends_by_a_report_by_a_mistake_or_when_drivers_come_no_further(
    worked: Worked, acts: list[str], end: tuple[str, int, str, str]
) -> None:
    worked.script(*acts)
    worked.add("demo", inventory="/rack.yml", limit="!n1", only=["2", "trial 3"], seed=7)
    assert worked.work() == "last\nTrue\n"
    assert how(worked) == end
    assert len(worked.calls) == len(acts)
    entry = worked.queue.entry(1)
    first = ["run", entry.file, "--runs", entry.runs, "--folder", Path(entry.run).name]
    only = ["--only=2", "--only=trial 3"]
    assert worked.calls[0]["words"] == [
        *first, "-i", "/rack.yml", "--limit=!n1", "--seed=7", *only,
    ]  # fmt: skip
    begun = next((n for n, act in enumerate(acts) if "begin" in act), len(acts))
    for call in worked.calls[begun + 1 :]:
        assert call["words"] == ["run", "--resume", entry.run, "-i", "/rack.yml", *only]


def test_what_drivers_and_the_worker_say_is_one_log(worked: Worked) -> None:
    worked.script("begin die", "away", "pass")
    worked.add("demo")
    worked.work()
    assert worked.said(1) == [
        "driver 0 will begin", "driver 0 will die", f"{KILLED} 0.01 s",
        "driver 1 will away", "slotlab: n3 is away", f"{DOWN} 0.02 s",
        "driver 2 will pass",
    ]  # fmt: skip


def test_the_next_is_run_when_one_has_failed_and_all_of_it_in_order(worked: Worked) -> None:
    worked.script("begin fail", "refuse", "begin pass")
    worked.add("a", "b")
    worked.add("c")
    worked.work()
    assert [how(worked, n)[:3] for n in (1, 2, 3)] == [
        ("ended", 1, "fail"), ("ended", 2, ""), ("ended", 0, "pass"),
    ]  # fmt: skip


def test_with_stop_on_failure_those_added_together_are_not_run_after_one_that_failed(
    worked: Worked,
) -> None:
    worked.script("begin pass", "begin fail", "begin pass")
    worked.add("a", "b", "c", "d", stop_on_failure=True)
    worked.add("e", stop_on_failure=True)
    worked.work()
    why = "entry 2 failed, and --stop-on-failure was given"
    assert [how(worked, n) for n in (1, 2, 3, 4, 5)] == [
        ("ended", 0, "pass", ""),
        ("ended", 1, "fail", ""),
        ("cancelled", 130, "", why),
        ("cancelled", 130, "", why),
        ("ended", 0, "pass", ""),
    ]


def test_a_report_of_before_is_none_of_a_driver_that_did_not_come_to_it(worked: Worked) -> None:
    worked.script("away", "nothing")
    run = worked.folder / "runs" / "demo" / "20260101T000000Z-abcdef"
    run.mkdir(parents=True)
    (run / "plan.json").write_text("{}")
    (run / "summary.json").write_text('{"verdict": "fail"}')
    worked.add("demo", run=str(run))
    worked.work()
    assert len(worked.calls) == 2, "the first was not asked whether there is anything to do"
    assert how(worked) == ("ended", 1, "fail", "")


def test_the_operators_folder_and_variables_go_with_a_run(worked: Worked) -> None:
    worked.script("begin pass")
    worked.add("demo", environment={"ANSIBLE_CONFIG": "/x/ansible.cfg"})
    worked.work()
    (call,) = worked.calls
    assert call["cwd"] == str(worked.folder)
    assert call["env"]["ANSIBLE_CONFIG"] == "/x/ansible.cfg"


def test_a_folder_that_is_gone_is_said(worked: Worked) -> None:
    worked.script()
    worked.add("demo")
    worked.queue.change(1, folder=str(worked.folder / "gone"))
    worked.work()
    lost = f"unattended: no driver: {worked.folder / 'gone'}: No such file or directory"
    assert worked.said(1)[0] == lost
    state, status, _, why = how(worked)
    assert (state, status) == ("ended", 3)
    assert why.startswith("4 drivers ended without a report, the last with exit status 127: ")


TELL = """
import json, os, sys
with open(sys.argv[1], "a") as file:
    told = {name: os.environ.get(name) for name in ("RUN", "STATUS", "VERDICT", "REPORT")}
    file.write(json.dumps(told | {"words": sys.argv[2:]}) + "\\n")
print("told")
sys.exit(int(sys.argv[2] == "bad"))
"""


def test_whoever_asked_is_told_once_of_each_end_in_words_that_no_shell_reads(
    worked: Worked,
) -> None:
    worked.script("begin die", "fail", "refuse", "begin pass")
    told = worked.folder / "told"
    words = [sys.executable, "-c", TELL, str(told)]
    worked.add("a", "b", notify=[*words, "$(touch x); `touch x`"])
    worked.add("c", notify=[*words, "bad"])
    worked.add("d")
    worked.queue.cancel(4, "not wanted")
    worked.work()
    a, b, c = (worked.queue.entry(n) for n in (1, 2, 3))
    shell = {"words": ["$(touch x); `touch x`"]}
    assert [json.loads(line) for line in told.read_text().splitlines()] == [
        {"RUN": a.run, "STATUS": "1", "VERDICT": "fail", "REPORT": f"{a.run}/report.html"} | shell,
        {"RUN": b.run, "STATUS": "2", "VERDICT": "", "REPORT": ""} | shell,
        {"RUN": c.run, "STATUS": "0", "VERDICT": "pass", "REPORT": f"{c.run}/report.html",
         "words": ["bad"]},
    ]  # fmt: skip
    assert not list(worked.folder.rglob("x"))
    assert how(worked, 3) == ("ended", 0, "pass", "")
    assert worked.said(3)[-2:] == [
        "told", f"unattended: notify: {sys.executable} ended with status 1",
    ]  # fmt: skip


def test_a_run_that_is_cancelled_may_heal_and_report_and_the_next_is_run(worked: Worked) -> None:
    worked.script("begin wait invalid", "begin pass")
    worked.add("a", "b")
    process = worked.start()
    wait_until(lambda: worked.waits, "the driver")
    worked.queue.cancel(1, "by the test")
    said, _ = process.communicate()
    assert said == "last\nTrue\n"
    assert how(worked, 1) == ("cancelled", 130, "invalid", "cancelled by the operator")
    assert how(worked, 2) == ("ended", 0, "pass", "")


def test_a_worker_that_is_told_to_stop_leaves_its_entry_to_the_next(worked: Worked) -> None:
    worked.script("begin wait invalid", "pass")
    worked.add("a")
    process = worked.start()
    wait_until(lambda: worked.waits, "the driver")
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate()
    assert (process.returncode, said) == (0, "False\n")
    assert how(worked) == ("running", 0, "", "")
    assert worked.work() == "last\nTrue\n"
    assert worked.calls[1]["words"][:2] == ["run", "--resume"]
    assert how(worked) == ("ended", 0, "pass", "")


def test_a_worker_that_is_killed_takes_its_driver_along_and_the_next_goes_on(
    worked: Worked,
) -> None:
    worked.script("begin wait", "pass")
    worked.add("a")
    process = worked.start()
    wait_until(lambda: worked.waits, "the driver")
    process.kill()
    process.communicate()  # its driver has the log alone, not this pipe
    run = worked.queue.entry(1).run
    assert worked.work() == "last\nTrue\n"
    assert worked.calls[1]["words"][:3] == ["run", "--resume", run]
    assert how(worked) == ("ended", 0, "pass", "")
