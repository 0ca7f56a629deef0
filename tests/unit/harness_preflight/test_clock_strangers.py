"""A plan that moves a host's clock is refused before it starts where somebody else sets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from harness.errors import PlanError
from harness.preflight.clock import moved, refuse
from tests.unit.harness_plan.test_plan_rules import planned

HOST = "{at: 20s, for: 5s, fault: clock_step, on: n2, by: 500ms, level: host}"
DAEMON = "{at: 60s, for: 5s, fault: clock_step, on: n1, by: 500ms, level: daemon}"
PROCESS = "{at: 90s, for: 5s, fault: clock_step, on: n3, by: 500ms}"


class Hosts:
    """Agents that know who sets their clocks; only those that are asked may be."""

    def __init__(self, **others: list[str]) -> None:
        self.others = others

    def ask_each(self, requests: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        assert {request["op"] for request in requests.values()} == {"clock_setters"}
        return {host: {"others": self.others[host]} for host in requests}


def test_only_hosts_whose_own_clock_is_moved_are_asked() -> None:
    assert moved(planned(f"{HOST}, {DAEMON}, {PROCESS}")) == ["n1", "n2"]
    refuse(planned(f"{HOST}, {DAEMON}, {PROCESS}"), Hosts(n1=[], n2=[]).ask_each)
    refuse(planned(PROCESS), Hosts().ask_each)


def test_who_sets_the_clock_is_named_with_its_host() -> None:
    with pytest.raises(PlanError) as caught:
        refuse(
            planned(f"{HOST}, {DAEMON}"),
            Hosts(n1=[], n2=["phc2sys of x.service (y)", "z"]).ask_each,
        )
    assert str(caught.value) == (
        "others set the clocks that are to be moved: n2: phc2sys of x.service (y); z;"
        " stop them there, or use level: process"
    )
