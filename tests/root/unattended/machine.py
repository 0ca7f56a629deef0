"""This machine once more, in a container with systemd as its init: its power can be cut.

Its files are this machine's, what it writes into them is dropped; folders that are shared are the
same there as here. None of this machine's own units is started in it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.labs import cgroup, process
from harness.labs.image import recipe
from harness.labs.process import ProcessId
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]
HOST = "controller"
LAUNCH = """\
folder=$1; cgroups=$2; shift 2
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=755 slotlab /run/systemd/nspawn
mount -t tmpfs -o mode=755 slotlab "$folder" || exit 1
cd "$folder" && mkdir -p upper/etc/systemd/system upper/usr/local/sbin work root units || exit 1
echo "$MACHINE_ID" > upper/etc/machine-id
: > upper/etc/fstab
printf '%s' "$INIT" > "upper$INIT_PATH" && chmod 755 "upper$INIT_PATH"
mount -t overlay slotlab -o lowerdir=/,upperdir=upper,workdir=work root || exit 1
# Each line that comes switches the power on; what runs then has to be killed.
while read -r on; do
    (
        for cgroup in $cgroups; do echo 0 > "$cgroup/cgroup.procs" || exit 1; done
        exec systemd-nspawn "$@" </dev/null
    )
done
"""


def missing() -> str:
    """Return why there can be none here, "" if there can."""
    if os.geteuid() != 0:
        return "another machine in a container needs root"
    if shutil.which("systemd-nspawn") is None or not Path("/lib/systemd/systemd").exists():
        return "needs the Debian packages systemd and systemd-container"
    return ""


@dataclass
class Machine:
    """Mutable: the machine, whose power may be on."""

    launcher: subprocess.Popen[str]
    cgroups: tuple[str, ...]
    home: Path
    """HOME of all that is run in it."""

    def power_on(self) -> None:
        """Boot it, and wait until its units can be asked for."""
        assert self.launcher.stdin is not None
        self.launcher.stdin.write("on\n")
        self.launcher.stdin.flush()
        wait_until(lambda: self.first is not None, "the machine's first process")
        up = ("running", "degraded", "starting")
        wait_until(
            lambda: self.run("systemctl", "is-system-running").stdout.strip() in up, "its systemd"
        )

    def cut_power(self) -> None:
        """Take it away in the middle of whatever it does."""
        supervisors = self._supervisors
        process.kill([first for first in [self.first] if first is not None])
        wait_until(lambda: not any(map(process.is_alive, supervisors)), "the end of the machine")
        process.kill(cgroup.processes(self.cgroups, HOST))
        for top in self.cgroups:
            cgroup.remove([top], HOST)
        cgroup.make(self.cgroups, HOST)

    def run(self, *words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
        """Return the finished command in it, as root."""
        return subprocess.run(
            self.words(*words, folder=folder), capture_output=True, text=True, check=False
        )

    def words(self, *words: str, folder: Path = ROOT) -> list[str]:
        """Return the words that run a command in it."""
        first = self.first
        assert first is not None, "its power is off"
        path = f"PATH={Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
        state = f"XDG_STATE_HOME={self.home / 'state'}"
        return [
            "nsenter", "--target", str(first.pid), "--mount", "--uts", "--ipc", "--net", "--pid",
            "env", "-i", "-C", str(folder), path, f"HOME={self.home}", state, *words,
        ]  # fmt: skip

    def slotlab(self, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Return the finished command `slotlab words…` in it."""
        return self.run(*slotlab_words(*words), folder=folder)

    def kill_driver(self) -> None:
        """Kill the `slotlab run` in it, once there is one."""
        pattern = "^[^ ]*python[^ ]* -P -m harness run"

        def killed() -> bool:
            pids = self.run("pgrep", "-f", pattern).stdout.split()
            return bool(pids) and self.run("kill", "-KILL", pids[0]).returncode == 0

        wait_until(killed, "a driver")

    @property
    def first(self) -> ProcessId | None:
        """Its init as this machine sees it, None while it is off."""
        inside = (child for each in self._supervisors for child in process.children(each))
        return next(inside, None)

    @property
    def _supervisors(self) -> Sequence[ProcessId]:
        launcher = process.identify(self.launcher.pid)
        return process.children(launcher) if launcher is not None else ()


def slotlab_words(*words: str) -> list[str]:
    """Return the words that run this clone's slotlab from any folder."""
    return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-P", "-m", "harness", *words]


@contextmanager
def machine(folder: Path, shared: Sequence[Path], netns: str = "") -> Iterator[Machine]:
    """Yield a machine that is on, and shares these folders; of its own nothing is left.

    netns: the network it is in, else one that has no other end.
    """
    name = f"slotlab-{secrets.token_hex(3)}"
    place = folder / "machine"
    place.mkdir()
    cgroups = tuple(str(top / name) for top in cgroup.roots())
    cgroup.make(cgroups, HOST)
    code = {ROOT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve()}
    net = f"--network-namespace-path={netns}" if netns else "--private-network"
    words = [
        "--quiet", f"--directory={place / 'root'}", f"--machine={name}", f"--hostname={HOST}",
        "--register=no", "--console=pipe", net, "--resolv-conf=off", "--timezone=off",
        "--link-journal=no", "--kill-signal=SIGRTMIN+3",
        f"--bind={place / 'units'}:/etc/systemd/system",
        *(f"--bind-ro={path}" for path in sorted(code)), *(f"--bind={path}" for path in shared),
        *(() if cgroup.machine_runs_systemd() else ("--keep-unit",)), recipe.INIT_PATH,
    ]  # fmt: skip
    facts = {
        "MACHINE_ID": secrets.token_hex(16), "INIT": recipe.FILES[recipe.INIT_PATH][1],
        "INIT_PATH": recipe.INIT_PATH,
    }  # fmt: skip
    with (folder / "console").open("w") as console:
        launcher = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", LAUNCH, "sh",
             str(place), " ".join(f"{top}/{HOST}" for top in cgroups), *words],
            stdin=subprocess.PIPE, stdout=console, stderr=console, text=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"} | facts,
        )  # fmt: skip
    made = Machine(launcher, cgroups, shared[0])
    try:
        made.power_on()
        yield made
    finally:
        made.cut_power()
        assert launcher.stdin is not None
        launcher.stdin.close()
        try:
            launcher.wait(timeout=20)
        finally:
            launcher.send_signal(signal.SIGKILL)
            launcher.wait()
            for top in cgroups:
                cgroup.remove([top])
