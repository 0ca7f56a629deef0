"""A command that waits for its input: pulled it works at once, fired it is seen through, dropped it
has done nothing."""

import signal
from pathlib import Path

from faults.host.boottime import boottime_ns
from faults.host.runner import PIPE_BYTES, Loaded
from faults.model.fault import Command
from tests.waiting import wait_until


def waiting(target: Path, text: str, script: str = 'cat >"$0"') -> Loaded:
    return Loaded(Command(("sh", "-c", script, str(target)), stdin=text))


def until_it_has(target: Path, text: str) -> None:
    """Wait until the file holds the text."""
    wait_until(lambda: target.exists() and target.read_text() == text, f"{text!r} in {target}")


def test_a_pulled_command_has_worked_before_it_is_fired(tmp_path: Path) -> None:
    loaded = waiting(tmp_path / "out", "rules\n")
    assert not loaded.pulled
    begun_ns = boottime_ns()
    loaded.pull()
    pulled_ns = boottime_ns()
    assert loaded.pulled
    until_it_has(tmp_path / "out", "rules\n")
    seen_ns = boottime_ns()
    outcome = loaded.fire()
    assert outcome.error == ""
    assert begun_ns <= outcome.before_ns <= pulled_ns < seen_ns <= outcome.after_ns


def test_fired_without_a_pull_it_works_all_the_same(tmp_path: Path) -> None:
    outcome = waiting(tmp_path / "out", "rules\n").fire()
    assert outcome.error == ""
    assert (tmp_path / "out").read_text() == "rules\n"


def test_an_input_longer_than_a_pipe_takes_is_left_to_firing(tmp_path: Path) -> None:
    text = "x" * (PIPE_BYTES * 4)
    loaded = waiting(tmp_path / "out", text, 'sleep 0.2; cat >"$0"')
    loaded.pull()
    assert not loaded.pulled
    assert loaded.fire().error == ""
    assert (tmp_path / "out").read_text() == text


def test_a_dropped_command_has_had_no_input(tmp_path: Path) -> None:
    loaded = waiting(tmp_path / "out", "rules\n")
    loaded.drop()
    assert (tmp_path / "out").read_text() == ""


def test_a_command_that_has_gone_before_it_was_pulled_is_an_error(tmp_path: Path) -> None:
    loaded = waiting(tmp_path / "out", "rules\n", 'exec 0<&-; echo no room >&2; touch "$0"; exit 1')
    until_it_has(tmp_path / "out", "")
    loaded.pull()
    assert loaded.fire().error == "sh: no room"


def test_a_command_killed_at_work_is_an_error(tmp_path: Path) -> None:
    loaded = waiting(tmp_path / "out", "rules\n", f'cat >"$0"; kill -{signal.SIGKILL} $$')
    loaded.pull()
    assert loaded.fire().error == "sh: failed"
