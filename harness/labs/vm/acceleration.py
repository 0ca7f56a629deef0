"""Whether this machine's KVM runs a guest: shown by booting one, not by a file's existence."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from harness.controller.state_dir import cache_home
from harness.labs.process import run

PROBE_S = 12.0
BOOTED = b"VFS: Unable to mount root fs"
"""What a kernel without a disk says at its end: it came up, found nothing, and stops."""


def find(kernel: Path, progress: Callable[[str], None]) -> str:
    """Return kvm or tcg; the verdict is cached for this kernel and QEMU."""
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
