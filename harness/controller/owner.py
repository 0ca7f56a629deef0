"""Whose the files are that root makes in somebody's folder: sudo must not lock its user out."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = 0


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
