"""Benches of real nodes and of a bare mesh have a sample of each thing that they measure."""

from __future__ import annotations

import time

import pytest

from harness.bench import idle, propagation, wakeup
from harness.bench.rig import bare_mesh
from harness.bench.rig.bare_mesh import Pushes

MS = 1_000_000


def test_each_member_of_a_bare_mesh_gets_each_push_of_another() -> None:
    with bare_mesh.mesh(3) as members:
        first_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) + 10 * MS
        pushes = Pushes(first_ns=first_ns, each_ns=5 * MS, count=6, size_bytes=20_000)
        for _ in range(2):
            took_ms = bare_mesh.push(members, pushes)
            assert len(took_ms) == 6 * 2
            assert min(took_ms) > 0
    assert all(member.returncode is not None for member in members)


@pytest.mark.slow
def test_blocks_of_real_nodes_reach_each_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propagation, "CAMPAIGN", propagation.CAMPAIGN.replace("21", "3"))
    monkeypatch.setattr(propagation, "NODES", 3)
    monkeypatch.setattr(propagation, "BLOCKS", 10)
    rows = propagation.rows()
    assert [row.what.rpartition(", ")[2] for row in rows] == ["median", "p99", "largest"]
    assert all(row.n > 0 and row.ratio is not None and row.ratio > 0 for row in rows)


@pytest.mark.slow
def test_each_slot_of_each_node_is_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wakeup, "SLOTS", 30)
    rows = wakeup.rows()
    assert [row.n for row in rows] == [30] * 3 + [120] * 3
    assert all((row.value or 0) > 0 and (row.floor or 0) > 0 for row in rows)


def test_nodes_at_rest_cost_something_beside_a_mesh_of_as_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idle, "CAMPAIGN", idle.CAMPAIGN.replace("21", "3"))
    for name, value in (("NODES", 3), ("PUSHES_EACH_S", 9), ("LASTS_S", 5), ("FLOOR_S", 2)):
        monkeypatch.setattr(idle, name, value)
    share, memory, missed = idle.rows()
    assert share.value is not None
    assert (share.unit, memory.unit, missed.unit) == ("% of a core", "MB", "")
    assert memory.value is not None
    assert memory.ratio is not None
    assert memory.value > 0
    assert missed.n > 0
