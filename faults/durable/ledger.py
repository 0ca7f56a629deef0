"""The ledger: what this host must still undo, on disk before the fault is applied.

One arming of a fault owns three files, named by its token: `<token>.jsonl` (the entry, as long as
the fault has peers, then a short line a change of state, written into space reserved when it was
armed, so a full disk cannot keep a change from being recorded),
`<token>.sh` (the undo, plain POSIX shell, needs neither Python nor the agent) and `<token>.undone`
(written over by that script: it ran, and when). A record torn by a crash is ignored; the one before
counts. Beside the folder stands heal.sh, which runs every undo script that is still needed.
"""

import contextlib
import errno
import os
import shlex
from pathlib import Path
from typing import Literal

import msgspec

from faults.durable.armed_trial import NAME as GRANT
from faults.durable.armed_trial import ArmedTrial
from faults.host.clock.host_clock_undo import restore_lines
from faults.model.fault import Command, MoveClock, RestoreClock, SetSkew, Step

CHANGE_BYTES = 2_048
"""The most a change of state takes."""
RESERVED_BYTES = 4 * CHANGE_BYTES
"""Kept free behind the entry: prepared, applied, closed, and one for a torn line."""
REASON_CHARACTERS = (CHANGE_BYTES - 128) // 6
"""A character takes at most six bytes of JSON."""
UNDONE_BYTES = 64
TOKEN_CHARACTERS = 8
_HEAL = """#!/bin/sh
# Takes back every fault of this host: safe at any time, any number of times, without Python.
# "heal.sh lease" does nothing while the lease lasts.
PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd @FOLDER@ || exit 1
if [ "$1" = lease ]; then
  ends=$(head -n 1 @GRANT@ 2>/dev/null) && [ -n "$ends" ] || exit 0
  now=$(cut -d' ' -f1 /proc/uptime | tr -d .)
  [ "$now" -ge "$ends" ] || exit 0
fi
rm -f @GRANT@
for record in ledger/*.jsonl; do
  grep -q -a '"state":"prepared"' "$record" || continue
  grep -q -a '"state":"closed"' "$record" || sh "${record%.jsonl}.sh"
done
exit 0
"""

