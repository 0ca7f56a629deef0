"""The table of kinds of faults: complete, and of one mind with the agent."""

from __future__ import annotations

from faults.kinds.registry import FAULTS
from faults.model.columns import Kind
from faults.model.kind import KINDS, kind


def test_the_agent_knows_the_kinds_that_hosts_and_providers_do_and_no_other() -> None:
    assert set(FAULTS) == {word for word, row in KINDS.items() if row.by != "sim"}


def test_a_kind_that_is_done_on_hosts_says_by_what_and_one_of_the_simulator_does_not() -> None:
    assert [word for word, row in KINDS.items() if bool(row.ways) != (row.by != "sim")] == []


def test_what_the_simulator_does_not_do_hosts_do() -> None:
    only_there = {word: row.by for word, row in KINDS.items() if row.unsimulated}
    assert only_there == {"cpu": "host", "memory": "host", "io": "host", "slow_disk": "host"}


def test_a_providers_kind_names_its_commands_and_no_other_does() -> None:
    assert [word for word, row in KINDS.items() if all(row.power) != (row.by == "provider")] == []


def test_what_is_severed_at_full_share_only_needs_a_share() -> None:
    partly = [row for row in KINDS.values() if row.severs == "at full share"]
    assert [row.word for row in partly] == ["loss"]
    assert [row.cuts({"share": share}) for row in partly for share in (0.99, 1.0)] == [False, True]


def test_the_clock_error_of_a_kind_is_what_is_asked_of_it_after_a_time() -> None:
    found = {
        word: row.clock_error_ns({"by_ns": -7, "by_ppb": -2_000}, 3_000_000_000)
        for word, row in KINDS.items()
        if row.clock
    }
    assert found == {
        "clock_step": 7, "clock_drift": 6_000, "clock_strobe": 7, "clock_wander": 6_000,
        "ntp_offset": 7,
    }  # fmt: skip


def test_a_word_that_nobody_knows_is_a_fault_without_effect() -> None:
    assert kind("earthquake") == Kind(word="earthquake", said="earthquake")
