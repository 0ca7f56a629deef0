"""The journal keeps what the disk does not take, hands it out, and counts what it had to drop."""

from __future__ import annotations

from pathlib import Path

import msgspec

from faults.durable.journal import WAITING_MAX, Journal


def reasons(journal: Journal) -> list[str]:
    return [msgspec.json.decode(line)["reason"] for line in journal.lines(0)]


def test_lines_that_the_disk_does_not_take_wait_and_keep_their_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "later" / "agent.jsonl", "n1")
    for reason in ("a", "b"):
        journal.write("healed", reason=reason)
    assert reasons(journal) == ["a", "b"]
    journal.path.parent.mkdir()
    journal.write("healed", reason="c")
    assert reasons(journal) == ["a", "b", "c"]
    assert len(journal.path.read_bytes().splitlines()) == 3


def test_lines_that_had_to_be_dropped_are_counted_in_the_journal(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "later" / "agent.jsonl", "n1")
    for number in range(WAITING_MAX + 3):
        journal.write("healed", reason=str(number))
    journal.path.parent.mkdir()
    journal.write("healed", reason="last")
    first = msgspec.json.decode(journal.path.read_bytes().splitlines()[0])
    assert (first["state"], first["reason"]) == ("failed", "journal: 4 lines lost, disk full")
    lines = journal.path.read_bytes().splitlines()
    assert msgspec.json.decode(lines[1])["reason"] == "4"
    assert msgspec.json.decode(lines[-1])["reason"] == "last"


def test_reserved_room_does_not_show_in_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "agent.jsonl", "n1")
    journal.write("started")
    size = journal.path.stat().st_size
    journal.reserve([{}] * 10)
    assert journal.path.stat().st_size == size
    journal.write("armed")
    assert len(journal.lines(0)) == 2


def test_a_reason_with_another_sign_of_a_lines_end_stays_one_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "agent.jsonl", "n1")
    for reason in ("a\u2028b", "a\u0085b", "a\x0bb", "a\rb", "a\nb"):
        journal.write("failed", reason=reason)
    lines = journal.lines(0)
    assert [msgspec.json.decode(line)["reason"] for line in lines] == [
        "a\u2028b", "a\u0085b", "a\x0bb", "a\rb", "a\nb",
    ]  # fmt: skip
