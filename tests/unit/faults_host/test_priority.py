"""Before which work the agent runs: always ahead where that is free, else only at the moment."""

import os
from pathlib import Path

import pytest

from faults.host.priority import at_the_moment, rationed

V1_ROOT = "3:cpuset:/\n2:cpu,cpuacct:/\n1:name=systemd:/system.slice/slotlab-agent.service\n"
V1_NESTED = "3:cpuset:/\n2:cpu,cpuacct:/lab/n1\n1:name=systemd:/\n"
V1_CPUSET_NESTED = "2:cpuset:/lab/n1\n1:cpu:/\n0::/lab/n1\n"
V2 = "0::/system.slice/slotlab-agent.service\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [(V1_ROOT, False), (V1_NESTED, True), (V1_CPUSET_NESTED, False), (V2, False), ("", False)],
    ids=["v1 root", "v1 nested", "v1 cpuset only", "v2", "no groups"],
)
def test_only_a_nested_cpu_group_of_v1_rations_real_time(
    text: str, wanted: bool, tmp_path: Path
) -> None:
    groups = tmp_path / "cgroup"
    groups.write_text(text)
    assert rationed(groups) is wanted


def test_after_the_moment_the_thread_is_what_it_was_even_if_the_moment_failed() -> None:
    before = os.sched_getscheduler(0)
    niceness = os.getpriority(os.PRIO_PROCESS, 0)
    with pytest.raises(ZeroDivisionError):
        fail_at_the_moment({before, os.SCHED_RR})
    assert os.sched_getscheduler(0) == before
    assert os.getpriority(os.PRIO_PROCESS, 0) == niceness


def fail_at_the_moment(policies: set[int]) -> None:
    with at_the_moment():
        assert os.sched_getscheduler(0) in policies
        _ = 1 // 0
