"""Partitions by shape, in the simulator: what is cut is measured, and what is not is a way on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.sim.campaign import simulate
from harness.sim.world import LEAD_NS
from tests.sim.runs import meets, simulated
from tests.sim.test_sim_faults import in_sim

S = 1_000_000_000

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: each shape
seed: 3
chain: {profile: eosio, producers: 5, slot: 500ms, blocks_per_turn: 2}
warmup: 10s
cooldown: 15s
safety: {max_unreachable: 4}
expect:
  always: [no_conflicting_finality, lib_never_decreases, same_state_digest, finality_resumes]
timeline:
  - {id: halves, at: 15s, for: 15s, fault: partition, shape: halves}
  - {id: one, at: 45s, for: 15s, fault: partition, shape: one}
  - {id: ring, at: 75s, for: 15s, fault: partition, shape: ring}
  - {id: bridge, at: 105s, for: 15s, fault: partition, shape: bridge, how: reset}
"""


def test_a_shape_is_measured_as_asked_and_blocks_find_the_ways_that_are_left(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shapes.yml"
    path.write_text(CAMPAIGN)
    done, summary, _ = simulated(path, tmp_path / "runs")
    meets(done, summary)
    faults = {fault["id"]: fault for fault in summary["faults"]}
    for fault in faults.values():
        measured = fault["measured"]
        assert (fault["state"], measured["judged"]) == ("installed", "as asked")
        assert measured["across_sent"] > 0 == measured["across_received"]
        assert measured["within_sent"] == measured["within_received"] > 0
    first_s, last_s = faults["bridge"]["measured"]["lost_after_s"]
    assert 0 <= first_s <= last_s <= 1, "a reset is noticed at the next hello"
    phases = summary["cells"][0]["phases"]
    go_on = {
        name: [host for host, blocks in phases[name]["irreversible_advance"].items() if blocks > 10]
        for name in faults
    }
    everybody = ["n1", "n2", "n3", "n4", "n5"]
    rest = [host for host in everybody if host not in faults["one"]["targets"]]
    assert go_on == {"halves": [], "one": rest, "ring": everybody, "bridge": everybody}


def lost(fault: str) -> dict[tuple[str, str], str]:
    """Return why each host told, within two seconds, that it lost a peer."""
    made = in_sim(f"[{{at: 20s, for: 10s, {fault}}}]")
    told = {}
    for host, text in simulate(made, made.trials[0]).events.items():
        lines = [msgspec.json.decode(line) for line in text.splitlines()]
        start_ns = lines[0]["mono_ns"] + LEAD_NS
        for line in lines:
            since_ns = line["mono_ns"] - start_ns
            if line.get("state") == "disconnected" and 20 * S <= since_ns <= 22 * S:
                told[host, line["peer"]] = line["reason"]
    return told


def test_a_link_that_resets_is_lost_at_once_and_one_that_hangs_is_waited_for() -> None:
    alone = "fault: partition, shape: [[n1], [n2, n3, n4]]"
    ends = [(a, b) for other in ("n2", "n3", "n4") for a, b in (("n1", other), (other, "n1"))]
    assert lost(alone) == {}
    assert lost(f"{alone}, how: reset") == dict.fromkeys(ends, "connection_lost")


def test_a_cut_one_way_that_resets_loses_the_connection_at_both_ends() -> None:
    cut = "fault: cut, from: n1, to: n2"
    assert lost(cut) == {}
    assert lost(f"{cut}, how: reset") == dict.fromkeys(
        [("n1", "n2"), ("n2", "n1")], "connection_lost"
    )
