"""What blocks did, from lines to summary, tables and page; what hosts say is only text."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from metrics.model.number_text import amount
from metrics.report.governance.delegation import VOTES_MAX
from tests.unit.metrics_build.bend import Line, Lines, Rebuilt, check, renumber

EVIL = "<script>alert(1)</script>"
FOUR = ["producera", "producerb", "producerc", "producerd"]
ELECTED = ["producera", "producerb", "producerc", EVIL]
STAKE = 2_500_000_000
FACTS: dict[int, list[Line]] = {
    22: [{"kind": "registered", "account": EVIL, "role": "producer", "active": True, "key": "02"},
         {"kind": "voted", "account": "usera", "producers": ELECTED, "weight": STAKE},
         {"kind": "proxied", "account": "userb", "proxy": "", "weight": 7, "automatic": False}],
    24: [{"kind": "schedule", "version": 1, "state": "proposed", "producers": ELECTED},
         {"kind": "activated", "weight": STAKE},
         {"kind": "elected", "outcome": "proposed", "producers": ELECTED, "standby": [],
          "tally": dict.fromkeys(ELECTED, STAKE), "out": {"producerd": "no_votes"}}],
    32: [{"kind": "schedule", "version": 1, "state": "pending", "producers": ELECTED}],
    40: [{"kind": "schedule", "version": 1, "state": "active", "producers": ELECTED},
         {"kind": "elected", "outcome": "unchanged", "producers": ELECTED, "standby": ["producerd"],
          "tally": {**dict.fromkeys(ELECTED, STAKE), "producerd": 1}, "out": {}}],
}  # fmt: skip
"""By number of the block, what each node tells that it did."""


PAY: dict[int, list[Line]] = {
    22: [{"kind": "fee_changed", "endpoint": EVIL, "before": 2 * 10**9, "amount": 1, "votes": 3}],
    24: [{"kind": "pay_schedule", "producers": FOUR, "pot": STAKE, "bucket": 0, "foundation": 0,
          "staking": 0, "minted_pot": 0, "minted_foundation": 0, "minted_staking": 0,
          "minted_bounty": 0},
         {"kind": "paid", "what": "producer", "account": "producera", "amount": 2**60},
         {"kind": "paid", "what": "foundation", "account": "fiofoundation", "amount": 7}],
    32: [{"kind": "paid", "what": "producer", "account": "producera", "amount": 1},
         {"kind": "fees_paid", "by_account": {EVIL: 3 * 10**9, "usera": 2}},
         {"kind": "budgeted", "reserve": 100, "collected": 7, "unused": 3, "spendable": 90,
          "for_witnesses": 60, "to_workers": {"userb": 5}, "earned": {"producera": 11}}],
    40: [{"kind": "fees_paid", "by_account": {"usera": 4}}],
}  # fmt: skip


def telling(facts: dict[int, list[Line]]) -> Callable[[Lines], None]:
    """Return what lets each node tell those facts of the majority's blocks."""

    def change(lines: Lines) -> None:
        for own in lines.values():
            for line in [line for line in own if line["kind"] == "applied"]:
                head = {key: line[key] for key in ("v", "host", "node", "boot", "seq", "wall_ns")}
                own += [
                    {**head, "mono_ns": line["mono_ns"] + i, "num": line["num"], **fact}
                    for i, fact in enumerate(facts.get(line["num"], ()), start=1)
                ]
            renumber(own)

    return change


def trial(summary: dict[str, Any]) -> dict[str, Any]:
    """Return what a summary says of its only trial."""
    ((found,),) = ([*cell["trials"]] for cell in summary["cells"])
    return dict(found)


def test_an_election_stands_in_summary_tables_and_page_and_names_are_only_text(
    reported: Rebuilt, tmp_path: Path
) -> None:
    summary = reported(telling(FACTS))
    m = summary["metrics"]
    assert m["elections"] == {
        "results": 2, "proposed": 1, "outcomes": {"proposed": 1, "unchanged": 1},
        "voted": 1, "proxied": 1, "registered": 1,
    }  # fmt: skip
    assert (m["schedule"]["active"], m["schedule_delay_blocks"]["max"]) == (1, 16)
    found = trial(summary)
    (change,) = found["schedules"]["changes"]
    assert (change["why"], change["joined"], change["left"]) == ("election", [EVIL], ["producerd"])
    assert found["schedules"]["start"] == FOUR
    assert [change[step]["block"] for step in ("proposed", "pending", "active")] == [24, 32, 40]
    elections = found["elections"]
    assert (elections["activated"]["block"], elections["activated"]["weight"]) == (24, STAKE)
    assert [each["standby"] for each in elections["results"]] == [[], ["producerd"]]
    run = tmp_path / "run"
    query = f"select producer, place, rank, votes from '{run}/tables/elections.parquet'"
    rows = duckdb.sql(f"{query} where num = 24 and producer in ('producerd', 'producera')")
    assert sorted(rows.fetchall()) == [
        ("producera", "elected", 1, STAKE), ("producerd", "no_votes", 0, 0)
    ]  # fmt: skip
    page = (run / "report.html").read_text()
    assert EVIL not in page
    assert "election: &lt;script&gt;alert(1)&lt;/script&gt; 2.5, producerd no votes" in page
    assert "Enough had voted in block 24" in page
    assert "<td>proxied</td><td>nobody</td>" in page


