"""An election of BitShares that is written down is counted as by hand, for both roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.inspect.election import elect
from harness.inspect.fields import InspectError
from tests.unit.harness_inspect.test_commands import Terminal

FILE = """
profile: bitshares
parameters: {min_witness_count: 1, min_committee_count: 1}
candidates: {witnesses: [wa, wb, wc, wd], committee: [ca, cb, cc, cd]}
accounts:
  alice: {stake: 100, witnesses: [wa, wb, wc], num_witness: 3, committee: [ca], num_committee: 1}
  bob: {stake: 50, witnesses: [wb, wc], num_witness: 2, committee: [cb, ca, cc], num_committee: 3}
  carol: {stake: 30, proxy: bob}
  dave: {stake: 190, witnesses: [wd]}
"""


def test_who_is_elected_for_both_roles_by_which_votes_and_why_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Terminal(monkeypatch, capsys)
    status, out, err = run("election", "-", "--json", stdin=FILE.encode())
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert found == {
        "witnesses": ["wd", "wb", "wc"],
        "committee": ["ca", "cb", "cc"],
        "tally": {
            "witnesses": {"wa": 100, "wb": 180, "wc": 180, "wd": 190},
            "committee": {"ca": 180, "cb": 80, "cc": 80, "cd": 0},
        },
        "ties": {"witnesses": [["wb", "wc"]], "committee": [["cb", "cc"]]},
        "weights": {"ca": 180, "cb": 80, "cc": 80},
        "threshold": 171,
        "stake": 370,
        "majority_stake": {"witnesses": 181, "committee": 81},
        "reasons": {
            "witnesses": {
                "wd": "elected: place 1, 190 votes",
                "wb": "elected: place 2, 180 votes, as wc, by order of registration",
                "wc": "elected: place 3, 180 votes, as wb, by order of registration",
                "wa": "out: fewer votes than the last who is elected",
            },
            "committee": {
                "ca": "elected: place 1, 180 votes",
                "cb": "elected: place 2, 80 votes, as cc, by order of registration",
                "cc": "elected: place 3, 80 votes, as cb, by order of registration",
                "cd": "out: no votes",
            },
        },
    }
    asked = run("election", "--profile", "bitshares", "-", stdin=FILE.encode())
    assert asked[0] == 0
    assert "tally              witnesses wa 100, wb 180, wc 180, wd 190; committee ca" in asked[1]
    assert "wa (witnesses)     out: fewer votes than the last who is elected" in asked[1]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"accounts": {"x": {"stake": 1, "witnesses": ["wa"], "num_witness": 2}}}, "too_few_"),
        ({"accounts": {"x": {"stake": 1, "witnesses": ["wa", "wa"]}}}, "duplicate_vote"),
        ({"accounts": {"x": {"stake": 1, "witnesses": ["wx"]}}}, "x.witnesses: wx is no candidate"),
        ({"accounts": {"x": {"stake": 1, "proxy": "y"}}}, "x.proxy: there is no account y"),
        ({"parameters": {"min_witness_count": 2}}, "parameters.min_witness_count must be odd"),
        ({"candidates": {"committee": ["ca", "ca"]}}, "candidates.committee: ca is there twice"),
        (
            {"accounts": {"x": {"stake": 1, "age": "500ms"}}},
            "accounts.x.age: must be in whole seconds",
        ),
        ({"candidats": {}}, "did you mean"),
        ({"profile": "steem"}, "is unknown"),
    ],
)
def test_what_is_no_election_is_refused_in_one_line(more: dict[str, Any], problem: str) -> None:
    with pytest.raises(InspectError, match=problem):
        elect({**yaml.safe_load(FILE), **more})


def test_a_file_of_another_profile_than_the_one_asked_for_is_refused() -> None:
    with pytest.raises(InspectError, match="the file says bitshares, not eosio"):
        elect(yaml.safe_load(FILE), "eosio")


names = st.sampled_from(["wa", "wb", "wc", "wd", "we"])
voters = st.builds(
    lambda stake, votes, share, proxy: {
        "stake": stake, "witnesses": votes, "num_witness": len(votes) * share // 2,
        **({"proxy": proxy} if proxy else {}),
    },
    st.integers(0, 9), st.lists(names, unique=True), st.integers(0, 2),
    st.sampled_from([None, None, "d", "e"]),
)  # fmt: skip


@given(accounts=st.dictionaries(st.sampled_from(["a", "b", "c"]), voters), more=voters)
def test_any_election_is_what_a_recount_by_hand_gives(
    accounts: dict[str, Mapping[str, Any]], more: Mapping[str, Any]
) -> None:
    others = {"d": {**more, "proxy": "e"}, "e": {**more, "stake": 3}}
    others["e"].pop("proxy", None)
    said = {**accounts, **others}
    found: Any = elect(
        {
            "profile": "bitshares",
            "parameters": {"min_witness_count": 1},
            "candidates": {"witnesses": ["wa", "wb", "wc", "wd", "we"]},
            "accounts": said,
        }
    )
    heard = [(said.get(one.get("proxy", ""), one), one["stake"]) for one in said.values()]
    votes = {
        name: sum(stake for opinion, stake in heard if name in opinion["witnesses"])
        for name in ["wa", "wb", "wc", "wd", "we"]
    }
    wanting = [(opinion["num_witness"], stake) for opinion, stake in heard]
    others_stake = sum(stake for number, stake in wanting if number > 1)
    count = 1
    if others_stake > 1:
        count = next(
            n
            for n in (3, 5)
            if Fraction(sum(s for number, s in wanting if 1 < number <= n), others_stake) > 0.5
        )
    best = sorted(votes, key=lambda name: (-votes[name], name))
    assert found["witnesses"] == best[:count]
    assert found["tally"]["witnesses"] == votes
