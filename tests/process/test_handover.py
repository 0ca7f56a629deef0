"""Real nodes and hand-overs that come too late: dropped by the next producer, and no harm done."""

from __future__ import annotations

import pytest

from faults.host.clock.skew_file import write_skew
from node import events
from node.chain.model.windows import Timing
from tests.process.cluster import cluster
from tests.waiting import wait_until

pytestmark = pytest.mark.process

SLOT_MS = 400


@pytest.mark.parametrize(("timing", "late_ms"), [("eosio2", 300), ("leap", 500)])
def test_a_last_block_that_comes_while_the_next_is_built_is_dropped_and_all_agree(
    timing: Timing, late_ms: int
) -> None:
    with cluster(4, slot_ms=SLOT_MS, blocks_per_turn=2, timing=timing) as lab:
        late, following = lab.nodes[0], lab.nodes[1]
        write_skew(late.folder / "skew", -late_ms * 1_000_000, 0)
        lab.start()
        wait_until(lambda: len(following.of(events.Ignored)) >= 2, "two dropped blocks")
        lab.until_lib(max(record.num for record in following.of(events.Ignored)))
        lab.agreed()
        made = {record.id: record.slot for record in late.of(events.Produced)}
        dropped = [record for record in following.of(events.Ignored) if record.from_ == late.name]
        assert dropped
        assert {record.slot // 2 - made[record.id] // 2 for record in dropped} == {1}
        for node in lab.nodes:
            assert node.of(events.Rejected) == []