def test_fees_and_pay_are_summed_to_the_unit_and_shown_by_account(
    reported: Rebuilt, tmp_path: Path
) -> None:
    summary = reported(telling(PAY))
    assert summary["metrics"]["pay"] == {
        "payments": 3, "by_what": {"foundation": 7, "producer": 2**60 + 1},
        "by_account": {"fiofoundation": 7, "producera": 2**60 + 1}, "schedules": 1,
        "fees_by_account": {EVIL: 3 * 10**9, "usera": 6},
        "earned_by_account": {"producera": 11, "userb": 5},
        "budgets": 1, "fee_changes": 1, "by_endpoint": {EVIL: 1},
    }  # fmt: skip
    pay = trial(summary)["pay"]
    assert [(p["block"], p["account"], p["units"]) for p in pay["payments"]] == [
        (24, "producera", 2**60), (24, "fiofoundation", 7), (32, "producera", 1)
    ]  # fmt: skip
    assert [(f["before"], f["units"], f["votes"]) for f in pay["fee_changes"]] == [
        (2 * 10**9, 1, 3)
    ]
    assert [(s["producers"], s["pot"]) for s in pay["schedules"]] == [(FOUR, STAKE)]
    (budget,) = pay["budgets"]
    assert {key: budget[key] for key in ("reserve", "spendable", "for_witnesses")} == {
        "reserve": 100, "spendable": 90, "for_witnesses": 60
    }  # fmt: skip
    run = tmp_path / "run"
    rows = duckdb.sql(f"select num, what, name, units from '{run}/tables/payments.parquet'")
    assert sorted(rows.fetchall()) == [
        (22, "fee", EVIL, 1), (24, "foundation", "fiofoundation", 7),
        (24, "producer", "producera", 2**60), (32, "fees", EVIL, 3 * 10**9),
        (32, "fees", "usera", 2), (32, "producer", "producera", 1),
        (32, "witness_earned", "producera", 11), (32, "worker_earned", "userb", 5),
        (40, "fees", "usera", 4),
    ]  # fmt: skip
    page = (run / "report.html").read_text()
    assert EVIL not in page
    assert 'producera</td><td>producer</td><td class="n">2</td><td class="n">1,152,921,504' in page
    assert '<td class="n">2</td><td class="n">0.000000001</td>' in page
    told = "".join(f'<td class="n">{x}</td>' for x in ("0", "0.000000011", "1,152,921,504"))
    assert f"<td>producera</td>{told[:-5]}" in page
    assert '<td>usera</td><td class="n">0.000000006</td>' in page


@pytest.mark.parametrize(
    ("units", "text"),
    [(0, "0"), (10**9, "1"), (1_500_000_000, "1.5"), (-7, "-0.000000007"), (10**16, "10,000,000")],
)  # fmt: skip
def test_an_amount_is_shown_to_the_unit(units: int, text: str) -> None:
    assert amount(units, 9) == text


def test_hosts_that_tell_different_things_of_one_block_break_an_invariant(rebuilt: Rebuilt) -> None:
    def lie(lines: Lines) -> None:
        telling(FACTS)(lines)
        (elected,) = (x for x in lines["h2"] if x["kind"] == "elected" and x["num"] == 24)
        elected["tally"] = {"producera": 1}

    summary = rebuilt(lie)
    found = check(summary, "same_state_digest")
    assert found["verdict"] == "violated"
    assert "did different things at h1, h2" in found["evidence"]
    assert trial(summary)["schedules"]["contradictions"] == [
        f"block 24 {found['details'][0]['ids'][0][:16]}: h1 and h2 tell other facts"
    ]
    assert summary["metrics"]["schedule"]["unknown_blocks"] == 1
    assert summary["metrics"]["elections"]["proposed"] == 0


def test_many_votes_do_not_fill_the_page(reported: Rebuilt, tmp_path: Path) -> None:
    vote = {"kind": "voted", "account": "usera", "producers": FOUR, "weight": 1}
    summary = reported(telling({22: [vote] * (VOTES_MAX + 5)}))
    assert summary["metrics"]["elections"]["voted"] == VOTES_MAX + 5
    page = (tmp_path / "run" / "report.html").read_text()
    assert page.count("<td>usera</td><td>voted</td>") == VOTES_MAX
    assert "and 5 more" in page
    assert f"Votes, proxies, registrations ({VOTES_MAX + 5})" in page


def test_where_nothing_was_elected_nothing_is_there_to_unfold(
    reported: Rebuilt, tmp_path: Path
) -> None:
    reported(telling({22: [{"kind": "voted", "account": "usera", "producers": FOUR, "weight": 1}]}))
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Votes, proxies, registrations (1)" in page
    assert "Elections (" not in page


@pytest.mark.parametrize("key", ["elections", "pay", "schedule", "schedule_delay_s"])
def test_a_run_in_which_nobody_votes_says_nothing_of_it(run: Path, key: str) -> None:
    summary = json.loads((run / "summary.json").read_text())
    assert key not in summary["metrics"]
    assert sorted(trial(summary)) == ["figures", "invalid", "n", "seed", "verdict"]
    assert "<h3>Schedule and elections</h3>" not in (run / "report.html").read_text()
