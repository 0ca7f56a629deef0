"""The disk, kernel and initial ram disk that all VMs of all labs share, made once and cached."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from harness.errors import LabError
from harness.labs.image import build
from harness.labs.process import run
from harness.labs.vm import recipe

DISK = "disk.qcow2"
KERNEL = "vmlinuz"
INITRD = "initrd.img"


def ensure_image(progress: Callable[[str], None]) -> Path:
    """Return the folder of the finished DISK, KERNEL and INITRD, built now if it was not there."""
    return build.ensure(recipe.VM, progress, _make_disk)


def _make_disk(root: Path, work: Path) -> Path:
    """Return a folder with the disk, kernel and initrd made of root; nothing is mounted."""
    folder = work / "vm"
    folder.mkdir()
    for target, pattern in ((KERNEL, "vmlinuz-*"), (INITRD, "initrd.img-*")):
        found = sorted((root / "boot").glob(pattern))
        if not found:
            raise LabError(f"the VM image has no /boot/{pattern}: see image-build.log")
        shutil.move(found[-1], folder / target)
    raw = work / "disk.raw"
    with raw.open("wb") as file:
        os.truncate(file.fileno(), recipe.VM.disk_bytes)
    label = ["-L", "slotlab-root", "-E", "lazy_itable_init=0,nodiscard"]
    run(["mkfs.ext4", "-q", "-F", "-m", "1", *label, "-d", str(root), str(raw)], within_s=300)
    disk = str(folder / DISK)
    run(["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", str(raw), disk], within_s=300)
    return folder
