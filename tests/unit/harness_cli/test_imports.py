"""Where nothing is to be done, nothing is waited for: what is heavy is imported when it is needed.

What counts is which modules are loaded, in a process of its own; no test asserts a time.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.cli.commands import COMMANDS, GROUPS

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {"ansible_runner", "duckdb", "fabric", "jinja2", "numpy", "paramiko", "plotly"}
"""Packages that take a while to import: what reaches hosts, what reckons, what draws."""
LOADED = """
import sys
from harness.__main__ import app
for words in {lines!r}:
    try:
        app(words, prog_name="slotlab")
    except SystemExit as ended:
        assert not ended.code, (words, ended.code)
print(*sorted({heavy!r} & sys.modules.keys()), file=sys.stderr)
"""
RACK = """
all: {children: {nodes: {hosts: {
  n1: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.1},
  n2: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.2},
  n3: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.3},
  n4: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.4}}}}}
"""
EXPECTS_NOTHING = """
schema: slotlab.campaign/v1
title: nothing is expected
chain: {producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 6s
cooldown: 10s
timeline:
  - {at: 15s, for: 2s, fault: delay, between: all, delay: 10ms}
"""
ANY_SHELL = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
"""The shell is the one that the words name, not the one above this process (make's is sh)."""


def heavy(folder: Path, *lines: str) -> set[str]:
    """Return the heavy packages that one process loaded while it ran these command lines."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(lines=[line.split() for line in lines], heavy=HEAVY)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder), **ANY_SHELL},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_help_and_version_load_nothing_heavy(tmp_path: Path) -> None:
    groups = [f"{group} --help" for group in GROUPS]
    assert heavy(tmp_path, "--help", "--version", "--show-completion bash", *groups) == set()


def test_the_help_of_each_command_loads_nothing_heavy(tmp_path: Path) -> None:
    assert heavy(tmp_path, *(f"{words} --help" for words in COMMANDS)) == set()


def test_runs_and_labs_are_listed_without_anything_heavy(tmp_path: Path) -> None:
    assert heavy(tmp_path, "runs", "lab status") == set()


@pytest.mark.slow
def test_a_plan_loads_no_more_than_the_metrics_that_its_campaign_expects(tmp_path: Path) -> None:
    (tmp_path / "rack.yml").write_text(RACK)
    plans = ("plan demo --lab sim", "plan demo -i rack.yml --offline")
    assert heavy(tmp_path, *plans) == {"duckdb", "numpy"}
    (tmp_path / "plain.yml").write_text(EXPECTS_NOTHING)
    assert heavy(tmp_path, "plan plain.yml --lab sim") == set()


@pytest.mark.parametrize("words", COMMANDS)
def test_each_command_of_the_table_is_there_and_says_what_it_does(words: str) -> None:
    shown = CliRunner().invoke(app, [*words.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert COMMANDS[words][1] in shown.output
