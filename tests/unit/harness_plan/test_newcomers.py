"""Accounts that become producers: the host that has such an account's key signs for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.campaign import campaign_file
from harness.cli.plan import hosts_of
from harness.errors import PlanError
from harness.plan import planner
from metrics.model.plan import Plan, decode, encode
from node.config import NodeConfig, ProducerConfig
from node.storage.startup import load_keys
from tests.unit.harness_plan.builders import HEAD, files_of, lab
from tests.unit.harness_plan.shipping import shipped

REGISTER = "{at: 5s, act: register, by: newbie, key: newbie}"


def planned(*entries: str, on: str = "n5", chain: str = "fio: {}") -> Plan:
    """Return the plan of a timeline for 4 producers on 5 hosts, where on has an account newbie."""
    text = f"{HEAD % 4}cooldown: 30s\ntimeline: [{', '.join(entries)}]\n"
    more = f"producers: 4, {chain}, accounts: {{newbie: {{balance: 0, on: {on}}}}},"
    text = text.replace("producers: 4,", more)
    return planner.build(campaign_file.parse(text, Path("test.yml")), lab(5))


def signing(configs: dict[str, NodeConfig]) -> dict[str, list[str]]:
    """Return whom each host's node signs for."""
    return {host: [each.name for each in config.producers] for host, config in configs.items()}


OWN = {f"n{number}": [f"producer{letter}"] for number, letter in enumerate("abcd", start=1)}


@pytest.mark.parametrize(
    "entry",
    [
        REGISTER,
        "{at: 5s, act: set_producers, by: eosio, producers: [producera, newbie]}",
        "{at: 5s, act: set_producers, by: eosio, producers: [{newbie: producera}, producera]}",
    ],
)
def test_the_host_that_has_its_key_signs_for_an_account_that_an_act_makes_a_producer(
    entry: str, tmp_path: Path
) -> None:
    plan = planned(entry, REGISTER)
    genesis, configs = shipped(plan, tmp_path)
    assert signing(configs) == {**OWN, "n5": ["newbie"]}
    assert plan.host_of("newbie") == "n5"
    assert "newbie" not in plan.producers
    assert decode(encode(plan)) == plan
    config = configs["n5"]
    assert config.producers == [
        ProducerConfig(name="newbie", key_file=str(tmp_path / "keys/newbie.key"))
    ]
    assert list(load_keys(config, genesis)) == ["newbie"]
    files = files_of(plan, tmp_path / "keys").by_host
    assert [host for host in files if "keys/newbie.key" in files[host]] == ["n5"]


def test_who_only_votes_or_produces_anyway_changes_nothing_of_who_signs(tmp_path: Path) -> None:
    plan = planned(
        "{at: 5s, act: vote, by: newbie, producers: [producera]}",
        "{at: 6s, act: register, by: producera, key: producera}",
    )
    assert signing(shipped(plan, tmp_path)[1]) == {**OWN, "n5": []}
    assert plan.newcomers == {}


def test_a_plan_shows_which_node_signs_for_a_newcomer() -> None:
    shown = [list(column.cells) for column in hosts_of(planned(REGISTER, on="n2")).columns]
    assert shown[3] == ["", "signs for newbie, too, once scheduled", "", "", ""]


LIGHT = "fio: {}, light: n5"


@pytest.mark.parametrize(
    ("entry", "chain", "message"),
    [
        (
            "{at: 5s, act: set_producers, by: eosio, producers: [producera, ghost]}",
            "fio: {}",
            "producers: no host signs for ghost; write chain.accounts.ghost: {balance: 0, on: n1},"
            " or name another",
        ),
        (
            REGISTER,
            LIGHT,
            "key: newbie is n5's, which may not produce; write chain.accounts.newbie.on: n1",
        ),
    ],
)
def test_a_newcomer_for_whom_no_host_can_sign_is_refused_with_its_entry(
    entry: str, chain: str, message: str
) -> None:
    with pytest.raises(PlanError) as caught:
        planned(entry, chain=chain)
    assert str(caught.value) == f"test.yml: timeline[0].{message}"
