"""An election that is written down is counted as the chain counts it, and as a recount by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.inspect.election import elect
from harness.inspect.fields import InspectError
from tests.unit.harness_inspect.test_commands import Terminal

Named = Mapping[str, Any]
FILE = """
profile: eosio
parameters: {elected: 2, activation: 1}
candidates: [bpa, bpb, {name: bpc, registered: false}, bpd, bpe]
accounts:
  alice: {stake: 100, votes: [bpa, bpb]}
  bob: {stake: 50, votes: [bpb, bpc], is_proxy: true}
  carol: {stake: 30, proxy: bob}
  dave: {stake: 190, locked: 10, votes: [bpd]}
"""


def test_elected_standby_tallies_ties_and_reasons_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = Terminal(monkeypatch, capsys)("election", "-", "--json", stdin=FILE.encode())
    assert (status, err) == (0, "")
    assert json.loads(out) == {
        "producers": ["bpb", "bpd"],
        "standby": ["bpa"],
        "tally": {"bpa": 100, "bpb": 180, "bpc": 80, "bpd": 180, "bpe": 0},
        "ties": [["bpb", "bpd"]],
        "reasons": {
            "bpb": "elected: place 1, 180 votes, as bpd, by order of registration",
            "bpd": "elected: place 2, 180 votes, as bpb, by order of registration",
            "bpa": "standby: place 3, 100 votes",
            "bpc": "out: not registered",
            "bpe": "out: no votes",
        },
        "voted": 360,
        "proposed": True,
        "not_proposed": None,
    }


def test_in_words_there_is_a_line_for_each_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = Terminal(monkeypatch, capsys)("election", "-", stdin=FILE.encode())
    assert status == 0
    assert out.splitlines()[0] == "producers          bpb bpd"
    assert "bpa                standby: place 3, 100 votes" in out.splitlines()


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"parameters": {"activation": 361}}, "360 have voted, 361 must"),
        ({"scheduled": 4, "parameters": {"activation": 1}}, "the schedule never shrinks"),
        ({"accounts": {}, "parameters": {"activation": 1}}, "0 have voted, 1 must"),
    ],
)
def test_who_is_elected_is_not_proposed_with_the_reason(more: dict[str, Any], why: str) -> None:
    found = elect({**yaml.safe_load(FILE), **more})
    assert (found["proposed"], found["not_proposed"]) == (False, why)


names = st.sampled_from(["pa", "pb", "pc", "pd", "pe"])
proxies = st.fixed_dictionaries(
    {"stake": st.integers(0, 5), "votes": st.lists(names, unique=True), "is_proxy": st.just(True)}
)
voters = st.fixed_dictionaries(
    {"stake": st.integers(0, 5), "votes": st.lists(names, unique=True)}
) | st.fixed_dictionaries({"stake": st.integers(0, 5), "proxy": st.sampled_from(["xa", "xb"])})


@given(
    order=st.permutations(["pa", "pb", "pc", "pd", "pe"]),
    chosen=st.fixed_dictionaries({"xa": proxies, "xb": proxies}),
    others=st.dictionaries(st.sampled_from(["va", "vb", "vc", "vd"]), voters),
    elected=st.integers(1, 5),
)
def test_a_recount_by_hand_finds_the_same(
    order: list[str], chosen: dict[str, Named], others: dict[str, Named], elected: int
) -> None:
    accounts = {**others, **chosen}
    found = elect(
        {
            "candidates": order,
            "accounts": accounts,
            "parameters": {"elected": elected, "activation": 1},
        }
    )
    tally = dict.fromkeys(order, 0)
    for account in accounts.values():
        of = accounts[account["proxy"]] if "proxy" in account else account
        for name in of["votes"]:
            tally[name] += account["stake"]
    ranked = [n for n in sorted(order, key=lambda n: (-tally[n], order.index(n))) if tally[n]]
    assert found["tally"] == tally
    assert found["producers"] == sorted(ranked[:elected])
    assert found["standby"] == ranked[elected:]
    ties = [[n for n in ranked if tally[n] == votes] for votes in {tally[n]: 0 for n in ranked}]
    assert found["ties"] == [tie for tie in ties if len(tie) > 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a, b]", "not an election; begin with `candidates:` and their names"),
        ("accounts: {}", "candidates: missing; add it"),
        ("candidates: [a, a]", "candidates: a is there twice; keep one"),
        (
            "{candidates: [a], profile: steem}",
            "profile: 'steem' is unknown; known: eosio, bitshares",
        ),
        ("{candidates: [a], acounts: {}}", "acounts: unknown key; did you mean accounts?"),
        ("{candidates: [a], parameters: {elected: 0}}", "parameters: elected must be 1..125"),
        (
            "{candidates: [a], accounts: {x: {stake: -1}}}",
            "accounts.x.stake: -1 is out of range; write 0 or more",
        ),
        (
            "{candidates: [a], parameters: {locks: [{account: x, amount: 1}]}}",
            "parameters: locks: x must be an account, locked once and for 1 or more",
        ),
        (
            "{candidates: [a], parameters: {elect: 1}}",
            "parameters.elect: unknown key; did you mean elected?",
        ),
        ("{candidates: [a], accounts: {x: {stake: -1}}}", "accounts.x.stake: "),
        ("{candidates: [a], accounts: {x: {votes: [a]}}}", "accounts.x.stake: missing; add it"),
        (
            "{candidates: [a], accounts: {x: {stake: 1, votes: [b]}}}",
            "accounts.x.votes: the chain refuses it: inactive_producer",
        ),
        (
            "{candidates: [a], accounts: {x: {stake: 1, votes: [a, a]}}}",
            "accounts.x.votes: the chain refuses it: duplicate_vote",
        ),
        (
            "{candidates: [a], accounts: {x: {stake: 1, proxy: y}}}",
            "accounts.x.proxy: the chain refuses it: not_a_proxy",
        ),
        (
            "{candidates: [a], accounts: {x: {stake: 1, proxy: x, is_proxy: true}}}",
            "accounts.x.proxy: the chain refuses it: proxy_of_proxy",
        ),
        (
            "{candidates: [a], accounts: {x: {stake: 1, votes: [a], proxy: y}}}",
            "accounts.x: votes itself and through a proxy; keep one",
        ),
        ("{candidates: [A]}", "candidates[0]: A is no name on a chain; write 1 to 12 of"),
    ],
)
def test_what_is_no_election_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(InspectError) as caught:
        elect(yaml.safe_load(text))
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_mistake_names_the_file_and_what_is_no_yaml_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Terminal(monkeypatch, capsys)
    assert terminal("election", "missing.yml")[::2] == (
        2, "slotlab: missing.yml: No such file or directory; name a file or -\n",
    )  # fmt: skip
    status, _, err = terminal("election", "-", stdin=b"candidates: [a\nb: {")
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("slotlab: standard input:2: not YAML: ")
    status, _, err = terminal("election", "-", stdin=b"candidates: {}")
    assert (status, err) == (2, "slotlab: standard input: candidates: {} is not a list\n")
