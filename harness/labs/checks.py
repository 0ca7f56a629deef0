"""What this machine must offer before a lab is made; nothing is changed by asking."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness.errors import LabError

PACKAGE_OF = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "unshare": "util-linux",
    "setpriv": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
}
"""Debian package of each program that the lab runs on the controller."""

VM_PACKAGE_OF = {
    "qemu-system-x86_64": "qemu-system-x86",
    "qemu-img": "qemu-utils",
    "mkfs.ext4": "e2fsprogs",
    **{name: PACKAGE_OF[name] for name in PACKAGE_OF if name != "systemd-nspawn"},
}
"""Debian package of each program that the VM lab runs on the controller."""

HOST_BYTES = 64 * 1024 * 1024
"""Room asked for each host's own files; the image is shared."""

WATCHERS_A_HOST = 3
"""inotify instances that systemd takes in each host; the kernel counts them for the whole user."""

_TRY_OVERLAY = """
set -e
cd "$1"
mkdir lower upper work root
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root
"""


def require_root() -> None:
    """Raise LabError, naming what works without, unless this process is root."""
    if os.geteuid() != 0:
        raise LabError("no root on this machine: `sudo make demo`, or `slotlab run --lab sim`")


def require_programs(
    package_of: Mapping[str, str] = PACKAGE_OF, what: str = "container lab"
) -> None:
    """Raise LabError, naming the Debian packages, unless every program is there."""
    missing = sorted({package for name, package in package_of.items() if not shutil.which(name)})
    if missing:
        raise LabError(
            f"the {what} needs Debian packages: sudo apt-get install {' '.join(missing)}"
        )


def require_memory(needed_mb: int) -> None:
    """Raise LabError unless that much memory is free for VMs."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    free_mb = next(int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvail"))
    if free_mb < needed_mb:
        raise LabError(
            f"the VMs need {needed_mb} MB of memory and {free_mb} MB are free: use fewer --hosts"
        )


def require_space(path: Path, needed_bytes: int, what: str) -> None:
    """Raise LabError unless the file system of path has room."""
    path.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(path).free
    if free_bytes < needed_bytes:
        raise LabError(
            f"disk full: {path} has {free_bytes} bytes free and {what} needs {needed_bytes}: "
            "free some, or point XDG_CACHE_HOME and XDG_STATE_HOME at a larger disk"
        )


def require_watchers(hosts: int) -> None:
    """Raise LabError unless so many hosts can boot under the kernel's inotify limit.

    It is tried for real: without this a host beyond the limit dies at boot without a word.
    """
    needed, libc = hosts * WATCHERS_A_HOST, ctypes.CDLL(None, use_errno=True)
    opened: list[int] = []
    try:
        while len(opened) < needed and (descriptor := libc.inotify_init1(os.O_CLOEXEC)) >= 0:
            opened.append(descriptor)
    finally:
        for descriptor in opened:
            os.close(descriptor)
    if len(opened) < needed:
        raise LabError(
            f"{hosts} hosts need {needed} inotify instances and {len(opened)} are free: take other"
            " labs down, use fewer --hosts, or sudo sysctl fs.inotify.max_user_instances=1024"
        )


def require_overlay(folder: Path) -> None:
    """Raise LabError unless a writable overlay can be mounted in folder.

    It is tried for real in a private mount namespace: a kernel without overlayfs, a container
    without the right to mount and a folder that is itself an overlay all show up here.
    """
    if any(char in str(folder) for char in ",:\\ "):
        raise LabError(
            f"{folder}: overlayfs and ssh take no path with a comma, colon, backslash or space: "
            "set XDG_STATE_HOME to another folder"
        )
    with tempfile.TemporaryDirectory(dir=folder, prefix=".overlay-") as trial:
        result = subprocess.run(
            ["unshare", "--mount", "sh", "-c", _TRY_OVERLAY, "sh", trial],
            capture_output=True,
            text=True,
            check=False,
        )
    if result.returncode != 0:
        complaint = (result.stderr.strip() or "refused").splitlines()[0]
        raise LabError(
            f"cannot mount an overlay in {folder} ({complaint}): overlayfs and the right to mount "
            "are needed; set XDG_STATE_HOME to a folder on ext4, xfs or btrfs"
        )
