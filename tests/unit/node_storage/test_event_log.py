"""The event file: envelope, numbering across restarts, torn tails, full disks."""

from __future__ import annotations

from pathlib import Path

import pytest

from node import events
from node.storage import event_log
from node.storage.event_log import EventLog, EventLogError


class FixedClock:
    """A clock that says what it is told."""

    def pair(self) -> tuple[int, int]:
        return 1_000, 7


def open_log(path: Path, host: str = "hosta") -> EventLog:
    return EventLog(path, host, host, "boot-1", FixedClock())


def lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines()


def test_a_line_decodes_as_envelope_and_record(tmp_path: Path) -> None:
    log = open_log(tmp_path / "node.jsonl", 'quote"host')
    log.write(events.Dropped(queue="link:hostb", n=3))
    log.close()
    envelope, record = events.decode(lines(tmp_path / "node.jsonl")[0])
    assert record == events.Dropped(queue="link:hostb", n=3)
    assert envelope == events.Envelope(
        v=1, kind="dropped", host='quote"host', node='quote"host', boot="boot-1",
        seq=0, wall_ns=1_000, mono_ns=7,
    )  # fmt: skip


def test_a_record_bears_the_stamps_that_it_is_given(tmp_path: Path) -> None:
    log = open_log(tmp_path / "node.jsonl")
    log.write(events.Stopped(reason="sigterm"), (900, 5))
    log.close()
    envelope, _ = events.decode(lines(tmp_path / "node.jsonl")[0])
    assert (envelope.wall_ns, envelope.mono_ns) == (900, 5)


def test_where_some_kinds_are_written_the_others_take_no_number(tmp_path: Path) -> None:
    path = tmp_path / "node.jsonl"
    log = EventLog(path, "hosta", "hosta", "boot-1", FixedClock(), ["stopped"])
    for record in (events.Dropped(queue="q", n=3), events.Stopped(reason="sigterm")):
        log.write(record)
    log.close()
    ((envelope, record),) = [events.decode(line) for line in lines(path)]
    assert (envelope.seq, record) == (0, events.Stopped(reason="sigterm"))


def test_nothing_reaches_the_file_before_a_flush(tmp_path: Path) -> None:
    log = open_log(tmp_path / "node.jsonl")
    log.write(events.Stopped(reason="sigterm"))
    assert log.pending
    assert lines(tmp_path / "node.jsonl") == []
    log.flush()
    assert not log.pending
    assert len(lines(tmp_path / "node.jsonl")) == 1


def test_seq_goes_on_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "node.jsonl"
    for _ in range(3):
        log = open_log(path)
        log.write(events.Stopped(reason="a"))
        log.write(events.Stopped(reason="b"))
        log.close()
    assert [events.decode(line)[0].seq for line in lines(path)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("torn", [b'{"v":1,"ki', b"\xff\x00 garbage", b"x" * 200_000, b"\0" * 4096])
def test_a_torn_tail_costs_one_line_and_shows_as_a_gap(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "node.jsonl"
    log = open_log(path)
    log.write(events.Stopped(reason="a"))
    log.close()
    with path.open("ab") as file:
        file.write(torn)
    log = open_log(path)
    log.write(events.Stopped(reason="b"))
    log.close()
    found = lines(path)
    assert [events.decode(found[i])[0].seq for i in (0, 2)] == [0, 2]
    assert found[1] == torn


def test_a_boot_that_never_stopped_may_have_lost_lines_and_a_killed_process_has_not(
    tmp_path: Path,
) -> None:
    path, numbers = tmp_path / "node.jsonl", []
    for boot, record in (
        ("one", events.Dropped(queue="q", n=1)),
        ("one", events.Dropped(queue="q", n=1)),
        ("two", events.Stopped(reason="a")),
        ("three", events.Stopped(reason="a")),
    ):
        log = EventLog(path, "hosta", "hosta", boot, FixedClock())
        numbers.append(log.next_seq)
        log.write(record)
        log.close()
    assert numbers == [0, 1, 3, 4]


def test_a_file_of_nothing_but_nul_bytes_shows_that_its_lines_are_lost(tmp_path: Path) -> None:
    path = tmp_path / "node.jsonl"
    path.write_bytes(b"\0" * 4096)
    log = open_log(path)
    assert log.next_seq == 1
    log.close()


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "node.jsonl"
    path.symlink_to("/dev/full")
    log = open_log(path)
    log.write(events.Stopped(reason="a"))
    with pytest.raises(EventLogError, match=r"node\.jsonl: No space left on device$"):
        log.flush()
    assert log.pending


def test_an_unusable_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EventLogError, match="file"):
        open_log(tmp_path / "file" / "node.jsonl")


def test_boot_id_is_the_kernels() -> None:
    assert event_log.boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
