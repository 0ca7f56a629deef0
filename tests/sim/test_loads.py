"""Loads that are not steady: what clients send in the simulator, and what the report says of it."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
import zstandard

from harness.campaign import campaign_file
from harness.plan import lab_view, planner
from harness.sim.campaign import simulate, world_of
from metrics.model.cell_load import asked, peak_milli, sent_until_ns
from metrics.model.plan import Plan
from node import events
from node.events.load_shape import GATHER_NS
from tests.sim.runs import meets, simulated

HEAD = """
schema: slotlab.campaign/v1
title: a load
seed: 5
chain: {producers: 4, slot: 500ms, blocks_per_turn: 2}
warmup: 10s
cooldown: 10s
"""


def seconds(folder: Path) -> list[int]:
    """Return how many transactions were due at all clients in each second of the first trial."""
    own = []
    for path in sorted(folder.glob("trials/1/hosts/*/events.jsonl.zst")):
        lines = zstandard.ZstdDecompressor().stream_reader(path.read_bytes()).read().splitlines()
        told = (events.decode(line)[1] for line in lines)
        own.append([record.due for record in told if isinstance(record, events.Load)])
    return [sum(due) for due in zip(*own, strict=True)]


def table(folder: Path) -> list[list[str]]:
    """Return what the report says of the load by phase: asked, sent, refused, included, final."""
    page = (folder / "report.html").read_text()
    body = page.partition("Load asked: ")[2].partition("</table>")[0]
    rows = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in body.split("<tr>")]
    return [[row[0], row[1], row[3], *row[5:]] for row in rows if row]


SHARES = {"n1": 2, "n2": 2, "n3": 1, "n4": 1}
"""How six in flight are shared by four hosts."""
SYSTEMS = ("eosio, slot: 500ms, blocks_per_turn: 2", "bitshares, slot: 1s")


def closed(system: str, until: str) -> tuple[Plan, dict[str, list[tuple[int, events.Event]]]]:
    """Return the plan of a closed loop of six, and what node and client of each host told of it.

    The node of n2 is killed at 10 s and back two seconds later.
    """
    text = f"""
schema: slotlab.campaign/v1
title: a closed loop
chain: {{producers: 4, profile: {system}}}
load: {{mode: closed, in_flight: 6, until: {until}}}
warmup: 5s
cooldown: 10s
timeline: [{{at: 10s, fault: kill, on: n2, restart_after: 2s}}]
"""
    file = campaign_file.parse(text, Path("t.yml"))
    plan = planner.build(file, lab_view.simulated(file))
    done = simulate(plan, plan.trials[0])
    told = {
        host: [
            (said.wall_ns, record)
            for said, record in map(events.decode, lines.splitlines())
            if isinstance(record, events.Txs) or said.node == host
        ]
        for host, lines in done.events.items()
    }
    return plan, told


def within_the_plan(plan: Plan, sent: int) -> None:
    """Assert that no more was sent than the plan says that there can be."""
    cell = plan.cells[0]
    assert 0 < sent <= asked(cell, plan.end_ns)
    assert peak_milli(cell) * plan.end_ns >= sent * 10**12


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_closed_loop_begins_one_for_each_that_is_irreversible(system: str) -> None:
    plan, told = closed(system, "irreversible")
    sent = 0
    for host, most in SHARES.items():
        under_way: set[str] = set()
        filled = 0
        for _, record in told[host]:
            if isinstance(record, events.Started):
                under_way.clear()  # With what the node would have told.
            elif isinstance(record, events.Txs) and record.state == "accepted":
                under_way.update(record.ids)
                filled += len(under_way) == most
            elif isinstance(record, events.Txs) and record.state == "irreversible":
                under_way.difference_update(record.ids)
            elif isinstance(record, events.Txs) and record.state == "sent":
                sent += len(record.ids)
            assert len(under_way) <= most
        assert filled >= 3
    within_the_plan(plan, sent)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_closed_loop_until_accepted_goes_as_often_as_a_client_looks(system: str) -> None:
    plan, told = closed(system, "accepted")
    sent: list[int] = []
    for host, most in SHARES.items():
        at = [at_ns for at_ns, record in told[host] if getattr(record, "state", "") == "sent"]
        turns = Counter(at)
        assert max(turns.values()) == most
        sent += at
        apart = [b - a for a, b in pairwise(sorted(turns))]
        assert min(apart) > GATHER_NS - 10_000  # By a clock of its own.
    within_the_plan(plan, len(sent))
    assert len(sent) > 1_000


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_hot_account_gets_the_share_of_transfers_that_was_asked(system: str) -> None:
    text = f"""
