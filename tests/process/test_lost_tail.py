"""A node's event file that lost its end: what reads runs says which lines are missing."""

from __future__ import annotations

import signal
import subprocess
from contextlib import closing
from pathlib import Path
from subprocess import PIPE

import pytest

from harness.testbed.collect import EACH_FILE
from metrics.intake import event_table, event_validation
from metrics.model.run_folder import TrialFile
from node import events
from tests.process.cluster import cluster
from tests.unit.harness_plan.builders import planned
from tests.waiting import wait_until

pytestmark = pytest.mark.process


def losses(folder: Path, host: str) -> list[event_validation.Loss]:
    """Return what the intake misses in a trial's folder of one host."""
    plan = planned()
    file = TrialFile(
        n=1, label="x.1", seed=0, t0_wall_ns=0, chain_id="", state="complete", reason="",
        started_ns=0, ended_ns=0, genesis_slot=0,
    )  # fmt: skip
    with closing(event_table.connect()) as db:
        intake = event_table.load(db, folder, plan, plan.trials[0], file, [], at_once=1)
    assert not intake.rejected
    return [loss for loss in intake.losses if loss.host == host]


def test_the_intake_names_the_lines_that_a_killed_node_s_file_lost(tmp_path: Path) -> None:
    with cluster(1) as lab:
        node = lab.nodes[0]
        node.start()
        wait_until(lambda: len(node.of(events.Applied)) > 3, "some blocks")
        node.end(signal.SIGKILL)
        path = node.folder / "events" / "node.jsonl"
        whole = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(whole[:-5]))
        node.start()
        wait_until(lambda: len(node.of(events.Started)) == 2, "the second start")
        assert node.end(signal.SIGTERM) == 0
        kept = tmp_path / "hosts" / node.name
        kept.mkdir(parents=True)
        collected = subprocess.run(
            ["sh", "-c", EACH_FILE], cwd=path.parent, stdout=PIPE, check=True
        )
        (kept / "events.jsonl").write_bytes(collected.stdout)
        assert path.with_name("node.jsonl.next").exists()
    found = losses(tmp_path, node.name)
    last = len(whole) - 1
    assert [(x.host, x.node, x.after_seq) for x in found] == [(node.name, node.name, last - 5)]
    # What it had only just numbered when it was killed may come on top.
    assert found[0].count >= 5
