"""The disk, kernel and initial ram disk that all VMs of all labs share, made once and cached."""

import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path

from harness.errors import LabError
from harness.labs.image import build
from harness.labs.process import run
from harness.labs.vm import recipe

BUILD_BYTES = 4_000_000_000
"""Room asked for before a build: root file system, the disk made from it, and slack."""

DISK = "disk.qcow2"
KERNEL = "vmlinuz"
INITRD = "initrd.img"


def image_path() -> Path:
    """Return the folder with DISK, KERNEL and INITRD of the present recipe, made or not.

    Raises:
        LabError: the machine is not a Debian or Ubuntu release.
    """
    return build.image_path("vm", recipe.fingerprint())


def ensure_image(progress: Callable[[str], None]) -> Path:
    """Return the folder of the finished image, built now if it was not there.

    Raises:
        LabError: no room, no usable apt source, or a package cannot be had.
    """
    distribution = platform.freedesktop_os_release().get("ID", "debian")
    kernel = recipe.KERNEL_PACKAGE.get(distribution, recipe.KERNEL_PACKAGE["debian"])
    wanted = build.Recipe(
        label="VM image",
        packages=(*recipe.PACKAGES, kernel.format(architecture=build.architecture())),
        files=recipe.FILES,
        masked_units=recipe.MASKED_UNITS,
        set_up=recipe.SET_UP,
        build_bytes=BUILD_BYTES,
        cost="about two minutes and 600 MB",
    )
    return build.ensure(image_path(), wanted, _make_disk, progress)


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
        os.truncate(file.fileno(), recipe.DISK_BYTES)
    label = ["-L", "slotlab-root", "-E", "lazy_itable_init=0,nodiscard"]
    run(["mkfs.ext4", "-q", "-F", "-m", "1", *label, "-d", str(root), str(raw)], within_s=300)
    disk = str(folder / DISK)
    run(["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", str(raw), disk], within_s=300)
    return folder
