"""What chain may say of nodes and of the chain, from the file to genesis.json and node.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.campaign import campaign_file
from harness.cli.plan import totals_of
from harness.errors import CampaignError, OperatorError, PlanError
from harness.plan import planner
from metrics.model.plan import Plan
from node.chain.model.codec import MAX_BODY_BYTES
from node.config import HealthConfig
from tests.unit.harness_plan.builders import HEAD, files_of, lab
from tests.unit.harness_plan.shipping import shipped

S = 1_000_000_000


def planned(chain: str, *, hosts: int = 5, more: str = "") -> Plan:
    """Return the plan of a campaign for 4 producers with these keys of its chain."""
    text = f"{HEAD % 4}{more}cooldown: 30s\ntimeline: []\n"
    text = text.replace("producers: 4,", f"producers: 4, {chain},")
    return planner.build(campaign_file.parse(text, Path("test.yml")), lab(hosts))


@pytest.mark.parametrize(
    ("chain", "field", "value"),
    [
        ("watermark: num", "watermark", "num"),
        ("max_block_size: 64KiB", "max_block_bytes", 65_536),
        ("max_transaction_lifetime: 90s", "max_transaction_lifetime_s", 90),
    ],
)
def test_a_chain_parameter_stands_in_the_genesis(
    chain: str, field: str, value: object, tmp_path: Path
) -> None:
    said, usual = shipped(planned(chain), tmp_path)[0], shipped(planned("timing: fio"), tmp_path)[0]
    assert getattr(said, field) == value
    changed = {key for key in said.__struct_fields__ if getattr(said, key) != getattr(usual, key)}
    assert changed == {field}


def test_the_age_of_the_last_irreversible_block_is_every_nodes(tmp_path: Path) -> None:
    _, configs = shipped(planned("max_irreversible_block_age: 45s"), tmp_path)
    assert {each.max_irreversible_block_age_ns for each in configs.values()} == {45 * S}


def test_what_the_network_is_called_at_which_share_is_every_nodes_and_the_plan_says_it(
    tmp_path: Path,
) -> None:
    asked = "health: {window: 16, degraded_below: 75%, halted_below: 25%}"
    plan = planned(asked)
    _, configs = shipped(plan, tmp_path)
    (config,) = {each.health for each in configs.values()}
    assert config == HealthConfig(window_slots=16, degraded_below=7_500, halted_below=2_500)
    words = "degraded below 75 % and halted below 25 % of the latest 16 slots"
    assert words in totals_of(plan)
    assert "degraded" not in totals_of(planned("timing: fio"))
    with pytest.raises(CampaignError, match="halted_below must not be above degraded_below"):
        planned("health: {degraded_below: 20%, halted_below: 25%}")


def test_light_and_trusting_nodes_are_those_that_were_named(tmp_path: Path) -> None:
    chain = "light: n5, trusted_producers: {n1: [producerc, producerb], n5: [producera]}"
    _, configs = shipped(planned(chain), tmp_path)
    assert {host: each.validation for host, each in configs.items()} == {
        **dict.fromkeys(("n1", "n2", "n3", "n4"), "full"), "n5": "light",
    }  # fmt: skip
    trusted = {host: each.trusted_producers for host, each in configs.items()}
    assert trusted == {
        "n1": ["producerb", "producerc"], "n2": [], "n3": [], "n4": [], "n5": ["producera"],
    }  # fmt: skip
    everywhere = shipped(planned("trusted_producers: [producera]"), tmp_path)[1]
    assert {tuple(each.trusted_producers) for each in everywhere.values()} == {("producera",)}


def test_a_spare_key_is_shipped_to_its_host_alone(tmp_path: Path) -> None:
    plan = planned("spare_keys: {n2: [newkey], n3: []}")
    _, configs = shipped(plan, tmp_path)
    spare = {host: each.spare_key_files for host, each in configs.items()}
    assert spare == {
        **{host: [] for host in ("n1", "n3", "n4", "n5")},
        "n2": [str(tmp_path / "keys" / "newkey.key")],
    }
    files = files_of(plan, tmp_path / "keys").by_host
    assert [host for host in files if "keys/newkey.key" in files[host]] == ["n2"]


def test_an_account_that_does_nothing_ships_its_key_to_nobody(tmp_path: Path) -> None:
    files = files_of(planned("system_account: true"), tmp_path / "keys").by_host
    assert all("keys/eosio.key" not in own for own in files.values())
    assert json.loads(files["n1"]["genesis.json"])["system_key"] != ""


SIZE = "test.yml: chain.max_block_size:"


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        ("light: n1", "chain.light: n1 produces, which takes full validation; name one of n5"),
        (
            "light: [n5, n2]",
            "chain.light: n2 produces, which takes full validation; name one of n5",
        ),
        ("light: n9", "chain.light: no host, group or selector n9; did you mean n5?"),
        (
            "trusted_producers: [producerx]",
            "chain.trusted_producers: no producer producerx; did you",
        ),
        ("trusted_producers: {n9: []}", "chain.trusted_producers: no host n9 in the lab; did you"),
        ("spare_keys: {n9: [newkey]}", "chain.spare_keys: no host n9 in the lab; did you mean n5?"),
        ("spare_keys: {n1: [../x]}", "chain.spare_keys.n1[0]: ../x is no name on a chain; write"),
        ("spare_keys: {n1: k}", "chain.spare_keys.n1: 'k' is not a list"),
        ("accounts: {a: {balance: -1}}", "chain.accounts.a.balance: -1 is out of range; write 0"),
        ("system_account: 1", "chain.system_account: 1 is not true or false"),
        ("max_block_size: 512B", "chain.max_block_size: 512B; write 1024B to 16777216B"),
        ("max_block_size: 64MiB", "chain.max_block_size: 67108864B; write 1024B to 16777216B"),
        (
            "max_transaction_lifetime: 1500ms",
            "chain: max_transaction_lifetime must be in whole sec",
        ),
        (
            "max_irreversible_block_age: 0s",
            "chain.max_irreversible_block_age: 0s must be more than",
        ),
        ("watermark: slot", "chain.watermark: 'slot' is not known; write 'num_and_slot' or 'num'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line_that_names_the_key(chain: str, message: str) -> None:
    with pytest.raises((PlanError, CampaignError)) as caught:
        planned(chain)
    assert str(caught.value).startswith(f"test.yml: {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key", ["watermark: num", "system_account: true", "timing: leap", "lock_on_proposed: true"]
)
def test_a_key_of_another_system_is_refused(key: str) -> None:
    text = f"schema: slotlab.campaign/v1\ntitle: t\nchain: {{profile: bitshares, {key}}}\n"
    with pytest.raises(CampaignError) as caught:
        campaign_file.parse(text, Path("test.yml"))
    word = key.split(":")[0]
    assert str(caught.value) == (
        f"test.yml: chain: {word} is for profile eosio; remove it or set that"
    )


def test_a_block_must_have_room_for_a_transaction_of_the_load() -> None:
    def plan(size: str) -> Any:
        return planned("max_block_size: 4KiB", more=f"load: {{rate: 1/s, size: {size}}}\n")

    assert plan("3584B").max_block_bytes == 4096
    with pytest.raises(OperatorError) as caught:
        plan("3585B")
    assert str(caught.value) == (
        f"{SIZE} 4096B has no room for one transaction of this campaign; write 4097B or more"
    )


def test_a_transaction_that_no_node_reads_is_refused_whether_of_the_load_or_an_act() -> None:
    load = "load: {rate: 1/s, size: %dB}\n"
    assert planned("watermark: num", more=load % MAX_BODY_BYTES).cells[0].size_bytes == 65_536
    with pytest.raises(PlanError) as caught:
        planned("watermark: num", more=load % (MAX_BODY_BYTES + 1))
    message = "65537B; write 65536B or less, as nodes read no more"
    assert str(caught.value) == f"test.yml: load.size: {message}"
    act = "{at: 20s, act: transfer, by: usera, recipient: userb, amount: 1, memo: %s}"
    for profile, rest in (("eosio", 87), ("bitshares", 116)):
        head = f"schema: slotlab.campaign/v1\ntitle: t\nchain: {{profile: {profile}}}\n"

        def built(memo_bytes: int, head: str = head) -> Plan:
            text = f"{head}timeline: [{act % ('m' * memo_bytes)}]\n"
            return planner.build(campaign_file.parse(text, Path("test.yml")), lab(5))

        assert built(MAX_BODY_BYTES - rest).trials[0].acts
        with pytest.raises(PlanError, match=r"timeline\[0\]: 65537 bytes; shorten it to 65536"):
            built(MAX_BODY_BYTES - rest + 1)
