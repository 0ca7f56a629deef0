"""The seed of a VM: a small second disk with all that makes it this host and no other.

It holds files to lay down and two scripts: setup.sh runs before the network on every boot (what
is to happen once asks for a stamp), network.sh sets the cards up. The image runs both.
"""

import os
import shlex
import shutil
from pathlib import Path

from harness.labs.container.host import LAB_UID
from harness.labs.image.build import place
from harness.labs.network import address_lines, ports
from harness.labs.process import run
from harness.labs.state import HostState, LabState

IMAGE = "seed.img"
IMAGE_BYTES = 4 * 1024 * 1024
MOUNT = "/run/slotlab-lab-seed"
STAMP = "/var/lib/slotlab-lab-seeded"
FIRST_DISK = "c"
"""vda is the root disk, vdb the seed."""


def write(folder: Path, state: LabState, host: HostState) -> None:
    """Write folder/seed.img; folder is the VM's own."""
    tree = folder / "seed"
    files = tree / "files"
    keys = folder.parent.parent / "ssh"
    place(files, "etc/hostname", f"{host.name}\n")
    place(files, "etc/hosts", state.hosts_file)
    host_key = (keys / f"host_{host.name}").read_text()
    place(files, "etc/ssh/ssh_host_ed25519_key", host_key, 0o600)
    place(files, "etc/chrony/chrony.conf", chrony_settings(host))
    place(files, "etc/sudoers.d/lab", sudo_rule(host), 0o440)
    assert host.spec is not None
    for name, (mode, text) in host.spec.files.items():
        place(files, name, text, mode)
    place(tree, "authorized_keys", (keys / "id_ed25519.pub").read_text())
    place(tree, "setup.sh", setup_script(host))
    place(tree, "network.sh", network_script(state, host))
    image = folder / IMAGE
    image.unlink(missing_ok=True)
    with image.open("wb") as file:
        os.truncate(file.fileno(), IMAGE_BYTES)
    run(["mkfs.ext4", "-q", "-F", "-O", "^has_journal", "-d", str(tree), str(image)])
    shutil.rmtree(tree)


def chrony_settings(host: HostState) -> str:
    """Return chrony's settings: it disciplines the VM's own clock, and may serve others."""
    assert host.spec is not None
    lines = [f"server {address} iburst minpoll 2 maxpoll 4" for address in host.spec.ntp]
    lines += [f"allow {network}" for network in host.spec.serves_ntp_to]
    if host.spec.serves_ntp_to:
        lines.append("local stratum 1")
    lines += ["makestep 0.05 3", "driftfile /var/lib/chrony/chrony.drift"]
    return "\n".join(lines) + "\n"


def sudo_rule(host: HostState) -> str:
    """Return the sudoers line of the lab's user."""
    assert host.spec is not None
    return f"lab ALL=(ALL) {'' if host.spec.sudo_password else 'NOPASSWD: '}ALL\n"


def setup_script(host: HostState) -> str:
    """Return what runs before the network on every boot."""
    spec = host.spec
    assert spec is not None
    lines = ["set -e", f"hostname {shlex.quote(host.name)}"]
    for index, disk in enumerate(spec.disks):
        device = f"/dev/vd{chr(ord(FIRST_DISK) + index)}"
        mount = shlex.quote(disk.mount)
        lines += [f"mkdir -p {mount}", f"mountpoint -q {mount} || mount {device} {mount}"]
    lines += [f"[ -e {STAMP} ] && exit 0", f"cp -a {MOUNT}/files/. /"]
    lines += [
        f"install -d -o {LAB_UID} -g {LAB_UID} -m 700 /home/lab/.ssh",
        f"install -o {LAB_UID} -g {LAB_UID} -m 600 {MOUNT}/authorized_keys"
        " /home/lab/.ssh/authorized_keys",
        f"ln -sf /usr/share/zoneinfo/{spec.time_zone} /etc/localtime",
        f"echo {shlex.quote(spec.time_zone)} > /etc/timezone",
    ]
    if spec.sudo_password:
        lines.append(f"echo {shlex.quote('lab:' + spec.sudo_password)} | chpasswd")
    lines += [*spec.commands, f"touch {STAMP}", "sync"]
    return "\n".join(lines) + "\n"


def network_script(state: LabState, host: HostState) -> str:
    """Return what gives the cards their addresses on every boot, and what is to follow."""
    assert host.spec is not None
    batch = "".join(address_lines(port) for port in ports(state, host))
    return "\n".join(["set -e", f"ip -batch - <<'END'\n{batch}END", *host.spec.boot_commands, ""])
