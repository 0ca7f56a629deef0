"""A look at a lab says of each host what it found, and is no success where a host is not there."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from harness.cli.tables.watch_table import watch
from harness.errors import RunError
from harness.inventory.inventory import Inventory
from tests.unit.harness_remote.scripted_hosts import scripted
from tests.unit.harness_remote.ssh_server import serving
from tests.unit.harness_remote.test_lanes import lab
from tests.unit.harness_testbed.test_healing import WIPED


def look(inventory: Inventory) -> str:
    """Return what one look prints."""
    out = io.StringIO()
    watch(inventory, Console(file=out, width=200), turns=1)
    return out.getvalue()


def test_a_lab_on_which_nothing_was_deployed_is_said_to_be_one() -> None:
    with (
        serving(WIPED) as one,
        serving(WIPED) as other,
        lab(n1=one, n2=other) as remote,
        pytest.raises(RunError, match="n1, n2: nothing is deployed; run slotlab deploy"),
    ):
        look(remote.inventory)


def test_a_host_without_an_answer_is_in_the_table_and_no_success(tmp_path: Path) -> None:
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        (hosts["n2"].folder / "answers.json").unlink()
        with pytest.raises(RunError) as told:
            look(remote.inventory)
    assert str(told.value) == "n2: no answer (the table says why); see slotlab check"


def test_a_lab_at_rest_is_well(tmp_path: Path) -> None:
    with scripted(tmp_path, "n1", "n2") as (remote, hosts):
        for host in hosts.values():
            host.refuses("node", "no_node", "")
        text = look(remote.inventory)
    assert text.count("no node answers there") == 2
