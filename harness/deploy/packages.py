"""What a host must have before a deploy, in one place: Debian packages, and room on its disk.

slotlab installs none of them: what is on a rack is its owner's business, and an air-gapped site
must know beforehand. The names are those of Debian 12/13, Ubuntu 24.04 and Raspberry Pi OS.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Need = Literal["always", "manage", "useful"]


@dataclass(frozen=True, slots=True)
class Package:
    """A package, the program or library by which one sees that it is there, and what it is for.

    need: always; manage (only with `slotlab_time: manage`); useful (something is lost without it).
    """

    name: str
    program: str
    need: Need
    why: str


HOST_PACKAGES = (
    Package("python3", "python3", "always", "the node and the fault agent, Python 3.11 to 3.13"),
    Package("openssh-server", "sshd", "always", "how the controller reaches the host"),
    Package("nftables", "nft", "always", "partitions, cuts, loss and NTP faults"),
    Package("libstdc++6", "libstdc++.so.6", "always", "ZeroMQ, by which the nodes talk"),
    Package("iproute2", "tc", "always", "interfaces, and delay by netem"),
    Package("systemd", "systemctl", "always", "the units, and timers that end faults"),
    Package("sudo", "sudo", "always", "deploy and wipe become root (not if you log in as root)"),
    Package("chrony", "chronyd", "manage", "slotlab_time: manage, clock faults of level daemon"),
    Package("iptables", "iptables", "useful", "delay without netem and nft queue"),
    Package("ethtool", "ethtool", "useful", "check reads the link, its partner and EEE"),
    Package("iw", "iw", "useful", "check reads Wi-Fi power save, tune switches it off"),
)  # fmt: skip

NEEDED_BYTES = 200 * 1024 * 1024
"""What must be free in each folder that slotlab fills."""

PROGRAMS = tuple(package.program for package in HOST_PACKAGES)
"""What to look for on a host: programs and shared libraries, which have `.so.` in their names."""


def missing(programs: Mapping[str, bool], *, login: str, manage: bool) -> list[str]:
    """Return the packages a host lacks and needs; programs tells of each whether it is there."""
    wanted = {"always", "manage"} if manage else {"always"}
    return [
        package.name
        for package in HOST_PACKAGES
        if package.need in wanted
        and programs.get(package.program) is False
        and not (package.name == "sudo" and login == "root")
    ]


def install_line(names: Iterable[str]) -> str:
    """Return what the operator types on the host to get the packages."""
    return f"sudo apt install {' '.join(names)}"
