"""The end of a node's event file, as whoever watches a trial gets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.durable.trial_files import TAIL_BYTES, last_events
from faults.host.layout import Layout, layout


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    found = layout(tmp_path)
    (found.state_dir / "events").mkdir(parents=True)
    return found


def write(place: Layout, data: bytes) -> None:
    (place.state_dir / "events" / "node.jsonl").write_bytes(data)


def test_without_a_file_or_without_a_whole_line_there_are_none(place: Layout) -> None:
    assert last_events(place) == []
    write(place, b"")
    assert last_events(place) == []
    write(place, b'{"kind":"sta')
    assert last_events(place) == []


def test_only_whole_lines_are_shown_oldest_first(place: Layout) -> None:
    write(place, b"one\ntwo\nthr")
    assert last_events(place) == ["one", "two"]
    write(place, b"one\n\xfftwo\n")
    assert last_events(place) == ["one", "\N{REPLACEMENT CHARACTER}two"]


def test_of_a_long_file_the_end_is_read_and_the_line_cut_in_two_left_out(place: Layout) -> None:
    lines = [f"line {n:08d}" for n in range(10_000)]
    write(place, "".join(f"{line}\n" for line in lines).encode())
    found = last_events(place)
    assert found == lines[-len(found) :]
    assert TAIL_BYTES - 28 <= sum(len(line) + 1 for line in found) <= TAIL_BYTES


def test_a_link_is_not_followed(place: Layout, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    (place.state_dir / "events" / "node.jsonl").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match=r"node\.jsonl"):
        last_events(place)
