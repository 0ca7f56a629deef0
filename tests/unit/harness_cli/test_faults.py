"""`slotlab faults`: each kind with the keys that it has, and of a lab who can do it and who not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import msgspec
from rich.console import Console
from typer.testing import CliRunner

from faults.model.kind import KINDS
from harness.__main__ import app
from harness.campaign.schema import json_schema
from harness.cli.faults import rows_of, support_of
from harness.plan.planner import LabView
from tests.unit.harness_plan.builders import ALL_ABLE, lab

COMMON = {"at", "fault", "id"}


def keys_of(row: dict[str, Any]) -> set[str]:
    """Return the names of the keys that a row of the table shows."""
    text = ", ".join((row["whom"], *row["keys"]))
    return set(re.findall(r"(?:^|, |\[)(\w+): ", text))


def test_the_table_has_every_kind_with_the_keys_that_a_campaign_may_give_it() -> None:
    models = json.loads(json_schema())["$defs"].values()
    known = {
        model["properties"]["fault"]["const"]: set(model["properties"]) - COMMON
        for model in models
        if "const" in model.get("properties", {}).get("fault", {})
    }
    assert {row["fault"]: keys_of(row) for row in rows_of(None)} == known


def some_unable() -> LabView:
    """Return a lab of two hosts: one has power and no nft, the other a clock of its own."""
    made = lab(2)
    n1, n2 = made.hosts
    return replace(
        made,
        hosts=(msgspec.structs.replace(n1, power=["freeze", "thaw", "state"]), n2),
        capabilities={"n1": {**ALL_ABLE, "nft": False}, "n2": {**ALL_ABLE, "clock_host": True}},
    )


def found(fault: str, level: str = "") -> dict[str, dict[str, str]]:
    """Return what the table says of each host of that lab."""
    (row,) = [r for r in rows_of(some_unable()) if (r["fault"], r["level"]) == (fault, level)]
    hosts: dict[str, dict[str, str]] = row["hosts"]
    return hosts


def test_each_host_says_how_it_does_a_kind_or_what_it_lacks_with_the_remedy() -> None:
    lacks = "partition needs nft; apt install nftables, or use a kernel with"
    assert found("partition") == {
        "n1": {"how": "", "why": f"{lacks} nf_tables"}, "n2": {"how": "nft", "why": ""},
    }  # fmt: skip
    assert found("delay")["n1"] == {"how": "queue", "why": ""}
    assert found("freeze_host")["n1"] == {"how": "provider", "why": ""}
    assert found("freeze_host")["n2"]["why"].startswith("freeze_host on n2 needs the key freeze")
    assert found("silent")["n1"]["why"].endswith("exists in the simulator only; run with --lab sim")


def test_a_kind_that_has_levels_has_a_line_for_each() -> None:
    assert {row["level"] for row in rows_of(None) if row["fault"] == "clock_step"} == {
        "process", "daemon", "host",
    }  # fmt: skip
    assert found("clock_step", "process")["n1"] == {"how": "process clock", "why": ""}
    assert found("clock_step", "host")["n2"] == {"how": "host clock", "why": ""}
    assert "(level: host) needs clock_host" in found("clock_step", "host")["n1"]["why"]


def test_hosts_that_can_alike_share_a_line() -> None:
    with (console := Console(width=300)).capture() as shown:
        console.print(support_of(rows_of(some_unable())))
    lines = [re.split(r"\s*[│┃]\s*", line)[1:4] for line in shown.get().splitlines()]
    assert ["pause", "all hosts", "signal"] in lines
    assert ["cut", "n1", "–"] in lines
    assert ["cut", "n2", "nft"] in lines


def test_without_hosts_it_prints_a_table_or_json() -> None:
    table = CliRunner().invoke(app, ["faults"], env={"COLUMNS": "300"})
    assert table.exit_code == 0
    assert all(word in table.stdout for word in KINDS)
    printed = CliRunner().invoke(app, ["faults", "--json"])
    assert {row["fault"] for row in json.loads(printed.stdout)} == set(KINDS)
