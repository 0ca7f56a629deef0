"""The ledger: the undo is on disk first, the last complete record counts, a torn one is ignored."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from faults.fault import Command
from faults.journal import Journal
from faults.ledger import RESERVED_BYTES, Entry, Ledger
from faults.recovery import recover


def entry(token: str = "ab12cd34", state: str = "armed", **changes: object) -> Entry:
    made = Entry(
        token=token, trial="t", fault_id="partition-1", kind="partition", how="nft", boot="other",
        state="armed", t0_boottime_ns=0, inject_ns=1, deadline_ns=2,
    )  # fmt: skip
    return msgspec.structs.replace(made, state=state, **changes)


def test_the_latest_record_counts_and_space_was_reserved_for_all(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create(entry(), ())
    for state in ("prepared", "applied"):
        ledger.record(entry(state=state))
    assert ledger.entries() == [entry(state="applied")]
    assert (ledger.folder / "ab12cd34.jsonl").stat().st_size == RESERVED_BYTES


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_torn_tail_leaves_the_record_before_it(tmp_path: Path, cut: int) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create(entry(), ())
    ledger.record(entry(state="prepared"))
    path = ledger.folder / "ab12cd34.jsonl"
    data = path.read_bytes()
    end = data.rindex(b"\n")
    path.write_bytes(data[: end + 1 - cut] + bytes(len(data) - end - 1 + cut))
    assert ledger.entries() == [entry()]
    ledger.record(entry(state="closed"))
    assert ledger.open_entries() == []


def test_a_file_of_garbage_is_no_entry_and_stops_nobody(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    (ledger.folder / "ffffffff.jsonl").write_bytes(b"\xff\x00\n{not json\n")
    ledger.create(entry(), ())
    assert ledger.open_entries() == [entry()]


def test_closed_entries_leave_no_files(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create(entry(), ())
    ledger.create(entry("00000001"), ())
    ledger.record(entry(state="closed"))
    ledger.clear_closed()
    assert {path.name for path in ledger.folder.iterdir()} == {"00000001.sh", "00000001.jsonl"}


def test_the_undo_script_runs_twice_and_says_when(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    victim = tmp_path / "victim"
    victim.write_text("x")
    ledger.create(entry(), (Command(("rm", str(victim)), may_fail=True),))
    assert ledger.undone_ns("ab12cd34") is None
    for _ in range(2):
        subprocess.run(["/bin/sh", str(ledger.script("ab12cd34"))], check=True)
    assert not victim.exists()
    assert (ledger.undone_ns("ab12cd34") or 0) > 0


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (entry(state="armed"), ("skipped", "agent_restarted")),
        (entry(state="applied"), ("failed", "agent_restarted")),
    ],
)
def test_recovery_undoes_what_is_open_and_says_it_ended_early(
    tmp_path: Path, left: Entry, expected: tuple[str, str]
) -> None:
    ledger = Ledger(tmp_path / "ledger")
    victim = tmp_path / "victim"
    victim.write_text("x")
    ledger.create(left, (Command(("rm", str(victim)), may_fail=True),))
    journal = Journal(tmp_path / "agent.jsonl", "n1")
    assert recover(ledger, journal, "agent_restarted", systemd=False) == ["partition-1"]
    assert recover(ledger, journal, "agent_restarted", systemd=False) == []
    record = msgspec.json.decode(journal.lines(0)[0])
    assert (record["state"], record["reason"]) == expected
    assert victim.exists() == (left.state == "armed"), "what was never begun needs no undo"


def test_recovery_after_the_dead_mans_timer_says_healed(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create(entry(state="applied"), ())
    (ledger.folder / "ab12cd34.undone").write_text("12.50 3.00\n")
    journal = Journal(tmp_path / "agent.jsonl", "n1")
    recover(ledger, journal, "agent_restarted", systemd=False)
    record = msgspec.json.decode(journal.lines(0)[0])
    assert (record["state"], record["reason"]) == ("healed", "dead_man")


def test_the_journal_ends_a_torn_line_before_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    path.write_bytes(b'{"v":1,"ho')
    Journal(path, "n1").write("started")
    lines = path.read_bytes().splitlines()
    assert lines[0] == b'{"v":1,"ho'
    assert msgspec.json.decode(lines[1])["state"] == "started"
