"""What a trial started comes back with a host that lost its power, until the trial's lease ends."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from faults.boottime import boot_id
from faults.running import LONGEST_NS, RunningFile

S = 1_000_000_000


def test_started_units_add_up_and_stopped_ones_go(tmp_path: Path) -> None:
    file = RunningFile(tmp_path)
    file.started("t", ["probe"], None)
    file.started("t", ["node", "client"], None)
    found = file.read()
    assert found is not None
    assert (found.boot, found.trial) == (boot_id(), "t")
    assert found.units == ["node", "probe", "client"]
    file.stopped(["client"])
    found = file.read()
    assert found is not None
    assert found.units == ["node", "probe"]
    file.stopped(["node", "probe"])
    assert file.read() is None


def test_units_of_an_earlier_trial_do_not_count(tmp_path: Path) -> None:
    file = RunningFile(tmp_path)
    file.started("t", ["node"], None)
    file.started("u", ["probe"], None)
    found = file.read()
    assert found is not None
    assert (found.trial, found.units) == ("u", ["probe"])


def test_the_lease_bounds_how_long_units_come_back_and_a_day_bounds_the_lease(
    tmp_path: Path,
) -> None:
    file = RunningFile(tmp_path)
    file.leased(5 * S)
    assert file.read() is None, "a lease alone starts nothing"
    for asked_ns, given_ns in ((None, LONGEST_NS), (5 * S, 5 * S), (2 * LONGEST_NS, LONGEST_NS)):
        begun_ns = time.time_ns()
        file.started("t", ["node"], asked_ns)
        found = file.read()
        assert found is not None
        assert begun_ns <= found.until_wall_ns - given_ns <= time.time_ns()


def test_nothing_comes_back_within_one_boot_or_after_the_end(tmp_path: Path) -> None:
    file = RunningFile(tmp_path)
    file.started("t", ["node"], 60 * S)
    assert file.bring_back() == []
    found = file.read()
    assert found is not None
    late = msgspec.structs.replace(found, boot="another", until_wall_ns=time.time_ns() - 1)
    file.path.write_bytes(msgspec.json.encode(late))
    assert file.bring_back() == []
    assert file.read() is None
