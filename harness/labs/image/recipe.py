"""The recipe of the lab hosts' image: packages, files and units. Changing it makes a new image."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

LEAN = (
    *("path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/man/*"),
    *("path-exclude=/usr/share/info/*", "path-exclude=/usr/share/locale/*"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One image: what goes into its root file system, and what a build of it costs."""

    name: str
    label: str
    packages: tuple[str, ...]
    kernel: Mapping[str, str] = field(default_factory=dict)
    """A further package by distribution; {architecture} stands for Debian's name of it."""
    files: Mapping[str, tuple[int, str]]
    """Mode and text of each file laid over the packages."""
    masked_units: tuple[str, ...]
    """Units a lab host never needs."""
    set_up: str
    """Run by sh inside the new root, after the files are there and the units are masked."""
    disk_bytes: int = 0
    """Size of the root disk, where the image is one."""
    build_bytes: int
    """Room asked for before a build: root file system, package cache and slack."""
    cost: str
    """What to expect, for the progress line."""

    @property
    def fingerprint(self) -> str:
        """Return 12 hex digits that change with what is built."""
        parts: list[object] = [
            self.packages,
            sorted(self.files.items()),
            self.masked_units,
            self.set_up,
            LEAN,
        ]
        parts += [self.disk_bytes] if self.disk_bytes else []
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


PACKAGES = (
    *("systemd", "systemd-sysv", "udev", "dbus", "openssh-server", "chrony", "nftables"),
    *("iptables", "iproute2", "iputils-ping", "procps", "python3", "sudo", "ca-certificates"),
    "libstdc++6",
)

INIT_PATH = "/usr/local/sbin/slotlab-lab-init"

_INIT = """\
#!/bin/sh
# With cgroup v1 the container gets its controllers read-only, and CPUQuota= would be silently
# ignored. They are this host's own cgroups, so make them writable before systemd starts.
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    for controller in /sys/fs/cgroup/*; do
        mountpoint -q "$controller" && mount -o remount,bind,rw "$controller"
    done
fi
exec /lib/systemd/systemd
"""

_NTP_UNIT = """\
[Unit]
Description=Time server of the lab (does not touch the machine's clock)
ConditionPathExists=/etc/chrony/lab-ntp.conf
After=network.target

[Service]
ExecStart=/usr/sbin/chronyd -x -d -f /etc/chrony/lab-ntp.conf
RuntimeDirectory=chrony
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""

_JOURNAL = """\
[Journal]
Storage=volatile
RuntimeMaxUse=32M
ForwardToSyslog=no
"""

SSHD = """\
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
PermitRootLogin no
UseDNS no
MaxStartups 200
MaxSessions 200
"""

FILES = {
    INIT_PATH: (0o755, _INIT),
    "/etc/systemd/system/slotlab-lab-ntp.service": (0o644, _NTP_UNIT),
    "/etc/systemd/journald.conf.d/lab.conf": (0o644, _JOURNAL),
    "/etc/ssh/sshd_config.d/lab.conf": (0o644, SSHD),
    "/etc/sudoers.d/lab": (0o440, "lab ALL=(ALL) NOPASSWD: ALL\n"),
}

MASKED_UNITS = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
    *("e2scrub_all.timer", "e2scrub_reap.service", "motd-news.timer", "logrotate.timer"),
    *("getty@tty1.service", "console-getty.service"),
    *("systemd-logind.service", "systemd-udevd.service", "systemd-udev-trigger.service"),
    *("systemd-pstore.service",),
    *("systemd-timesyncd.service", "systemd-resolved.service", "systemd-networkd.service"),
    *("chrony.service", "ssh.socket", "dev-hugepages.mount", "systemd-binfmt.service"),
    *("sys-fs-fuse-connections.mount", "nftables.service"),
    *("systemd-ask-password-console.path", "systemd-ask-password-wall.path"),
)
"""chrony above all: a host has no clock of its own to set. A path unit costs an inotify instance,
and what there is of them bounds how many hosts fit."""

BEGINNING = """\
set -e
useradd --uid 1000 --create-home --shell /bin/bash --password '*' lab
usermod --append --groups adm,systemd-journal lab
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
rm -f /etc/resolv.conf /etc/hostname /etc/machine-id /var/lib/dbus/machine-id
# Ubuntu's sshd wants a socket unit that is masked here, and would not start without it.
rm -rf /etc/systemd/system/ssh.service.requires
: > /etc/machine-id
"""
"""How every image of a lab host is set up first."""

SET_UP = f"""\
{BEGINNING}\
rm -rf /var/lib/apt/lists /var/cache/apt /var/log/apt
systemctl enable ssh.service slotlab-lab-ntp.service
"""

CONTAINER = Recipe(
    name="image", label="lab image", packages=PACKAGES, files=FILES, masked_units=MASKED_UNITS,
    set_up=SET_UP, build_bytes=1_000_000_000, cost="about a minute and 280 MB",
)  # fmt: skip
"""The root file system that all hosts of all container labs share."""
