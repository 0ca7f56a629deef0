"""What hosts say never steers the terminal it is printed on."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from harness.__main__ import main
from harness.cli import views
from harness.controller import store
from harness.controller.console import Show
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.remote.fan_out import HostResult

HOSTILE = "\x1b]0;title\x07\x1b[2J[red]\x9b31m\tü\n"
HARMLESS = "\\x1b]0;title\\x07\\x1b[2J[red]\\x9b31m\tü\n"


class Answering:
    """Hosts that print the same whatever they are asked."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory

    def __enter__(self) -> Answering:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, hosts: None, command: str) -> dict[str, HostResult]:
        names = [host.name for host in self.inventory.hosts]
        return {h: HostResult(host=h, stdout=HOSTILE, exit_code=0) for h in names}


def test_a_log_cannot_steer_the_terminal_it_is_printed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rack.yml"
    path.write_text(
        "all: {vars: {slotlab_lab: hardware}, children: {nodes: {hosts:"
        " {n1: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.1}}}}}\n"
    )
    monkeypatch.setattr("harness.remote.fan_out.Remote", Answering)
    views.logs(path, "n1", lines=5)
    assert capsys.readouterr().out == HARMLESS


def test_what_hosts_say_cannot_steer_the_terminal_that_shows_progress() -> None:
    out = io.StringIO()
    Show(Console(file=out, width=200), started=0.0).step(HOSTILE.replace("\t", " "))
    assert out.getvalue().endswith(HARMLESS.replace("\t", " ") + "\n")


def test_an_error_ends_the_live_line_and_gives_the_cursor_back(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = io.StringIO()
    monkeypatch.setenv("TERM", "xterm")  # a dumb one has no cursor to hide

    def fails(*_: object, **__: object) -> None:
        Show(Console(file=out, force_terminal=True)).tick("asking")
        raise RunError("n1: gone")

    monkeypatch.setattr("harness.__main__.app", fails)
    with pytest.raises(SystemExit):
        main([])
    hidden, shown = "\x1b[?25l", "\x1b[?25h"
    assert out.getvalue().rindex(shown) > out.getvalue().rindex(hidden)
    assert out.getvalue().rindex(shown) > out.getvalue().rindex("asking")
    assert capsys.readouterr().err == "slotlab: n1: gone\n"


@pytest.mark.parametrize(
    ("summary", "word"),
    [(None, "not reported"), ('{"verdict": "pass"}', "pass"), ("{", "damaged"), ("[]", "damaged")],
)
def test_a_damaged_summary_is_a_word_in_the_list_of_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], summary: str | None, word: str
) -> None:
    run = tmp_path / "test" / "20260101T000000Z-abcdef"
    run.mkdir(parents=True)
    (run / "plan.json").write_text("{}")
    if summary is not None:
        (run / "summary.json").write_text(summary)
    views.runs(tmp_path, as_json=True)
    row = {"run": str(run), "verdict": word, "trials": "0 of ?", "by": ""}
    assert json.loads(capsys.readouterr().out) == [row]


def test_the_list_of_runs_says_how_many_trials_have_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "test" / "20260101T000000Z-abcdef"
    for trial in ("1", "2"):
        (run / "trials" / trial).mkdir(parents=True)
    (run / "trials" / "1" / "seal.json").write_text("{}")
    (run / "plan.json").write_text('{"trials": [{}, {}, {}]}')
    views.runs(tmp_path, as_json=True)
    row = {"run": str(run), "verdict": "not reported", "trials": "1 of 3", "by": ""}
    assert json.loads(capsys.readouterr().out) == [row]
    with store.RunFolder(run).held():
        views.runs(tmp_path, as_json=True)
    row["by"] = f"process {os.getpid()}"
    assert json.loads(capsys.readouterr().out) == [row]