State = Literal["armed", "prepared", "applied", "closed"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One fault's latest record; times are CLOCK_BOOTTIME of the boot named."""

    token: str
    trial: str
    fault_id: str
    kind: str
    how: str
    boot: str
    state: State
    t0_boottime_ns: int
    inject_ns: int
    deadline_ns: int | None
    queue_num: int = 0
    tables: list[str] = []
    asked: dict[str, object] = {}
    reason: str = ""

    def armed_by(self, armed: ArmedTrial) -> bool:
        """Return whether it is of this arming."""
        own = (self.boot, self.trial, self.t0_boottime_ns)
        return own == (armed.boot, armed.trial, armed.t0_boottime_ns)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What a later line of an entry's file says: its state from then on."""

    state: State
    reason: str = ""


class Ledger:
    """The open and closed entries below one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)

    def write_heal_script(self) -> None:
        """Write heal.sh, which undoes whatever was prepared and is not closed, beside the folder.

        Raises:
            OSError: it could not be written.
        """
        folder = shlex.quote(str(self.folder.parent))
        text = _HEAL.replace("@FOLDER@", folder).replace("@GRANT@", GRANT).encode()
        if not self.heal_file.exists() or self.heal_file.read_bytes() != text:
            _write(self.heal_file, text, 0o750, durably=True)

    @property
    def heal_file(self) -> Path:
        """Return the script that heals this host without Python."""
        return self.folder.parent / "heal.sh"

    def create(self, entry: Entry, undo: tuple[Step, ...]) -> None:
        """Write record and undo script, durably.

        Raises:
            OSError: they could not be written; nothing may be applied then.
        """
        try:
            self._create(entry, undo)
        except OSError:
            self._remove(entry.token)
            raise

    def _create(self, entry: Entry, undo: tuple[Step, ...]) -> None:
        script = self.script(entry.token)
        _write(script, undo_script(script, undo).encode(), 0o750, durably=True)
        _write(script.with_suffix(".undone"), b" " * UNDONE_BYTES, 0o640)
        path = self._records(entry.token)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
        try:
            line = msgspec.json.encode(entry) + b"\n"
            os.posix_fallocate(descriptor, 0, len(line) + RESERVED_BYTES)
            _pwrite(descriptor, line, 0)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _sync_folder(self.folder)

    def record(self, entry: Entry) -> None:
        """Write the entry's new state, durably, behind its earlier ones.

        Raises:
            OSError: it could not be written; an earlier state stands.
        """
        descriptor = os.open(self._records(entry.token), os.O_RDWR | os.O_CLOEXEC)
        try:
            used = _used(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
            change = Change(state=entry.state, reason=entry.reason[:REASON_CHARACTERS])
            _pwrite(descriptor, msgspec.json.encode(change) + b"\n", used)
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)

    def entries(self) -> list[Entry]:
        """Return the latest readable record of each fault, oldest fault first."""
        found = [entry for path in self.folder.glob("*.jsonl") if (entry := _last(path))]
        return sorted(found, key=lambda entry: (entry.inject_ns, entry.token))

    def open_entries(self) -> list[Entry]:
        """Return the entries whose undo may still be needed."""
        return [entry for entry in self.entries() if entry.state != "closed"]

    def clear_closed(self) -> None:
        """Remove the files of closed entries."""
        for entry in self.entries():
            if entry.state == "closed":
                self._remove(entry.token)

    def script(self, token: str) -> Path:
        """Return the path of an entry's undo script."""
        return self.folder / f"{token}.sh"

    def undone_ns(self, token: str) -> int | None:
        """Return the CLOCK_BOOTTIME (to 10 ms) of the undo script's end, None if it never ran."""
        try:
            text = (self.folder / f"{token}.undone").read_text()
            return int(float(text.split()[0]) * 1000) * 1_000_000
        except (OSError, ValueError, IndexError):
            return None

    def _records(self, token: str) -> Path:
        return self.folder / f"{token}.jsonl"

    def _remove(self, token: str) -> None:
        for path in self.folder.glob(f"{token}.*"):
            path.unlink(missing_ok=True)


def undo_script(path: Path, undo: tuple[Step, ...]) -> str:
    """Return the shell script that undoes a fault, any number of times, and says that it ran."""
    undone = shlex.quote(str(path.with_suffix(".undone")))
    return "\n".join(
        [
            "#!/bin/sh",
            "# Takes one fault back. Safe at any time and any number of times.",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            *shell_lines(undo),
            f"cat /proc/uptime 1<> {undone}",
            "",
        ]
    )


def shell_lines(steps: tuple[Step, ...]) -> list[str]:
    """Return the steps as lines of POSIX shell; errors of may_fail steps are silent."""
    lines = []
    for step in steps:
        match step:
            case Command(words, may_fail, stdin):
                line = shlex.join(words)
                if stdin:
                    line = f"printf %s {shlex.quote(stdin)} | {line}"
                lines.append(f"{line} 2>/dev/null || true" if may_fail else line)
            case SetSkew(path):
                zero = f"dd of={shlex.quote(str(path))} conv=notrunc status=none"
                lines.append(f"head -c 32 /dev/zero | {zero} || true")
            case RestoreClock(marker):
                lines.append(restore_lines(str(marker)))
            case MoveClock():
                raise ValueError("an undo moves no clock but back")
    return lines


def verdict_of_undone(
    entry: Entry, undone_ns: int, reason: str
) -> tuple[Literal["healed", "failed"], str]:
    """Return what to write of a fault whose undo script ran: by the dead man at its end, or early
    by a hand.
    """
    if entry.deadline_ns is not None and undone_ns >= entry.deadline_ns:
        return "healed", "dead_man"
    return "failed", reason or "ended_early: the undo script was run"


def _used(data: bytes) -> int:
    """Return where the next record goes: behind the last complete line."""
    return data.split(b"\0", 1)[0].rfind(b"\n") + 1


def _last(path: Path) -> Entry | None:
    """Return the entry of a file in its latest state, or None where there is no whole entry."""
    try:
        data = path.read_bytes()
        first, *later = data[: _used(data)].splitlines()
        entry = msgspec.json.decode(first, type=Entry)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    for line in reversed(later):
        with contextlib.suppress(ValueError, msgspec.MsgspecError):
            change = msgspec.json.decode(line, type=Change)
            return msgspec.structs.replace(entry, state=change.state, reason=change.reason)
    return entry


def _write(path: Path, data: bytes, mode: int, *, durably: bool = False) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        _pwrite(descriptor, data, 0)
        if durably:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _pwrite(descriptor: int, data: bytes, at: int) -> None:
    """Write all of data at a place of the file; a short write is a full disk."""
    if os.pwrite(descriptor, data, at) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
