"""The disk, kernel and initial ram disk that all VMs of all labs share; whether KVM runs them."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from harness.controller.state_dir import cache_home
from harness.errors import LabError
from harness.labs.process import run
from harness.labs.vm import recipe

DISK = "disk.qcow2"
KERNEL = "vmlinuz"
INITRD = "initrd.img"


def make_disk(root: Path, work: Path) -> Path:
    """Return a folder with DISK, KERNEL and INITRD made of root; nothing is mounted."""
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


PROBE_S = 12.0
BOOTED = b"VFS: Unable to mount root fs"
"""What a kernel without a disk says at its end: it came up, found nothing, and stops."""


def acceleration(kernel: Path, progress: Callable[[str], None]) -> str:
    """Return kvm or tcg, shown by booting a guest; the verdict is cached for kernel and QEMU."""
    release = os.uname().release
    version = run(["qemu-system-x86_64", "--version"]).splitlines()[0].split()[3]
    verdict_file = cache_home() / f"kvm-{release}-{version}"
    if verdict_file.exists():
        return verdict_file.read_text().strip()
    verdict = "kvm" if _boots(kernel) else "tcg"
    word = {"kvm": "usable", "tcg": "not usable here; VMs are emulated, and slow"}[verdict]
    progress(f"KVM: {word}")
    verdict_file.write_text(f"{verdict}\n")
    return verdict


def _boots(kernel: Path) -> bool:
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    words = ["qemu-system-x86_64", "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "192"]
    words += ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"]
    words += ["-no-reboot", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
    with subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as trial:
        try:
            printed, _ = trial.communicate(timeout=PROBE_S)
        except subprocess.TimeoutExpired:
            trial.kill()
            printed, _ = trial.communicate()
    return BOOTED in printed
