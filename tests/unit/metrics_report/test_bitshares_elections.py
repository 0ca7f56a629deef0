"""Elections at maintenance: which other witnesses, which other committee, and since when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

from tests.unit.metrics_build.bend import Line, Rebuilt
from tests.unit.metrics_report.test_delegation import EVIL, FOUR, telling, trial

STAKE = 2_500_000_000
NEW = [*FOUR[:3], EVIL]


def witnesses(names: list[str], tally: dict[str, int], out: dict[str, str]) -> Line:
    """Return what tells of the witnesses that a maintenance elected."""
    return {
        "kind": "witnesses_elected", "witnesses": names, "tally": tally, "out": out, "stake": STAKE
    }  # fmt: skip


def committee(members: list[str], tally: dict[str, int]) -> Line:
    """Return what tells of the committee that a maintenance elected."""
    return {
        "kind": "committee_elected", "members": members, "weights": dict.fromkeys(members, 3),
        "threshold": 4, "tally": tally, "out": {}, "stake": STAKE,
    }  # fmt: skip


def shuffled(version: int, names: list[str]) -> Line:
    """Return what tells of an order of turns."""
    return {"kind": "schedule", "version": version, "state": "active", "producers": names}


def opinion(account: str, proxy: str = "", **more: Any) -> Line:
    """Return what tells of an account's opinion."""
    usual = {"witnesses": [], "committee": [], "num_witness": 0, "num_committee": 0}
    return {"kind": "opinion", "account": account, "proxy": proxy, "stake": STAKE, **usual, **more}


NOBODY = dict.fromkeys([*FOUR, EVIL], 0)
VOTES = {**dict.fromkeys(NEW, STAKE), "producerd": 1}
OUT = {"producerd": "fewer_votes"}
FACTS: dict[int, list[Line]] = {
    20: [witnesses(FOUR, NOBODY, {EVIL: "no_votes"}), committee(FOUR, NOBODY)],
    21: [shuffled(5, FOUR[::-1])],
    22: [opinion("usera", witnesses=NEW, num_witness=3, committee=["producera"], num_committee=1),
         opinion("userb", "usera"), opinion("userc", workers=[0, 12], hard_forks=["notes"])],
    24: [witnesses(NEW, VOTES, OUT), committee(["producera"], {"producera": STAKE})],
    25: [shuffled(6, FOUR)],
    29: [shuffled(7, NEW[::-1])],
    32: [witnesses(NEW, {**VOTES, NEW[0]: STAKE + 1}, OUT),
         committee(["producera"], {"producera": STAKE + 1})],
    40: [witnesses(FOUR, {**VOTES, "producerd": 2}, {EVIL: "registered_later"})],
}  # fmt: skip
"""The genesis' own, another result, the same again, and one that is not in force by the end."""


def test_maintenance_elects_others_and_the_next_shuffle_puts_them_on_duty(
    reported: Rebuilt, tmp_path: Path
) -> None:
    summary = reported(telling(FACTS))
    m = summary["metrics"]
    assert m["elections"] == {
        "results": 3, "proposed": 0, "outcomes": {"elected": 3}, "voted": 2, "proxied": 1,
        "registered": 0,
    }  # fmt: skip
    assert (m["schedule"]["changes"], m["schedule"]["active"], m["schedule"]["open"]) == (2, 1, 1)
    assert m["schedule_delay_blocks"]["p50"] == 5
    found = trial(summary)
    (change, last) = found["schedules"]["changes"]
    assert (change["why"], change["version"], change["joined"], change["left"]) == (
        "election", 7, [EVIL], ["producerd"]
    )  # fmt: skip
    assert (change["proposed"]["block"], change["pending"], change["active"]["block"]) == (
        24, None, 29
    )  # fmt: skip
    assert (last["fate"], last["joined"], last["active"]) == ("open", ["producerd"], None)
    results = found["elections"]["results"]
    assert [(r["block"], r["body"], r["threshold"]) for r in results] == [
        (24, "producers", 0), (24, "committee", 4), (40, "producers", 0)
    ]  # fmt: skip
    run = tmp_path / "run"
    query = f"select body, producer, place, votes from '{run}/tables/elections.parquet'"
    rows = duckdb.sql(f"{query} where num = 24 and producer in ('producera', 'producerd')")
    assert sorted(rows.fetchall()) == [
        ("committee", "producera", "elected", STAKE), ("producers", "producera", "elected", STAKE),
        ("producers", "producerd", "fewer_votes", 1),
    ]  # fmt: skip
    page = (run / "report.html").read_text()
    assert EVIL not in page
    assert "election: &lt;script&gt;alert(1)&lt;/script&gt; 2.5, producerd" in page
    assert "weighs producera 3; decides with 4" in page
    assert "3 witnesses of producera producerb producerc" in page
    assert "1 committee member of producera" in page
    assert "block 24, committee elected: producera" in page
    assert "workers 0 12; hard fork notes" in page


def test_who_is_elected_and_voted_out_before_the_shuffle_is_replaced(reported: Rebuilt) -> None:
    facts = {
        20: [witnesses(NEW, VOTES, OUT)],
        24: [witnesses(FOUR, {**VOTES, "producerd": 2**40}, {})],
        29: [shuffled(6, FOUR)],
    }
    found = trial(reported(telling(facts)))
    (change,) = found["schedules"]["changes"]
    assert (change["fate"], change["active"]) == ("replaced", None)


def test_a_chain_that_nobody_votes_on_tells_of_no_election(reported: Rebuilt) -> None:
    same = [witnesses(FOUR, NOBODY, {EVIL: "no_votes"}), committee(FOUR, NOBODY)]
    summary = reported(telling({20: same, 30: same}))
    assert "elections" not in summary["metrics"]
    assert "schedule" not in summary["metrics"]


def test_a_host_weighs_what_is_scheduled_of_its_producers_when_the_block_is_due(
    reported: Rebuilt, tmp_path: Path
) -> None:
    m = reported(telling({2: [shuffled(5, ["producerc"])]}))["metrics"]
    table = tmp_path / "run" / "tables" / "finality.parquet"
    reached = f"from '{table}' where host = 'h3' and num > 2 and phase <> 'warmup'"
    found = duckdb.sql(f"select max(final_t_ns - slot_t_ns), max(lag_blocks), count(*) {reached}")
    ((latest_ns, lag, count),) = found.fetchall()
    assert m["finality_latency_s"]["max"] == round(latest_ns / 1e9, 6)
    assert (m["finality_lag_blocks"]["max"], m["finality_latency_s"]["n"]) == (lag, count)
    assert m["finality_latency_s"]["max"] != m["finality_latency_median_s"]["max"]
