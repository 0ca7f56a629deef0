"""The recipe of the VMs' image: packages, files and units. Changing it makes a new image."""

from harness.labs.image.recipe import BEGINNING, SSHD, Recipe

PACKAGES = (
    *("systemd", "systemd-sysv", "udev", "dbus", "kmod", "initramfs-tools", "zstd"),
    *("openssh-server", "chrony", "nftables", "iptables", "iproute2", "iputils-ping"),
    *("ethtool", "e2fsprogs", "procps", "python3", "sudo", "ca-certificates", "tzdata"),
    "libstdc++6",
)

_SEED_UNIT = """\
[Unit]
Description=Give this machine its name, keys, files and disks (VM lab)
DefaultDependencies=no
After=local-fs.target systemd-tmpfiles-setup.service
Before=sysinit.target time-set.target slotlab-lab-net.service
Wants=network-pre.target
Before=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/slotlab-lab-seed

[Install]
WantedBy=sysinit.target
"""

_SEED = """\
#!/bin/sh
set -e
mkdir -p /run/slotlab-lab-seed
mount -o ro /dev/disk/by-label/slotlab-seed /run/slotlab-lab-seed 2>/dev/null ||
    mount -o ro /dev/vdb /run/slotlab-lab-seed
exec sh /run/slotlab-lab-seed/setup.sh
"""

_NET_UNIT = """\
[Unit]
Description=Static addresses (VM lab)
After=slotlab-lab-seed.service network-pre.target
Requires=slotlab-lab-seed.service
Before=network.target network-online.target ssh.service chrony.service
Wants=network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /run/slotlab-lab-seed/network.sh

[Install]
WantedBy=multi-user.target
"""

_READY_UNIT = """\
[Unit]
Description=Tell the console that SSH answers (VM lab)
After=ssh.service
Requires=ssh.service

[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo slotlab-lab: ready >/dev/ttyS0'

[Install]
WantedBy=multi-user.target
"""

_JOURNAL = """\
[Journal]
Storage=persistent
SystemMaxUse=32M
ForwardToSyslog=no
ForwardToConsole=no
"""

FILES = {
    "/usr/local/sbin/slotlab-lab-seed": (0o755, _SEED),
    "/etc/systemd/system/slotlab-lab-seed.service": (0o644, _SEED_UNIT),
    "/etc/systemd/system/slotlab-lab-net.service": (0o644, _NET_UNIT),
    "/etc/systemd/system/slotlab-lab-ready.service": (0o644, _READY_UNIT),
    "/etc/systemd/journald.conf.d/lab.conf": (0o644, _JOURNAL),
    "/etc/ssh/sshd_config.d/lab.conf": (0o644, SSHD),
    "/etc/fstab": (0o644, "/dev/vda / ext4 defaults,noatime 0 0\n"),
    "/etc/initramfs-tools/conf.d/lab": (0o644, "MODULES=list\nCOMPRESS=zstd\nFSTYPE=ext4\n"),
    "/etc/initramfs-tools/modules": (0o644, "virtio_pci\nvirtio_blk\next4\nvirtio_net\n"),
}

MASKED_UNITS = (
    *("apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer"),
    *("e2scrub_all.timer", "e2scrub_reap.service", "motd-news.timer", "logrotate.timer"),
    *("man-db.timer", "systemd-pstore.service", "systemd-binfmt.service", "nftables.service"),
    *("getty@tty1.service", "console-getty.service", "serial-getty@ttyS0.service"),
    *("systemd-timesyncd.service", "systemd-resolved.service", "systemd-networkd.service"),
    *("ssh.socket", "dev-hugepages.mount", "dev-mqueue.mount", "networking.service"),
    *("sys-fs-fuse-connections.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount"),
    *("systemd-firstboot.service", "systemd-hwdb-update.service", "ldconfig.service"),
)
"""Units a lab VM never needs; emulated machines boot slowly enough."""

SET_UP = f"""\
{BEGINNING}\
rm -f /etc/chrony/chrony.conf
systemctl enable ssh.service chrony.service
systemctl enable slotlab-lab-seed.service slotlab-lab-net.service slotlab-lab-ready.service
systemd-hwdb update || true
python3 -m compileall -q /usr/lib/python3* || true
update-initramfs -u -k all
rm -rf /var/lib/apt/lists /var/cache/apt /var/log/apt
"""

VM = Recipe(
    name="vm", label="VM image", packages=PACKAGES, files=FILES, masked_units=MASKED_UNITS,
    kernel={"debian": "linux-image-cloud-{architecture}", "ubuntu": "linux-image-virtual"},
    set_up=SET_UP, disk_bytes=3_000_000_000, build_bytes=4_000_000_000,
    cost="about two minutes and 600 MB",
)  # fmt: skip
"""What all VMs of all labs share; the disk is sparse, and each has a layer of its own over it."""
