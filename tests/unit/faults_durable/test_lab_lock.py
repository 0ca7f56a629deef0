"""One owner at a time: the second is told who, what for and until when; a lock ends by itself."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from faults.durable.lab_lock import LabLock, Lock
from faults.host.boottime import boot_id, boottime_ns
from faults.model.fault import FaultError

S = 1_000_000_000
MINUTE_NS = 60 * S


def test_a_second_owner_is_told_who_has_the_lab_and_until_when(tmp_path: Path) -> None:
    lock = LabLock(tmp_path)
    taken = lock.take("ann@desk:1", "demo", MINUTE_NS)
    assert lock.holder() == taken
    with pytest.raises(FaultError) as refused:
        lock.take("bob@desk:2", "other", MINUTE_NS)
    assert refused.value.reason == "locked"
    words = r"ann@desk:1 runs demo until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \((59|60) s left\)"
    assert re.fullmatch(words, refused.value.detail)


@pytest.mark.parametrize(
    ("owner", "passes"), [("ann@desk:1", True), ("bob@desk:2", False), ("", False)]
)
def test_only_the_owner_passes_renews_and_gives_back(
    tmp_path: Path, owner: str, *, passes: bool
) -> None:
    lock = LabLock(tmp_path)
    first = lock.take("ann@desk:1", "demo", MINUTE_NS)
    if passes:
        lock.check(owner)
        assert (
            lock.take(owner, "demo", 2 * MINUTE_NS).expires_boottime_ns > first.expires_boottime_ns
        )
        lock.give_back(owner)
        assert lock.holder() is None
        return
    for act in (lock.check, lock.give_back):
        with pytest.raises(FaultError, match="locked"):
            act(owner)


@pytest.mark.parametrize(
    ("boot", "left_ns"), [(boot_id(), -1), ("another", MINUTE_NS)], ids=["ended", "rebooted"]
)
def test_a_lock_that_ended_or_is_of_another_boot_binds_nobody(
    tmp_path: Path, boot: str, left_ns: int
) -> None:
    lock = LabLock(tmp_path)
    old = Lock(owner="ann", purpose="x", boot=boot, expires_boottime_ns=boottime_ns() + left_ns)
    lock.path.write_bytes(msgspec.json.encode(old))
    lock.check("")
    assert lock.take("bob", "y", MINUTE_NS).owner == "bob"


@pytest.mark.parametrize(("owner", "ttl_ns"), [("", MINUTE_NS), ("a", 0), ("a", 25 * 3600 * S)])
def test_a_lock_needs_an_owner_and_an_end(tmp_path: Path, owner: str, ttl_ns: int) -> None:
    with pytest.raises(FaultError, match="bad_lock"):
        LabLock(tmp_path).take(owner, "x", ttl_ns)


def test_without_a_lock_everybody_passes(tmp_path: Path) -> None:
    LabLock(tmp_path).check("")
