"""The recipe of the lab hosts' image: packages, files and units. Changing it makes a new image."""

import hashlib
import json

PACKAGES = (
    "systemd",
    "systemd-sysv",
    "udev",
    "dbus",
    "openssh-server",
    "chrony",
    "nftables",
    "iptables",
    "iproute2",
    "iputils-ping",
    "procps",
    "python3",
    "sudo",
    "ca-certificates",
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

FILES: dict[str, tuple[int, str]] = {
    INIT_PATH: (0o755, _INIT),
    "/etc/systemd/system/slotlab-lab-ntp.service": (0o644, _NTP_UNIT),
    "/etc/systemd/journald.conf.d/lab.conf": (0o644, _JOURNAL),
    "/etc/ssh/sshd_config.d/lab.conf": (0o644, SSHD),
    "/etc/sudoers.d/lab": (0o440, "lab ALL=(ALL) NOPASSWD: ALL\n"),
}
"""Mode and text of each file laid over the packages."""

MASKED_UNITS = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
    *("e2scrub_all.timer", "e2scrub_reap.service", "motd-news.timer", "logrotate.timer"),
    *("getty@tty1.service", "console-getty.service"),
    *(
        "systemd-logind.service",
        "systemd-udevd.service",
        "systemd-udev-trigger.service",
        "systemd-pstore.service",
    ),
    *("systemd-timesyncd.service", "systemd-resolved.service", "systemd-networkd.service"),
    *("chrony.service", "ssh.socket", "dev-hugepages.mount", "systemd-binfmt.service"),
    *("sys-fs-fuse-connections.mount", "nftables.service"),
)
"""Units a lab host never needs. chrony above all: a host has no clock of its own to set."""

SET_UP = """\
set -e
useradd --uid 1000 --create-home --shell /bin/bash --password '*' lab
usermod --append --groups adm,systemd-journal lab
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub
rm -f /etc/resolv.conf /etc/hostname /etc/machine-id /var/lib/dbus/machine-id
rm -rf /var/lib/apt/lists /var/cache/apt /var/log/apt
: > /etc/machine-id
systemctl enable ssh.service slotlab-lab-ntp.service
"""
"""Run by sh inside the new root, after FILES are there and MASKED_UNITS are masked."""

LEAN = (
    "path-exclude=/usr/share/doc/*",
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/locale/*",
)


def fingerprint() -> str:
    """Return 12 hex digits that change with the recipe."""
    parts = [PACKAGES, sorted(FILES.items()), MASKED_UNITS, SET_UP, LEAN]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
