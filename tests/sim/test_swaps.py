"""One host goes down at the very moment another returns: as many are live, but they are others."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from metrics.intake.intervals import steady
from metrics.model.plan import Plan, Quorum, decode, encode
from metrics.safety.invariant_inputs import stretches
from metrics.safety.liveness import progress
from tests.sim.runs import simulated
from tests.unit.harness_plan.builders import planned

pytestmark = pytest.mark.slow

S = 1_000_000_000
SWAPS = {
    "kill": (
        "{id: a, at: 40s, fault: kill, on: n1, restart_after: 20s}",
        "{id: b, at: 60s, fault: kill, on: n2, restart_after: 20s}",
    ),
    "pause": (
        "{id: a, at: 40s, for: 20s, fault: pause, on: n1}",
        "{id: b, at: 60s, for: 20s, fault: pause, on: n2}",
    ),
    "partition": (
        "{id: a, at: 40s, for: 20s, fault: partition, shape: [[n1], [n2, n3, n4]]}",
        "{id: b, at: 60s, for: 20s, fault: partition, shape: [[n2], [n1, n3, n4]]}",
    ),
    "kill for a partition": (
        "{id: a, at: 40s, fault: kill, on: n1, restart_after: 20s}",
        "{id: b, at: 60s, for: 20s, fault: partition, shape: [[n2], [n1, n3, n4]]}",
    ),
}
ALL = ["n1", "n2", "n3", "n4"]
CAMPAIGN = """
schema: slotlab.campaign/v1
title: one goes as the other comes
seed: 3
chain: {{{chain}}}
warmup: 10s
cooldown: 30s
safety: {{max_unreachable: 2}}
expect: {{always: [finality_resumes]}}
timeline: [{timeline}]
"""
CHAINS = {
    "eosio": "profile: eosio, producers: 4, slot: 500ms, blocks_per_turn: 2",
    "bitshares": "profile: bitshares, producers: 4, slot: 1s",
}


def read(timeline: str) -> Plan:
    """Return the plan of 4 producers, 2 slots of 0.5 s each, as metrics read it from its file."""
    made = planned(f"[{timeline}]", more="safety: {max_unreachable: 2}")
    return decode(encode(made))


@pytest.mark.parametrize("kind", SWAPS)
def test_windows_of_equal_weight_and_other_hosts_stay_apart(kind: str) -> None:
    quorum = read(", ".join(SWAPS[kind])).trials[0].quorum
    assert [(q.from_ns // S, q.live, q.hosts) for q in quorum] == [
        (0, 4, ALL),
        (40, 3, ["n2", "n3", "n4"]),
        (60, 3, ["n1", "n3", "n4"]),
        (80, 4, ALL),
    ]


def test_who_produces_nothing_leaves_no_quorum() -> None:
    observer = "{at: 40s, fault: kill, on: n5, restart_after: 20s}"
    (window,) = planned(f"[{observer}]", hosts=5).trials[0].quorum
    assert window.hosts == ALL


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("kill", 26), ("pause", 10), ("partition", 10), ("kill for a partition", 26)],
)
def test_who_comes_back_has_time_to_reconnect_and_who_restarts_two_rounds(
    kind: str, limit: int
) -> None:
    plan = read(", ".join(SWAPS[kind]))
    found = stretches(plan, plan.trials[0], plan.end_ns, steady(plan.interval_ns))
    (swapped,) = [stretch for stretch in found if stretch.from_ns == 62 * S]
    assert (swapped.to_ns, swapped.limit_blocks) == (80 * S, limit)


@pytest.mark.parametrize(
    ("boots_s", "from_s", "limit"),
    [((0.4, 0.4), 62, 26), ((1.9, 2.0), 62, 26), ((9.0, 0.4), 71, 26), ((25.0, 0.4), None, 26)],
)
def test_a_host_that_boots_slowly_joins_the_quorum_when_its_node_has_started(
    boots_s: tuple[float, float], from_s: int | None, limit: int
) -> None:
    plan = read(", ".join(SWAPS["kill"]))
    started = [("n1", (60 + boots_s[0]) * S), ("n2", (80 + boots_s[1]) * S), ("n3", 0.0)]
    found = stretches(plan, plan.trials[0], plan.end_ns, steady(plan.interval_ns), started)
    swapped = [
        (each.from_ns / S, each.limit_blocks) for each in found if 60 * S < each.from_ns < 80 * S
    ]
    assert swapped == ([] if from_s is None else [(from_s, limit)])


@pytest.mark.parametrize("apart_s", [0, 3, 7])
def test_who_restarted_shortly_before_still_has_its_two_rounds(apart_s: int) -> None:
    first, second = SWAPS["kill"]
    plan = read(f"{first}, {second.replace('60s', f'{60 + apart_s}s')}")
    found = stretches(plan, plan.trials[0], plan.end_ns, steady(plan.interval_ns))
    (swapped,) = [each for each in found if each.from_ns == (62 + apart_s) * S]
    assert swapped.limit_blocks == 26


def test_a_standstill_until_the_returned_node_confirms_accuses_nobody() -> None:
    plan = read(", ".join(SWAPS["kill"]))
    trial = plan.trials[0]
    # Three of four slots are filled; what n1 signs first confirms nothing, its second turn does.
    blocks = [i * S / 2 for i in range(2 * 95) if not 80 <= i < 160 or i % 8 > 1]
    finals = [t for t in blocks if not 60 * S <= t < 69 * S]
    advances = list(zip(finals, range(len(finals)), strict=True))

    def breaches(quorum: list[Quorum]) -> int:
        stretch = stretches(
            plan,
            msgspec.structs.replace(trial, quorum=quorum),
            plan.end_ns,
            steady(plan.interval_ns),
        )
        return len(progress(stretch, blocks, advances, steady(plan.slot_ns)).violations)

    before, first, second, after = trial.quorum
    assert breaches([before, first, second, after]) == 0
    in_one = msgspec.structs.replace(first, to_ns=second.to_ns)
    assert breaches([before, in_one, after]) == 1


@pytest.mark.parametrize("kind", SWAPS)
@pytest.mark.parametrize("profile", CHAINS)
def test_a_chain_that_bears_the_swap_is_not_accused(
    profile: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "swap.yml"
    path.write_text(CAMPAIGN.format(chain=CHAINS[profile], timeline=", ".join(SWAPS[kind])))
    _, summary, _ = simulated(path, tmp_path)
    checks = {check["name"]: check for check in summary["checks"]}
    evidence = checks["finality_resumes"]["evidence"]
    assert checks["finality_resumes"]["verdict"] == "holds"
    assert evidence.startswith("in 4 stretches with a quorum")
