"""The mark beside an event file: whatever is lost of either, numbers show it, and only then."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node import events
from node.storage import event_mark
from node.storage.event_log import EventLog, EventLogError
from node.storage.event_mark import Mark
from tests.unit.node_storage.test_event_log import FixedClock


def mark_of(path: Path) -> Path:
    return path.with_name(path.name + ".next")


def live(path: Path, boot: str, flushes: list[int], *, stops: bool) -> list[bytes]:
    """Write a life of some flushes of so many lines; return the mark after each of them."""
    log = EventLog(path, "hosta", "hosta", boot, FixedClock())
    marks = [mark_of(path).read_bytes()]
    for lines in flushes:
        for _ in range(lines):
            log.write(events.Dropped(queue="q", n=1))
        log.flush()
        marks.append(mark_of(path).read_bytes())
    if stops:
        log.write(events.Stopped(reason="sigterm"))
        log.flush()
        marks.append(mark_of(path).read_bytes())
    log._buffer.clear()  # What a process that is killed takes with it.
    log.close()
    return marks


def numbers(path: Path) -> list[int]:
    """Return the numbers of the lines that a reader can decode, in order."""
    found = []
    for line in path.read_bytes().split(b"\n"):
        try:
            found.append(events.decode(line.replace(b"\0", b""))[0].seq)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return found


@dataclass(frozen=True)
class Damage:
    """What becomes of the two files between two lives; nothing where a field is None.

    reboots: the machine went down, so the mark may be of an earlier flush (stale, from the last).
    keep: the share of the file's bytes that is left, or (whole) how many lines its end lost.
    """

    reboots: bool
    keep: float | int | None
    tail: bytes
    mark: bytes | float | None
    stale: int


def hurt(path: Path, damage: Damage, marks: list[bytes]) -> None:
    """Cut the file anywhere, put a tail behind it, and put the mark back, cut or garble it."""
    raw, mark = path.read_bytes(), marks[-1]
    if damage.reboots:
        mark = marks[max(0, len(marks) - 1 - damage.stale)]
    if isinstance(damage.mark, bytes):
        mark = damage.mark
    elif damage.mark is not None:
        mark = mark[: int(len(mark) * damage.mark)]
    if isinstance(damage.keep, int):
        lines = raw.splitlines(keepends=True)
        raw = b"".join(lines[: max(0, len(lines) - damage.keep)])
    elif damage.keep is not None:
        raw = raw[: int(len(raw) * damage.keep)]
    path.write_bytes(raw + damage.tail)
    mark_of(path).write_bytes(mark)


SHARE = st.floats(0, 1, exclude_max=True)
TAILS = st.sampled_from([b"", b"\0" * 9 + b"\n", b'{"v":1,"ki\n', b"\n", b"\xff\n", b"\0" * 4096])
DAMAGES = st.builds(
    Damage,
    reboots=st.booleans(),
    keep=st.none() | SHARE | st.integers(0, 12),
    tail=TAILS,
    mark=st.none() | SHARE | st.binary(max_size=130),
    stale=st.integers(0, 4),
)
LIVES = st.tuples(st.lists(st.integers(0, 3), max_size=4), st.booleans(), DAMAGES)


@settings(max_examples=200)
@given(lives=st.lists(LIVES, min_size=1, max_size=4))
def test_whatever_is_lost_of_file_or_mark_shows_as_a_gap_and_no_number_comes_twice(
    lives: list[tuple[list[int], bool, Damage]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, boot = Path(folder) / "node.jsonl", 0
        for flushes, stops, damage in lives:
            marks = live(path, f"boot-{boot}", flushes, stops=stops)
            before = numbers(path)
            hurt(path, damage, marks)
            boot += damage.reboots
            left = numbers(path)
            lost = len(before) - len(left)
            live(path, f"boot-{boot}", [1], stops=False)
            after = numbers(path)
            assert after[:-1] == left
            assert len(set(after)) == len(after)
            if lost:
                assert after[-1] > (left[-1] + 1 if left else 0)


@settings(max_examples=100)
@given(lives=st.lists(st.tuples(st.lists(st.integers(0, 3), max_size=3), st.booleans())))
def test_where_nothing_is_lost_nothing_is_left_out(lives: list[tuple[list[int], bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path, boot = Path(folder) / "node.jsonl", 0
        for flushes, stops in lives:
            live(path, f"boot-{boot}", flushes, stops=stops)
            boot += stops  # Only what stopped survives a reboot without doubt.
        if lives:
            assert numbers(path) == list(range(len(numbers(path))))


def opened(path: Path, boot: str) -> int:
    """Return the number that a new life begins with."""
    log = EventLog(path, "hosta", "hosta", boot, FixedClock())
    log.close()
    return log.next_seq


def test_a_life_whose_lines_were_all_lost_after_an_orderly_stop_shows(tmp_path: Path) -> None:
    path = tmp_path / "node.jsonl"
    live(path, "one", [3], stops=True)
    whole = path.read_bytes()
    begun = live(path, "two", [5], stops=True)[0]
    path.write_bytes(whole)
    mark_of(path).write_bytes(begun)
    assert opened(path, "three") == 5


def test_an_empty_file_of_an_earlier_boot_shows(tmp_path: Path) -> None:
    path = tmp_path / "node.jsonl"
    begun = live(path, "one", [5], stops=False)[0]
    path.write_bytes(b"")
    mark_of(path).write_bytes(begun)
    assert opened(path, "two") == 1


def test_a_file_cut_within_one_boot_leaves_out_as_many_numbers_as_it_lost(tmp_path: Path) -> None:
    path = tmp_path / "node.jsonl"
    live(path, "one", [2, 3], stops=False)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert opened(path, "one") == 5


@pytest.mark.parametrize("junk", [b"\0" * 99 + b"\n", b'{"v":1,"ki{"v":1}\n', b"\xff\n\n"])
def test_junk_that_ends_in_a_newline_shows(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "node.jsonl"
    live(path, "one", [2], stops=False)
    path.write_bytes(path.read_bytes() + junk)
    assert opened(path, "one") == 3


def test_the_mark_is_of_fixed_width_and_anything_else_is_none() -> None:
    mark = Mark(12, 7, "3f0b6c0e-1111-2222-3333-444455556666")
    data = event_mark.encode(mark)
    assert event_mark.decode(data) == mark
    assert len(data) == len(event_mark.encode(Mark(2**62, 2**62, "b")))
    flipped = [data[:i] + bytes([data[i] ^ 1]) + data[i + 1 :] for i in range(len(data))]
    cut = [data[:i] for i in range(len(data))]
    for other in (*flipped, *cut, data + b"\n", data + data):
        assert event_mark.decode(other) is None


def test_an_unusable_mark_is_one_clear_error(tmp_path: Path) -> None:
    mark_of(tmp_path / "node.jsonl").mkdir()
    with pytest.raises(EventLogError, match=r"node.jsonl: Is a directory"):
        opened(tmp_path / "node.jsonl", "one")
