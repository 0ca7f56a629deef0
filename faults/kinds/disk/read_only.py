"""ReadOnly: the folder that the node keeps its blocks in takes no writes.

A bind mount of the folder over itself, read-only, which systemd makes for all units of the host:
the agent's own mounts are nobody else's. What a node has open stays writable, as the kernel makes
no file system read-only under open files: it looks once a second, and ends. The undo takes the
mount away and starts the node.
"""

import os
from pathlib import Path

from faults.host.settled import settled
from faults.kinds.ended_unit import KILLABLE, start_again
from faults.model.fault import Command, Evidence, Fault, HostContext, Recipe, verdict

SHARED = (
    "test -d /run/systemd/system; grep -q ' / / .* shared:' /proc/1/mountinfo;"
    " unshare --mount /bin/sh -ec 'mount --bind /usr /mnt; mount -o remount,bind,ro /mnt'"
)
"""Succeeds where units see what the host mounts, and it may mount at all."""
MOUNT = (
    'mkdir -p "$2"; mount --bind "$1" "$2"; mount --make-private "$2";'
    ' mount -o remount,bind,ro "$2"; mount --bind "$2" "$1"; umount "$2"'
)
"""Lays the folder $1 read-only over itself: a copy of a mount, which $2 is, is as that is."""
UNMOUNT = (
    'test -d "$2" || exit 0; for each in "$2" "$1"; do'
    ' while findmnt -no VFS-OPTIONS --mountpoint "$each" | grep -qw ro;'
    ' do umount --lazy "$each"; done; done; rmdir "$2"'
)
"""Takes away what that has made, and nothing where the folder $2 is not there."""


class ReadOnly(Fault, frozen=True, kw_only=True, tag="read_only"):
    """Let the node's blocks be read only; unit is started again afterwards."""

    tried_by = (("shared_mounts", SHARED),)
    unit: KILLABLE

    def recipe(self, context: HostContext) -> Recipe:
        """Return: mount it; take the mount away, and start the unit."""
        gone = _for_all_units(UNMOUNT, context)
        return Recipe(
            how="bind mount",
            counters_go=True,
            inject=(_for_all_units(MOUNT, context),),
            release=(gone, *start_again(self.unit)),
            remove=(gone,),  # also of a mount that was made in vain: then nothing was released
        )

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the folder is read-only as units see it."""
        found, there = settled(lambda: _shown(context), lambda shown: shown["read_only"])
        return verdict("" if there else "the folder can be written", dict(found))

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return whether the folder is read-only."""
        return dict(_shown(context))

    def left_over(self, context: HostContext) -> str:
        """Return the folder when it is still read-only."""
        return str(context.chain_dir) if _shown(context)["read_only"] else ""


def _for_all_units(script: str, context: HostContext) -> Command:
    """Return the command that runs the script on the folder where all see what it mounts."""
    return Command((
        "systemd-run", "--quiet", "--collect", "--wait", "/bin/sh", "-ec", script, "mount",
        str(context.chain_dir), str(_aside(context)),
    ))  # fmt: skip


def _aside(context: HostContext) -> Path:
    return context.run_dir / f"read-only-{context.token}"


def _shown(context: HostContext) -> dict[str, bool]:
    flags = os.statvfs(context.chain_dir).f_flag
    return {"read_only": bool(flags & os.ST_RDONLY)}
