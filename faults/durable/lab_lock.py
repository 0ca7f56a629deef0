"""The lab's lock on one host: who may arm and start here, until when. It ends by itself.

Kept in the run folder, so it survives the agent but not a reboot; counted on CLOCK_BOOTTIME, so no
clock fault moves its end.
"""

import os
from pathlib import Path

import msgspec

from faults.host.boottime import boot_id, boottime_ns, utc_in
from faults.model.fault import SECOND_NS, FaultError

TTL_NS_MAX = 24 * 3600 * SECOND_NS
WORDS_MAX = 200


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """The lock as it stands in the file."""

    owner: str
    purpose: str
    boot: str
    expires_boottime_ns: int


class LabLock:
    """Taken, renewed and given back by its owner's name."""

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir / "lock.json"

    def take(self, owner: str, purpose: str, ttl_ns: int) -> Lock:
        """Return the lock, new or renewed by its owner.

        Raises:
            FaultError: locked, bad_lock.
        """
        if not owner or len(owner) > WORDS_MAX or len(purpose) > WORDS_MAX:
            raise FaultError("bad_lock", f"owner needs 1..{WORDS_MAX} characters")
        if not 0 < ttl_ns <= TTL_NS_MAX:
            raise FaultError("bad_lock", "ttl_ns is outside 0..24 h")
        self.check(owner)
        lock = Lock(
            owner=owner, purpose=purpose, boot=boot_id(), expires_boottime_ns=boottime_ns() + ttl_ns
        )
        fresh = self.path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(lock))
        os.replace(fresh, self.path)
        return lock

    def give_back(self, owner: str) -> None:
        """Give up what owner holds of it.

        Raises:
            FaultError: locked, by somebody else.
        """
        self.check(owner)
        self.path.unlink(missing_ok=True)

    def check(self, owner: str) -> None:
        """Refuse everybody but owner while the lock is held.

        Raises:
            FaultError: locked, with who runs what until when.
        """
        lock = self.holder()
        if lock is None or lock.owner == owner:
            return
        left_ns = lock.expires_boottime_ns - boottime_ns()
        until = f"until {utc_in(left_ns)} ({left_ns // SECOND_NS} s left)"
        raise FaultError("locked", f"{lock.owner} runs {lock.purpose} {until}")

    def holder(self) -> Lock | None:
        """Return the lock in force, or None."""
        try:
            lock = msgspec.json.decode(self.path.read_bytes(), type=Lock)
        except (OSError, msgspec.DecodeError):
            return None
        in_force = lock.boot == boot_id() and boottime_ns() < lock.expires_boottime_ns
        return lock if in_force else None
