"""One lab host: its own files over the shared image, and a systemd-nspawn container on them.

Every mount is made in a mount namespace that ends with the container, so nothing has to be
unmounted afterwards.
"""

import json
import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path

from harness.errors import LabError
from harness.labs import cgroup, network, process
from harness.labs.image import recipe
from harness.labs.image.build import place
from harness.labs.process import ProcessId
from harness.labs.state import HostState, LabState

LAB_UID = 1000
SSH_DEADLINE_S = 60.0
FREEZE_DEADLINE_S = 10.0
FREEZE_POLL_S = 0.005

_LAUNCH = """\
read -r go || exit 1
exec </dev/null
image=$1; folder=$2; cgroups=$3; shift 3
# nspawn's bookkeeping folder is hidden under a private one, so that none of it is left behind.
mkdir -p /run/systemd/nspawn
mount -t tmpfs -o mode=755 slotlab /run/systemd/nspawn
cd "$folder" || exit 1
mount -t overlay slotlab -o "lowerdir=$image,upperdir=upper,workdir=work" root || exit 1
# Without systemd on the machine nobody but this loop carries out a reboot (status 133). The loop
# itself stays outside the host's cgroups: with v2 a cgroup has processes or children, not both.
while :; do
    (
        for cgroup in $cgroups; do echo 0 > "$cgroup/cgroup.procs" || exit 1; done
        exec systemd-nspawn "$@"
    )
    [ $? -eq 133 ] || exit
done
"""


def lay_out(folder: Path, state: LabState, host: HostState) -> None:
    """Put the host's name, keys and, for the time server, its settings into its folder."""
    base = folder / "hosts" / host.name
    for name in ("upper", "work", "root"):
        (base / name).mkdir(parents=True)
    upper = base / "upper"
    keys = folder / "ssh"
    place(upper, "etc/hostname", f"{host.name}\n")
    place(upper, "etc/machine-id", f"{secrets.token_hex(16)}\n", mode=0o444)
    place(upper, "etc/hosts", state.hosts_file)
    host_key = (keys / f"host_{host.name}").read_text()
    place(upper, "etc/ssh/ssh_host_ed25519_key", host_key, mode=0o600)
    home = upper / "home/lab"
    place(upper, "home/lab/.ssh/authorized_keys", (keys / "id_ed25519.pub").read_text(), 0o600)
    (home / ".ssh").chmod(0o700)
    for path in (home, home / ".ssh", home / ".ssh/authorized_keys"):
        os.chown(path, LAB_UID, LAB_UID)
    if host.role == "ntp":
        place(upper, "etc/chrony/lab-ntp.conf", ntp_settings(state))


def ntp_settings(state: LabState) -> str:
    """Return chronyd's settings as the lab's source of time: it serves and sets nothing."""
    return (
        f"local stratum 1\nallow {state.network}.0/24\nbindaddress {state.ntp_address}\n"
        "cmdport 0\ndriftfile /run/chrony/drift\n"
    )


def boot(
    folder: Path, state: LabState, host: HostState, record: Callable[[ProcessId], None]
) -> None:
    """Start the host's container; record is called before it may do anything."""
    base = folder / "hosts" / host.name
    launcher = base / "launch.sh"
    launcher.write_text(_LAUNCH)
    words = ["unshare", "--mount", "--propagation", "private", "sh", str(launcher)]
    cgroups = " ".join(f"{top}/{host.name}" for top in state.cgroups)
    words += [state.image, str(base), cgroups, *_nspawn_arguments(base / "root", host)]
    cgroup.make(state.cgroups, host.name)
    cgroup.share_real_time(state.cgroups, host.name, len(state.hosts))
    process.start_recorded(words, log=base / "console.log", record=record)


def _nspawn_arguments(root: Path, host: HostState) -> list[str]:
    arguments = [
        *("--quiet", f"--directory={root}", f"--machine={host.namespace}"),
        *(f"--hostname={host.name}", "--register=no", "--console=pipe"),
        f"--network-namespace-path=/run/netns/{host.namespace}",
        # CAP_SYS_TIME is never among them: the clock is the machine's own.
        "--capability=CAP_NET_ADMIN",
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
        "--kill-signal=SIGRTMIN+3",
    ]
    if not cgroup.machine_runs_systemd():
        arguments.append("--keep-unit")
    return [*arguments, recipe.INIT_PATH]


def end(state: LabState, host: HostState) -> None:
    """End every process of the host.

    The launcher and nspawn are stopped before their children are listed, so that a reboot
    happening just now cannot slip a new container past the list.
    """
    keeper = host.process
    if keeper is not None and process.is_alive(keeper):
        process.send(keeper, signal.SIGSTOP)
        supervisors = process.children(keeper)
        for supervisor in supervisors:
            process.send(supervisor, signal.SIGSTOP)
        inside = [child for each in supervisors for child in process.children(each)]
        process.kill([*inside, *supervisors, keeper])
    process.kill(cgroup.processes(state.cgroups, host.name))
    for top in state.cgroups:
        cgroup.remove([top], host.name)


def freeze(folder: Path, host: HostState) -> None:
    """Stop every process inside the host, those just being born, too.

    One whose quota is used up obeys when it gets its next share. One that waits in the kernel, as
    for its vforked child that was stopped before it, does nothing more before it obeys.
    """
    told: set[ProcessId] = set()
    until_s = time.monotonic() + FREEZE_DEADLINE_S
    while running := [
        each for each in _inside(host)
        if process.letter(each) not in ("TD" if each in told else "T")
    ]:  # fmt: skip
        if time.monotonic() > until_s:
            raise LabError(f"{host.name}: its processes multiply faster than they can be frozen")
        for each in running:
            process.send(each, signal.SIGSTOP)
        told.update(running)
        time.sleep(FREEZE_POLL_S)


def thaw(folder: Path, host: HostState) -> None:
    """Let every process inside the host run on, the first one last."""
    for each in reversed(_inside(host)):
        process.send(each, signal.SIGCONT)


def is_frozen(folder: Path, host: HostState) -> bool:
    """Return whether the host's first process is stopped."""
    first = first_process(host)
    return first is not None and process.letter(first) == "T"


def set_link(folder: Path, state: LabState, host: HostState, *, up: bool) -> None:
    """Set the bridge port of the host's card up or down; down, the card has no carrier."""
    port, word = network.ports(state, host)[host.data_nic], "up" if up else "down"
    process.run(["ip", "-n", state.bridge_namespace, "link", "set", port.name, word])


def link_is_up(folder: Path, state: LabState, host: HostState) -> bool:
    """Return whether the bridge port of the host's card is up."""
    port = network.ports(state, host)[host.data_nic]
    shown = process.run(["ip", "-n", state.bridge_namespace, "-json", "link", "show", port.name])
    return "UP" in json.loads(shown)[0]["flags"]


def _inside(host: HostState) -> tuple[ProcessId, ...]:
    first = first_process(host)
    return () if first is None else (first, *process.descendants(first))


def first_process(host: HostState) -> ProcessId | None:
    """Return the host's PID 1 as this machine sees it, or None while the host is down."""
    if host.process is None or not process.is_alive(host.process):
        return None
    supervisors = process.children(host.process)
    inside = (child for each in supervisors for child in process.children(each))
    return next(inside, None)
