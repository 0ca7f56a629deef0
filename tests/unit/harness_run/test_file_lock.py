"""A lock among processes: one holder at a time, and nothing left when it is let go."""

import multiprocessing
import time
from pathlib import Path

import pytest

from harness.file_lock import held

ROUNDS = 40
HOLDERS = 4


def test_a_second_holder_is_refused_and_reads_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "lab.lock"
    with held(path) as file:
        file.write("the first")
        file.flush()
        with pytest.raises(BlockingIOError), held(path):
            pass
        assert path.read_text() == "the first"
    assert list(path.parent.iterdir()) == []


def test_let_go_or_left_by_the_dead_it_is_free_again(tmp_path: Path) -> None:
    path = tmp_path / "lab.lock"
    path.write_text("one who died")
    with held(path):
        assert path.read_text() == ""
    with pytest.raises(KeyError), held(path):
        raise KeyError
    assert not path.exists()


def test_many_that_wait_have_it_one_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "count").write_text("0")
    context = multiprocessing.get_context("fork")
    counters = [context.Process(target=count, args=(tmp_path,)) for _ in range(HOLDERS)]
    for each in counters:
        each.start()
    for each in counters:
        each.join(60)
    assert [each.exitcode for each in counters] == [0] * HOLDERS
    assert (tmp_path / "count").read_text() == str(ROUNDS * HOLDERS)
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def count(folder: Path) -> None:
    """Add one to the number in the file, time and again: two at once would lose some."""
    for _ in range(ROUNDS):
        with held(folder / "lock", wait_s=50):
            value = int((folder / "count").read_text())
            time.sleep(0.0005)
            (folder / "count").write_text(str(value + 1))
