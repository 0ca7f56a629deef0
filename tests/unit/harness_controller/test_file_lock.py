"""A lock among processes: one holder at a time, and nothing left when it is let go."""

import multiprocessing
import time
from pathlib import Path

import pytest

from harness.controller.file_lock import held
from harness.testbed import lock, power

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


def test_of_a_lab_that_is_gone_neither_lock_nor_provider_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    state = tmp_path / "slotlab"
    (state / "power" / "lab-1").mkdir(parents=True)
    (state / "power" / "lab-1" / "provider.json").write_text("{}")
    (state / "locks").mkdir()
    (state / "locks" / "lab-1.lock").write_text('{"pid": 1}')
    with lock.hold("lab-2", "run"):
        for lab_id in ("lab-1", "lab-2"):
            power.forget(lab_id)
            lock.forget(lab_id)
        left = sorted(str(path.relative_to(state)) for path in state.rglob("*"))
    assert left == ["locks", "locks/lab-2.lock", "power"]


def count(folder: Path) -> None:
    """Add one to the number in the file, time and again: two at once would lose some."""
    for _ in range(ROUNDS):
        with held(folder / "lock", wait_s=50):
            value = int((folder / "count").read_text())
            time.sleep(0.0005)
            (folder / "count").write_text(str(value + 1))
