"""The ledger: the undo is on disk first, the last complete record counts, a torn one is ignored."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from faults.agent.arming import Host
from faults.agent.undo_open_faults import undo_open_faults
from faults.durable.armed_trial import ArmedTrial, ArmedTrialFile
from faults.durable.journal import Journal
from faults.durable.ledger import Entry, Ledger
from faults.host.boottime import boot_id, boottime_ns
from faults.host.layout import HostConfig, Layout
from faults.model.fault import Command


def entry(token: str = "ab12cd34", state: str = "armed", **changes: object) -> Entry:
    made = Entry(
        token=token, trial="t", fault_id="partition-1", kind="partition", how="nft", boot=boot_id(),
        state="armed", t0_boottime_ns=0, inject_ns=1, deadline_ns=2,
    )  # fmt: skip
    return msgspec.structs.replace(made, state=state, **changes)


def grant(lease_ns: int) -> ArmedTrial:
    return ArmedTrial(
        key="k", boot="other", trial="t", t0_boottime_ns=0, t0_mono_ns=0, lease_end_ns=lease_ns
    )


def heal(
    ledger: Ledger, journal: Journal, keep: frozenset[str] = frozenset(), *, reason: str = "heal"
) -> list[str]:
    folder = ledger.folder.parent
    layout = Layout(folder, folder, folder / "host.json", "")
    host = Host(layout, HostConfig(host="n1"), frozenset(), ledger, journal)
    return undo_open_faults(host, reason, keep)


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
    assert {path.name for path in ledger.folder.iterdir()} == {
        "00000001.sh",
        "00000001.jsonl",
        "00000001.undone",
    }


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
        (entry(state="armed"), ("skipped", "heal")),
        (entry(state="prepared"), ("failed", "heal")),
        (entry(state="applied"), ("failed", "heal")),
        (entry(state="applied", boot="another"), ("failed", "host_rebooted")),
        (entry(state="armed", boot="another"), ("skipped", "host_rebooted")),
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
    assert heal(ledger, journal) == ["partition-1"]
    assert heal(ledger, journal) == []
    record = msgspec.json.decode(journal.lines(0)[0])
    assert (record["state"], record["reason"]) == expected
    assert victim.exists() == (left.state == "armed"), "what was never begun needs no undo"


def test_a_unit_killed_before_a_reboot_is_left_to_whoever_starts_units(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    victim = tmp_path / "victim"
    victim.write_text("x")
    left = entry(state="applied", kind="kill", boot="another")
    ledger.create(left, (Command(("rm", str(victim)), may_fail=True),))
    assert heal(ledger, Journal(tmp_path / "agent.jsonl", "n1")) == ["partition-1"]
    assert victim.exists()


def test_a_reboot_is_over_and_proven_when_another_boot_finds_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create(entry(state="applied", kind="reboot", boot="another"), ())
    journal = Journal(tmp_path / "agent.jsonl", "n1")
    assert heal(ledger, journal) == ["partition-1"]
    record = msgspec.json.decode(journal.lines(0)[0])
    assert (record["state"], record["reason"]) == ("healed", "")
    assert record["read_back"] == {"boot_before": "another", "boot": boot_id()}


@pytest.mark.parametrize(("reason", "left"), [("agent_stopped", 1), ("heal", 0)])
def test_an_agent_that_ends_with_its_host_leaves_the_reboot_open(
    tmp_path: Path, reason: str, left: int
) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create(entry(state="applied", kind="reboot"), ())
    heal(ledger, Journal(tmp_path / "agent.jsonl", "n1"), reason=reason)
    assert len(ledger.open_entries()) == left


def test_what_another_agent_carries_on_is_kept(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create(entry(state="applied"), ())
    journal = Journal(tmp_path / "agent.jsonl", "n1")
    assert heal(ledger, journal, frozenset(("ab12cd34",))) == []
    assert ledger.open_entries() == [entry(state="applied")]


@pytest.mark.parametrize(
    ("uptime", "expected"), [("12.50", ("healed", "dead_man")), ("1.50", ("failed", "heal"))]
)
def test_recovery_after_the_undo_script_says_whether_that_was_on_time(
    tmp_path: Path, uptime: str, expected: tuple[str, str]
) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.create(entry(state="applied", deadline_ns=2_000_000_000), ())
    (ledger.folder / "ab12cd34.undone").write_text(f"{uptime} 3.00\n")
    journal = Journal(tmp_path / "agent.jsonl", "n1")
    heal(ledger, journal)
    record = msgspec.json.decode(journal.lines(0)[0])
    assert (record["state"], record["reason"]) == expected


@pytest.mark.parametrize(
    ("states", "undone"),
    [
        (("armed",), False),
        (("armed", "prepared"), True),
        (("armed", "prepared", "applied"), True),
        (("armed", "prepared", "applied", "closed"), False),
    ],
)
def test_the_heal_script_undoes_what_was_begun_and_is_not_closed(
    tmp_path: Path, states: tuple[str, ...], *, undone: bool
) -> None:
    ledger, victim = _ledger_with_a_victim(tmp_path)
    for state in states[1:]:
        ledger.record(entry(state=state))
    subprocess.run(["/bin/sh", str(ledger.heal_file)], check=True)
    assert victim.exists() != undone
    assert not (tmp_path / "armed").exists(), "an agent that wakes begins nothing more"


@pytest.mark.parametrize(("lease_s", "undone"), [(-1, True), (60, False)])
def test_the_heal_script_of_a_lease_waits_for_its_end(
    tmp_path: Path, lease_s: int, *, undone: bool
) -> None:
    ledger, victim = _ledger_with_a_victim(tmp_path)
    ledger.record(entry(state="prepared"))
    ArmedTrialFile(tmp_path).renew(grant(boottime_ns() + lease_s * 1_000_000_000))
    subprocess.run(["/bin/sh", str(ledger.heal_file), "lease"], check=True)
    assert victim.exists() != undone
    assert (tmp_path / "armed").exists() != undone


def _ledger_with_a_victim(folder: Path) -> tuple[Ledger, Path]:
    ledger = Ledger(folder / "ledger")
    ledger.write_heal_script()
    ArmedTrialFile(folder).give(grant(boottime_ns()))
    victim = folder / "victim"
    victim.write_text("x")
    ledger.create(entry(), (Command(("rm", str(victim)), may_fail=True),))
    return ledger, victim


def test_a_revoked_grant_stays_revoked_when_its_agent_renews_it(tmp_path: Path) -> None:
    armed_file = ArmedTrialFile(tmp_path)
    armed_file.give(grant(5))
    assert armed_file.holds("k")
    armed_file.renew(grant(7_000_000_000))
    assert armed_file.read() == grant(7_000_000_000)
    armed_file.revoke()
    armed_file.renew(grant(9))
    assert not armed_file.holds("k")


def test_the_journal_ends_a_torn_line_before_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "agent.jsonl"
    path.write_bytes(b'{"v":1,"ho')
    Journal(path, "n1").write("started")
    lines = path.read_bytes().splitlines()
    assert lines[0] == b'{"v":1,"ho'
    assert msgspec.json.decode(lines[1])["state"] == "started"
