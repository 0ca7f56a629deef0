"""DiskFull: a file of ours takes the room on the file system that the node keeps its blocks on.

Only where that is a file system of its own: on one that the system, the agent or the events live
on, more than the node would fall. The undo removes the file and starts the node, which ends when
it cannot write.
"""

import os
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from faults.kinds.ended_unit import KILLABLE, start_again
from faults.model.fault import Command, Evidence, Fault, HostContext, Recipe, needs, verdict

OWN_DISK = (
    'own=$(stat -c %d "$1/chain"); for each in / /var /run "$1" "$1/agent" "$1/events";'
    ' do test "$own" != "$(stat -c %d "$each")"; done'
)
"""Succeeds where the node's blocks below the state folder $1 are on a file system of their own."""
FILL = (
    "n=0; while [ $n -lt 16 ]; do"
    ' room=$(( $(stat -f -c "%a * %S" "$1") - $3 - n * 65536 )); n=$((n+1));'
    ' test "$room" -gt 0 || exit 0; fallocate -l "$room" "$2" && exit 0; rm -f "$2"; done; exit 1'
)
"""Makes the file $2 as large as what the file system of $1 has room for, less $3 bytes.

The node writes meanwhile: each time that the room was no longer there, a little less is asked.
"""
SLACK_BYTES = 1 << 20
"""So much less may be filled than was asked."""


class DiskFull(Fault, frozen=True, kw_only=True, tag="disk_full"):
    """Leave leave_bytes of room; unit is started again afterwards."""

    tried_by = (("own_disk", OWN_DISK),)
    unit: KILLABLE
    leave_bytes: Annotated[int, Meta(ge=0, le=1 << 40)] = 0

    def check(self, context: HostContext) -> None:
        """Refuse a host whose blocks share a file system with anything else."""
        needs(context, "systemd")
        needs(context, "own_disk")

    def recipe(self, context: HostContext) -> Recipe:
        """Return: make the file; remove it, and start the unit."""
        folder, file = str(context.chain_dir), str(_ballast(context))
        words = ("/bin/sh", "-ec", FILL, "fill", folder, file, str(self.leave_bytes))
        empty = Command(("rm", "-f", file))
        return Recipe(
            how="ballast",
            counters_go=True,
            inject=(Command(words),),
            release=(empty, *start_again(self.unit)),
            remove=(empty,),  # also of a file that was made in vain: then nothing was released
        )

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether no more room is left than was asked for."""
        found = _shown(context)
        over = found["free_bytes"] > self.leave_bytes + SLACK_BYTES
        return verdict(f"{found['free_bytes']} bytes are free" if over else "", dict(found))

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return the file's size and the room left."""
        return dict(_shown(context))

    def left_over(self, context: HostContext) -> str:
        """Return the file when it is still there."""
        return str(_ballast(context)) if _ballast(context).exists() else ""


def _ballast(context: HostContext) -> Path:
    return context.chain_dir / f".slotlab-ballast-{context.token}"


def _shown(context: HostContext) -> dict[str, int]:
    room = os.statvfs(context.chain_dir)
    file = _ballast(context)
    size = file.stat().st_size if file.exists() else 0
    return {"ballast_bytes": size, "free_bytes": room.f_bavail * room.f_frsize}
