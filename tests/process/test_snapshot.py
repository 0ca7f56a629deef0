"""A node that stopped in order comes back from its snapshot, not from block 1."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import pytest

from node import events
from tests.process.cluster import cluster
from tests.waiting import wait_until

pytestmark = pytest.mark.process


def test_a_stopped_node_resumes_at_its_snapshot_and_follows() -> None:
    with cluster(2) as lab:
        lab.start()
        lab.until_lib(8)
        node = lab.nodes[1]
        assert node.end(signal.SIGTERM) == 0
        before = node.irreversible()
        (told,) = node.of(events.Supply)
        assert (told.num, told.id, told.issued) == (max(before), before[max(before)], 0)
        assert told.held["accounts"] == sum(own.balance for own in lab.genesis.accounts)
        with (
            closing(sqlite3.connect(node.folder / node.config.state_dir / "chain.sqlite")) as db,
            db,
        ):
            # What lies below the snapshot is not read again, so that it may be damaged.
            db.execute("UPDATE blocks SET raw = x'00' WHERE num <= 3")
        node.start()
        lab.until_lib(max(before) + 4)
        wait_until(lambda: len(node.of(events.Started)) == 2, "second start")
        assert node.of(events.Started)[1].resumed_lib == max(before)
        after = node.irreversible()
        assert {num: after[num] for num in before} == before