schema: slotlab.campaign/v1
title: a hot account
chain: {{producers: 4, profile: {system}, accounts: {{hot: {{balance: 0}}}}}}
load: {{rate: 40/s, hot: 80%}}
warmup: 10s
cooldown: 10s
"""
    file = campaign_file.parse(text, Path("t.yml"))
    plan = planner.build(file, lab_view.simulated(file))
    world, _ = world_of(plan, plan.trials[0], None, probes=False)
    world.run(plan.end_ns)
    balances = {host.chain.balance("hot") for host in world.hosts.values() if host.chain}
    (hot,) = balances
    sent = asked(plan.cells[0], sent_until_ns(plan.end_ns))
    assert 0.75 * sent < hot < 0.85 * sent


FIO = "fio: {elected: 4, activation: 1000000, schedule_check_slots: 10}"


@pytest.mark.parametrize(
    ("chain", "mix", "facts"),
    [
        (f"blocks_per_turn: 2, {FIO}", "{vote: 10%, transfer_tokens: 20%}", {events.Voted: 0.1}),
        (
            "profile: bitshares, slot: 1s",
            "{vote: 20%, propose: 5%}",
            {events.Opinion: 0.2, events.Proposed: 0.05},
        ),
    ],
)
def test_operations_that_are_mixed_in_are_drawn_as_often_as_asked_and_none_is_refused(
    chain: str, mix: str, facts: dict[type[events.Record], float]
) -> None:
    text = f"""
schema: slotlab.campaign/v1
title: mixed
chain: {{producers: 4, {chain}}}
load: {{rate: 40/s, mix: {mix}}}
warmup: 5s
cooldown: 10s
"""
    file = campaign_file.parse(text, Path("t.yml"))
    plan = planner.build(file, lab_view.simulated(file))
    lines = simulate(plan, plan.trials[0]).events.values()
    told = [[events.decode(line)[1] for line in own.splitlines()] for own in lines]
    refused = [r for own in told for r in own if getattr(r, "state", "") == "rejected"]
    assert refused == []
    sent = asked(plan.cells[0], sent_until_ns(plan.end_ns))
    for kind, share in facts.items():
        count = sum(isinstance(record, kind) for record in told[0])
        assert 0.6 * share * sent < count < 1.4 * share * sent


def test_a_ramp_with_bursts_is_sent_and_told_as_it_was_asked(tmp_path: Path) -> None:
    campaign = tmp_path / "ramp.yml"
    shape = "{ramp: {from: 0/s, to: 40/s, over: 20s}, burst: {rate: 100/s, for: 2s, every: 12s}}"
    pause = "timeline: [{at: 20s, for: 5s, fault: pause, on: n4}]"
    campaign.write_text(f"{HEAD}load: {shape}\n{pause}\n")
    done, summary, folder = simulated(campaign, tmp_path)
    meets(done, summary)
    due = seconds(folder)
    assert due == [
        4, 4, 4, 4, 12, 8, 16, 12, 20, 16, 24, 20, 100, 100, 32, 28, 36, 32, 40, 36,
        40, 40, 40, 40, 100, 100, 40, 40, 40, 40,
    ]  # fmt: skip
    rows = table(folder)
    assert [row[0] for row in rows] == ["warmup", "baseline", "pause-1", "recovery", "after"]
    figures = [[int(text) for text in row[1:]] for row in rows]
    for due_then, sent, refused, included, final in figures:
        assert abs(due_then - sent) <= 4  # One a host that is due where two phases meet.
        assert (refused, included, final) == (0, sent, sent)
