"""Tables, summary and report of a run folder, made again from its raw files; no host is asked."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import Interrupted, UsageError
from harness.inspect.verify import verify
from metrics import build as metrics_build
from metrics.model import run_folder

ROOT = 0


def report(
    folder: Path, progress: Callable[[str], None], *, other: Path | None = None
) -> Mapping[str, Any]:
    """Return the summary after rebuilding tables and report from the raw files.

    The run folder is then whose the folder around it is, also when root has made it.

    other: the folder of another run of the same campaign, shown beside this one.

    Raises:
        UsageError: other is a run of another campaign.
        metrics.model.run_folder.RunError: the folder is damaged.
        Interrupted: Ctrl-C; what is there of an earlier report stays until it is replaced whole.
    """
    if other is not None:
        ours, theirs = (run_folder.load_plan(path).campaign for path in (folder, other))
        if ours != theirs:
            raise UsageError(f"--beside {other}: a run of {theirs}; give one of {ours}")
    try:
        return metrics_build.build(folder, progress, other_run=other, headers=verify)
    except (KeyboardInterrupt, Interrupted):
        words = f"the report is not made; finish it with: slotlab report {folder}"
        raise Interrupted(f"stopped by the operator; {words}") from None
    finally:
        hand_over(folder)


def hand_over(folder: Path) -> None:
    """As root, give folder and all in it to the owner of the nearest folder above that is no root.

    The folders between that root made are theirs, too. Where every folder above is root's, nothing
    changes hands. Links are not followed, and a folder changes hands after what is in it.
    """
    if os.geteuid() != ROOT:
        return
    between = []
    for above in folder.absolute().parents:
        owner = above.stat()
        if owner.st_uid != ROOT:
            break
        between.append(above)
    else:
        return
    for _, folders, files, descriptor in os.fwalk(folder, topdown=False):
        for name in (*folders, *files):
            os.chown(name, owner.st_uid, owner.st_gid, dir_fd=descriptor, follow_symlinks=False)
    for made in (folder, *between):
        os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=False)
