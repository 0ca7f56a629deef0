"""Hosts to which nothing happened are judged by few of their lines as they are by all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from metrics.safety import plain_hosts
from tests.unit.metrics_build.bend import Lines, Rebuilt


def _of(lines: Lines, host: str, kind: str) -> list[dict[str, Any]]:
    return [line for line in lines[host] if line["kind"] == kind]


def _nothing(lines: Lines) -> None:
    pass


def _other_final(lines: Lines) -> None:
    _of(lines, "h2", "irreversible")[9]["id"] = _of(lines, "h2", "applied")[40]["id"]


def _other_state(lines: Lines) -> None:
    _of(lines, "h1", "applied")[12]["state_digest"] = "other"


def _lower_final(lines: Lines) -> None:
    one, other = _of(lines, "h2", "irreversible")[7:9]
    one["num"], other["num"] = other["num"], one["num"]


def _lower_told(lines: Lines) -> None:
    _of(lines, "h1", "slot_due")[60]["lib_num"] = 1


def _higher_told(lines: Lines) -> None:
    _of(lines, "h2", "slot_due")[30]["lib_num"] = 900


def _transaction_twice(lines: Lines) -> None:
    every = [line for host in lines for line in _of(lines, host, "applied")]
    first = next(line for line in every if line["transactions"])
    for line in every:
        if line["num"] == first["num"] + 3:
            line |= {"transactions": first["transactions"], "tx_count": first["tx_count"]}


def _executed_twice(lines: Lines) -> None:
    first, again = _of(lines, "h1", "applied")[20:22]
    again |= {name: first[name] for name in ("num", "id", "previous", "slot", "producer")}


def _never_told_made(lines: Lines) -> None:
    made, other = _of(lines, "h1", "produced")[2:4]
    for line in (line for host in lines for line in lines[host] if line.get("id") == other["id"]):
        line["slot"] = made["slot"]
    for name in [name for name in other if name not in _of(lines, "h1", "slot_due")[0]]:
        del other[name]
    other |= {**_of(lines, "h1", "slot_due")[20], "seq": other["seq"], "mono_ns": other["mono_ns"]}


BENDS: dict[Callable[[Lines], None], tuple[str, set[str]]] = {
    _nothing: ("", {"h1", "h2"}),
    _other_final: ("no_conflicting_finality", {"h1", "h2"}),
    _other_state: ("same_state_digest", {"h1", "h2"}),
    _lower_final: ("lib_never_decreases", {"h1"}),
    _lower_told: ("lib_never_decreases", {"h2"}),
    _higher_told: ("lib_never_decreases", {"h1"}),
    _transaction_twice: ("transactions_once", set()),
    _executed_twice: ("same_state_digest", {"h2"}),
    _never_told_made: ("no_double_sign", {"h2"}),
}
"""What is broken then, and which hosts are plain all the same."""


@pytest.mark.parametrize("bend", BENDS)
def test_what_a_breach_hangs_on_is_looked_at(
    bend: Callable[[Lines], None], rebuilt: Rebuilt, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[plain_hosts.Many] = []
    many = plain_hosts.many

    def noted(*args: Any) -> plain_hosts.Many:
        found.append(many(*args))
        return found[-1]

    monkeypatch.setattr(plain_hosts, "many", noted)
    few = rebuilt(bend)["checks"]
    monkeypatch.setattr(plain_hosts, "_repeated", lambda data: True)
    every = rebuilt(bend, again="2")["checks"]
    assert few == every
    broken = [each["name"] for each in few if each["verdict"] == "violated"]
    breach, plain = BENDS[bend]
    assert breach in ["", *broken]
    assert [each.plain for each in found] == [plain, set()]
