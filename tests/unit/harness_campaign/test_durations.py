"""Whatever length is written for whatever key, a plan is printed or one line says what is wrong."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from harness.campaign import campaign_file, schema
from harness.cli.plan import hosts_of, totals_of
from harness.cli.tables.plan_tables import cells_of
from harness.errors import OperatorError
from harness.plan import lab_view, planner
from metrics.model.plan import decode, encode

Keys = tuple[str | int, ...]
COMMON: dict[str, Any] = {
    "schema": "slotlab.campaign/v1",
    "title": "lengths",
    "warmup": "10s",
    "cooldown": "10s",
    "safety": {"lease": "60s", "max_unreachable": 4},
    "expect": {
        "each_fault": {"recovers_within": "30s"},
        "warmup": {"finality_latency_s": {"p95": {"min": "0s", "max": "6s"}}},
    },
}
EOSIO = {
    "profile": "eosio",
    "slot": "500ms",
    "blocks_per_turn": 2,
    "processing": "200ms",
    "propagation": "300ms",
    "last_block": "200ms",
    "max_transaction_lifetime": "60s",
    "max_irreversible_block_age": "30s",
    "fio": {
        "domain_expires": "60s",
        "domain_grace": "60s",
        "fees": {"multiplier_pause": "1s", "fee_vote_pause": "1s", "bundle_vote_pause": "1s"},
        "pay": {
            "claim_pause": "1s",
            "schedule_age": "2s",
            "schedule_step": "2s",
            "provider_pause": "1s",
        },
    },
}
BITSHARES = {
    "profile": "bitshares",
    "slot": "2s",
    "bitshares": {
        "block_interval": "2s",
        "maintenance_interval": "60s",
        "voting": {"full_vote": "60s", "decay_step": "60s"},
        "committee": {"review_period": "61s", "max_proposal_lifetime": "90s"},
        "money": {"vesting": "60s"},
        "hard_forks": {"notes": "60s"},
    },
}
LASTING = {"at": "20s", "for": "10s"}
FAULTS: tuple[dict[str, Any], ...] = (
    {"fault": "delay", **LASTING, "delay": "80ms", "jitter": "10ms"},
    {"fault": "delay", **LASTING, "rtt": "80ms"},
    {"fault": "delay", **LASTING, "between": ["n1", "n2"], "delay": "40ms", "back": "10ms"},
    {"fault": "partition", **LASTING, "shape": "minority"},
    {"fault": "clock_step", **LASTING, "on": "one", "by": "100ms"},
    {"fault": "clock_drift", **LASTING, "on": "one", "by": "50ppm"},
    {"fault": "ntp_offset", **LASTING, "on": "one", "by": "50ms"},
    {"fault": "reorder", **LASTING, "share": "5%", "by": "50ms"},
    {"fault": "byzantine", **LASTING, "on": "one", "strategy": "late", "by": "1s"},
    {"fault": "kill", "at": "20s", "on": "one", "restart_after": "5s"},
    {"fault": "crash", "at": "20s", "on": "one", "restart_after": "5s"},
    {"fault": "pause", **LASTING, "on": "one"},
    {"fault": "crash_loop", **LASTING, "on": "one", "every": "3s", "down": "1s"},
    {"act": "transfer", "at": "20s", "by": "usera", "recipient": "userb", "amount": 1},
)
LOAD = {
    "ramp": {"from": "1/s", "to": "2/s", "over": "5s"},
    "burst": {"rate": "9/s", "for": "1s", "every": "9s"},
}
LENGTHS = (
    "0s", "1ns", "1us", "-1ns", "-1s", "1h", "720h", "720.1h", "9" * 20 + "h", "9" * 5000 + "s",
    "0.5ns", "1e3s", "NaNs", "infs", "1_000s", "٣s", "", "s", "1.s", "1 fortnight",
)  # fmt: skip


def campaigns() -> list[dict[str, Any]]:
    alone = [{**COMMON, "chain": chain} for chain in (EOSIO, BITSHARES)]
    alone.append({**COMMON, "chain": EOSIO, "load": LOAD})
    return [*alone, *({**COMMON, "chain": EOSIO, "timeline": [fault]} for fault in FAULTS)]


def lengths(part: Any, above: Keys = ()) -> Iterator[Keys]:
    """Yield the keys that lead to each length."""
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from lengths(value, (*above, key))
        elif str(value)[:1].isdigit() and str(value)[-1] in "sm":
            yield (*above, key)


def with_value(whole: dict[str, Any], keys: Keys, value: object) -> dict[str, Any]:
    changed: Any = copy.deepcopy(whole)
    part = changed
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    return dict(changed)


def answer(whole: dict[str, Any]) -> str:
    """Return what the operator is told, empty where the plan is printed."""
    try:
        file = campaign_file.parse(yaml.safe_dump(whole, allow_unicode=True), Path("c.yml"))
        planned = planner.build(file, lab_view.simulated(file))
    except OperatorError as error:
        return str(error)
    assert decode(encode(planned)) == planned
    console = Console(quiet=True, width=200)
    console.print(hosts_of(planned), *cells_of(planned))
    console.print(totals_of(planned))
    return ""


@pytest.mark.parametrize("whole", campaigns(), ids=lambda whole: whole["chain"]["profile"])
def test_any_length_of_any_key_gives_a_plan_or_one_line(whole: dict[str, Any]) -> None:
    assert answer(whole) == ""
    part = "timeline" if "timeline" in whole else None  # the rest is tried without one
    for keys in lengths(whole):
        if part not in (None, keys[0]):
            continue
        for value in LENGTHS:
            text = answer(with_value(whole, keys, value))
            assert "\n" not in text
            assert len(text) < 300, text
            assert text == "" or text.startswith("c.yml: "), text


def test_every_length_of_the_schema_is_tried() -> None:
    def named(part: Any) -> Iterator[str]:
        for key, value in part.items() if isinstance(part, dict) else enumerate(part):
            if key == "properties":
                yield from (name for name, spec in value.items() if "(ns|us|ms" in json.dumps(spec))
            if isinstance(value, dict | list):
                yield from named(value)

    tried = {keys[-1] for whole in campaigns() for keys in lengths(whole)}
    parts = {"timeline", "chain", "safety", "bitshares", "fio", "fees", "pay"}
    parts |= {"voting", "committee", "money", "hard_forks"}
    assert set(named(json.loads(schema.json_schema()))) - parts <= tried


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("chain", "slot"), "1ms", "c.yml: chain: slot must be at least 10ms, not 1ms"),
        (
            ("chain", "processing"),
            "250ms",
            "c.yml: chain: processing 250 ms and 300 ms of propagation do not fit into a slot of"
            " 500 ms; shorten one",
        ),
        (
            ("chain", "last_block"),
            "500ms",
            "c.yml: chain: last_block must be 0 or more and below a slot of 500 ms",
        ),
        (("safety", "lease"), "0s", "c.yml: safety.lease: 0s must be more than zero"),
        (("cooldown",), "721h", "c.yml: cooldown: 721h is beyond 720h, the most there is"),
        (
            ("expect", "each_fault", "recovers_within"),
            "-1s",
            "c.yml: expect.each_fault.recovers_within: -1s must be more than zero",
        ),
    ],
)
def test_a_length_that_cannot_be_is_said_with_its_key(keys: Keys, value: str, message: str) -> None:
    assert answer(with_value(campaigns()[0], keys, value)) == message


def test_without_warm_up_a_trial_begins_with_its_first_phase() -> None:
    fault = {**FAULTS[0], "at": "0s"}
    whole = {**COMMON, "chain": EOSIO, "warmup": "0s", "timeline": [fault], "expect": {}}
    file = campaign_file.parse(yaml.safe_dump(whole), Path("c.yml"))
    (trial,) = planner.build(file, lab_view.simulated(file)).trials
    assert trial.phases[0].name == "delay-1"
    assert answer(whole) == ""
    nothing = {**COMMON, "chain": EOSIO, "warmup": "0s", "cooldown": "0s", "expect": {}}
    assert answer(nothing) == "c.yml: cooldown: a trial would last 0s; write at least 10s"
