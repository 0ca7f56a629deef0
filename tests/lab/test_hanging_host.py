"""A host that hangs for longer than lock and lease last costs no other host either."""

from __future__ import annotations

import pytest

from tests.lab.bench import MARKS
from tests.lab.bench import bench as fresh_bench
from tests.lab.hanging import watch

pytestmark = [*MARKS, pytest.mark.long]


def test_locks_and_leases_survive_a_host_that_hangs_while_the_others_go_on() -> None:
    with fresh_bench("hangs", hosts=4) as bench:
        bench.deploy()
        seen = watch(bench, "n2")
    print(seen)
    assert (seen.wrong, seen.lost, seen.back) == ([], "", True)
    assert min(seen.lease_left_ns) > 0
    assert min(seen.lock_left_ns) > 0
    assert {line.partition(":")[0] for line in seen.news} == {"n2"}
    for what in ("lease", "lock"):
        assert any(line.startswith(f"n2: {what} not renewed (") for line in seen.news), seen.news
    assert "n2: lock renewed again" in seen.news
    assert any(line.startswith("n2: too late: ") for line in seen.news), seen.news
