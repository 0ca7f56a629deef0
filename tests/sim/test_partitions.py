"""Partitions by shape, in the simulator: what is cut is measured, and what is not is a way on."""

from __future__ import annotations

from pathlib import Path

from tests.sim.runs import meets, simulated

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
  - {id: bridge, at: 105s, for: 15s, fault: partition, shape: bridge}
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
    phases = summary["cells"][0]["phases"]
    go_on = {
        name: [host for host, blocks in phases[name]["irreversible_advance"].items() if blocks > 10]
        for name in faults
    }
    everybody = ["n1", "n2", "n3", "n4", "n5"]
    rest = [host for host in everybody if host not in faults["one"]["targets"]]
    assert go_on == {"halves": [], "one": rest, "ring": everybody, "bridge": everybody}
