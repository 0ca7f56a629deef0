"""Each test is run by one command: `make test` or `make test-long`, machines of one's own aside."""

from __future__ import annotations

import itertools
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN_MACHINES = {"vm", "hardware"}
"""Tests with these marks are run by `make test-vm` or by hand, on an inventory of one's own."""

MARKS = sorted(
    line.split(":")[0]
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"][
        "ini_options"
    ]["markers"]
)


def chosen_by(target: str) -> list[str]:
    """Return the mark expressions by which the commands of a make target choose their tests."""
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return re.findall(r'pytest .*-m "([^"]+)"', done.stdout)


def chooses(expression: str, marks: set[str]) -> bool:
    """Return whether an expression chooses a test with these marks, and none but these."""
    return bool(eval(expression, {"__builtins__": {}}, {mark: mark in marks for mark in MARKS}))


def all_marks() -> list[set[str]]:
    """Return every set of marks that a test can have."""
    return [
        set(some) for n in range(len(MARKS) + 1) for some in itertools.combinations(MARKS, n)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def commands() -> list[str]:
    found = [*chosen_by("test"), *chosen_by("test-long")]
    assert len(found) == 6
    return found


def test_each_test_is_run_once_by_test_and_test_long_together(commands: list[str]) -> None:
    for marks in all_marks():
        by = [expression for expression in commands if chooses(expression, marks)]
        assert len(by) == (0 if marks & OWN_MACHINES else 1), (marks, by)


def test_the_fast_ones_are_some_of_those_that_make_test_runs_without_root(
    commands: list[str],
) -> None:
    (fast,) = chosen_by("test-fast")
    for marks in all_marks():
        if chooses(fast, marks):
            assert chooses(commands[0], marks), marks
            assert not marks & {"slow", "root", "lab"}, marks


def test_ci_runs_all_of_both() -> None:
    targets = re.findall(r"^make ([a-z-]+)", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    parts = ["test-long-computes", "test-long-hosts"]
    assert sorted(targets) == sorted(["lint", "test", *parts])
    assert chosen_by("test-long") == [each for part in parts for each in chosen_by(part)]
