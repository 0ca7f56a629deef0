"""A look at a lab says of each host what it found, and is no success where a host is not there."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from harness.errors import RunError
from harness.inventory.inventory import Inventory
from harness.orchestrator.fleet import Fleet
from harness.watch import ask, live
from harness.watch.ask import Asking
from harness.watch.live import look, watch
from tests.unit.harness_remote.scripted_hosts import scripted
from tests.unit.harness_remote.ssh_server import serving
from tests.unit.harness_remote.test_lanes import lab
from tests.unit.harness_testbed.test_healing import WIPED
from tests.unit.harness_watch.hosts import NODE, says
from tests.waiting import wait_until


class Screen(io.StringIO):
    """A terminal at which somebody sits: does the next thing once the next word is seen."""

    def __init__(self, *steps: tuple[str, Callable[[], object]]) -> None:
        super().__init__()
        self._steps = list(steps)

    def write(self, text: str) -> int:
        if self._steps and self._steps[0][0] in text:
            self._steps.pop(0)[1]()
        return super().write(text)


def one_look(inventory: Inventory) -> str:
    """Return what one look prints."""
    out = io.StringIO()
    look(inventory, Console(file=out, width=80))
    return out.getvalue()


def press_ctrl_c() -> NoReturn:
    """Do as Python does with the signal, which is ignored in tests that a shell has put aside."""
    raise KeyboardInterrupt


def test_a_lab_on_which_nothing_was_deployed_is_said_to_be_one() -> None:
    with (
        serving(WIPED) as one,
        serving(WIPED) as other,
        lab(n1=one, n2=other) as remote,
        pytest.raises(RunError, match="n1, n2: nothing is deployed; run slotlab deploy"),
    ):
        one_look(remote.inventory)


def test_a_host_without_an_answer_is_in_the_table_and_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        (hosts["n2"].folder / "answers.json").unlink()
        with pytest.raises(RunError) as told:
            look(remote.inventory, Console(), as_json=True)
    assert str(told.value) == "n2: no answer (the table says why); see slotlab check"
    n1, n2 = json.loads(capsys.readouterr().out)["hosts"]
    assert (n1["host"], n1["problem"], n1["deployed"]) == ("n1", "", True)
    assert (n2["host"], n2["seen_ns"], n2["agent"]) == ("n2", None, None)
    assert n2["problem"].startswith("no_agent: ")


def test_a_lab_at_rest_is_well(tmp_path: Path) -> None:
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        for host in hosts.values():
            host.refuses("node", "no_node", "")
        text = one_look(remote.inventory)
    assert text.count("no node answers there") == 2


def test_a_host_that_vanishes_is_told_with_the_time_and_comes_back_and_ctrl_c_ends_it_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PERIOD_S", 0.05)
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        for host in hosts.values():
            host.says(node=says(NODE))
        screen = Screen(
            ("2 of 2 hosts answer", (hosts["n2"].folder / "answers.json").unlink),
            ("n2    gone since ", lambda: hosts["n2"].says()),
            ("2 of 2 hosts answer", press_ctrl_c),
        )
        console = Console(file=screen, force_terminal=True, width=80, height=24)
        watch(remote.inventory, console, as_json=False)
    assert screen.getvalue().count("gone since") >= 1
    assert screen.getvalue().endswith("\x1b[?25h"), "the cursor is shown again"


def test_a_host_that_hangs_is_shown_as_gone_before_it_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "LATE_S", 0.0)
    with scripted(tmp_path, "n1", "n2") as (remote, hosts), Asking(Fleet(remote)) as asking:
        assert [seen.problem for seen in asking.turn()] == ["", ""]
        answers = hosts["n2"].folder / "answers.json"
        answers.unlink()
        os.mkfifo(answers)  # what reads it waits
        hangs = ["", "it was asked, and is silent"]
        wait_until(lambda: [seen.problem for seen in asking.turn(0.5)] == hangs, "it shows")
        hung = answers.rename(hosts["n2"].folder / "hung")
        for each in (answers, hung):  # it goes on, however often it was asked, and can end
            each.write_text("{}")
        remote.close()


def test_json_is_a_line_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PERIOD_S", 0.05)
    told = '"head_num":120'  # The number alone stands in many a moment, too.
    screen = Screen((told, lambda: None), (told, press_ctrl_c))
    with scripted(tmp_path, "n1") as (remote, hosts), contextlib.redirect_stdout(screen):
        hosts["n1"].says(node=says(NODE))
        watch(remote.inventory, Console(), as_json=True)
    looks = [json.loads(line) for line in screen.getvalue().splitlines()]
    nodes = [each["hosts"][0]["node"] for each in looks]
    assert {node["head_num"] for node in nodes if node} == {120}
