"""A slow disk is believed only where the node's own cgroup shows the limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.kinds.disk import slow_disk
from faults.kinds.disk.slow_disk import SlowDisk
from faults.model.fault import HostContext

FAULT = SlowDisk(id="s", at_ns=0, for_ns=1, unit="slotlab-node.service", writes=20)
CONTEXT = HostContext(
    token="ab12cd34", run_dir=Path("/run/slotlab"), skew_file=Path("/run/slotlab/skew"),
    capabilities=frozenset(), deadline_ns=1,
)  # fmt: skip


@pytest.fixture
def cgroup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that stands for the node's cgroup."""
    monkeypatch.setattr(slow_disk, "CGROUPS", tmp_path)
    monkeypatch.setattr(slow_disk, "output", lambda words: (0, "/system.slice/node\n", ""))
    made = tmp_path / "system.slice" / "node"
    made.mkdir(parents=True)
    return made


def test_a_slow_disk_is_read_back_from_the_cgroup_of_the_node(cgroup: Path) -> None:
    (cgroup / "io.max").write_text("8:0 rbps=max wbps=max riops=max wiops=20\n")
    (cgroup / "io.stat").write_text("8:0 rbytes=1 wbytes=2 rios=3 wios=41\n7:0 wios=1\n")
    found = FAULT.read_back(CONTEXT)
    assert (found.state, found.data["limit"], found.data["writes"]) == ("installed", "20", 42)
    assert FAULT.ended_early(CONTEXT) == ""
    assert FAULT.left_over(CONTEXT) == "a limit of 20 writes a second"


@pytest.mark.parametrize(
    ("shown", "reason"),
    [("", "the limit is not there"), ("8:0 rbps=max wiops=max\n", "the limit is max")],
)
def test_a_limit_that_is_not_there_is_no_fault(cgroup: Path, shown: str, reason: str) -> None:
    (cgroup / "io.max").write_text(shown)
    found = FAULT.read_back(CONTEXT)
    assert (found.state, found.reason) == ("indeterminate", reason)
    assert FAULT.left_over(CONTEXT) == ""


def test_a_kernel_without_such_cgroups_shows_no_limit(cgroup: Path) -> None:
    assert FAULT.read_back(CONTEXT).reason == "the limit is not there"
