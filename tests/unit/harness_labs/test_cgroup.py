"""The cgroup of a container is found from that of its first process, whoever made it."""

from __future__ import annotations

import pytest

from harness.errors import LabError
from harness.labs import cgroup


@pytest.mark.parametrize(
    ("first", "container"),
    [
        ("slb1/n1", "slb1/n1"),
        ("slb1/n1/payload", "slb1/n1"),
        ("slb1/n1/init.scope", "slb1/n1"),
        (
            "machine.slice/machine-slb1n1.scope/payload/init.scope",
            "machine.slice/machine-slb1n1.scope",
        ),
        ("slb1/payloads", "slb1/payloads"),
    ],
)
def test_what_its_systemd_and_nspawn_made_is_below_the_cgroup_of_a_container(
    first: str, container: str
) -> None:
    assert cgroup.whole(first) == container


def test_a_process_that_is_not_there_has_no_cgroup() -> None:
    with pytest.raises(LabError, match="no cgroup v2 counts what process 4194305 uses"):
        cgroup.used_ns(4_194_305)
