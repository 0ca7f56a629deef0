"""A node whose disk takes no more ends with one line, though a thread of its own found out."""

from __future__ import annotations

import resource

import msgspec
import pytest

from tests.process.cluster import cluster

pytestmark = pytest.mark.process


def test_a_node_that_cannot_write_its_blocks_ends_with_one_line_and_comes_back() -> None:
    with cluster(2, observers=1) as lab:
        lab.start()
        lab.until_lib(6)
        observer = lab.nodes[-1]
        assert observer.process is not None
        store = observer.folder / observer.config.state_dir / "chain.sqlite"
        most = store.with_suffix(".sqlite-wal").stat().st_size
        assert most > (observer.folder / "events" / "node.jsonl").stat().st_size
        resource.prlimit(observer.process.pid, resource.RLIMIT_FSIZE, (most, most))
        assert observer.wait() == 3
        assert observer.log().splitlines()[-1] == f"node: {store}: disk I/O error"
        events = (observer.folder / "events" / "node.jsonl").read_bytes().splitlines()
        last = msgspec.json.decode(events[-1])
        assert (last["kind"], last["reason"]) == ("stopped", "disk_failed")
        before = observer.irreversible()
        observer.start()
        lab.until_lib(max(before) + 4)
        assert lab.agreed() > 0
