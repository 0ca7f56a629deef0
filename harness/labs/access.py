"""Who may log in to a lab's hosts, and the inventory that says how.

Keys are made for one lab and live in its folder; the user's own are neither read nor changed.
Host keys are made here, so they are known before the first contact.
"""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from harness.labs.errors import LabError
from harness.labs.network import INTERFACE
from harness.labs.state import HostState, LabState

LAB_USER = "lab"


def make_keys(folder: Path, state: LabState) -> None:
    """Return once folder/ssh holds the lab's key, every host's key and known_hosts."""
    keys = folder / "ssh"
    keys.mkdir(mode=0o700)
    names = ["id_ed25519", *(f"host_{host.name}" for host in state.hosts)]
    comment = f"slotlab-{state.name}"
    started = [
        subprocess.Popen(
            [
                *("ssh-keygen", "-q", "-t", "ed25519", "-N", ""),
                "-C",
                comment,
                "-f",
                str(keys / name),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name in names
    ]
    results = [process.wait() for process in started]
    if any(results):
        raise LabError(f"ssh-keygen failed in {keys}: is the disk full?")
    lines = [
        f"{host.address} {_key_words((keys / f'host_{host.name}.pub').read_text())}\n"
        for host in state.hosts
    ]
    (keys / "known_hosts").write_text("".join(lines))


def _key_words(public_key: str) -> str:
    return " ".join(public_key.split()[:2])


def ssh_options(folder: Path) -> list[str]:
    """Return the options of every ssh to the lab: strict host keys, none of the user's files."""
    return [
        *("-o", f"UserKnownHostsFile={folder / 'ssh' / 'known_hosts'}"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", "GlobalKnownHostsFile=/dev/null"),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", "IdentityAgent=none"),
    ]


def ssh_words(folder: Path, state: LabState, host: HostState) -> list[str]:
    """Return the command that logs in to host from the machine's own network namespace."""
    return [
        *("nsenter", f"--net={state.controller_namespace_path}"),
        *("ssh", "-F", "none", "-i", str(folder / "ssh" / "id_ed25519")),
        *ssh_options(folder),
        f"{LAB_USER}@{host.address}",
    ]


def write_inventory(folder: Path, state: LabState) -> Path:
    """Return the path of the Ansible inventory of this lab, written anew."""
    document: Mapping[str, object] = {
        "all": {
            "vars": {
                "slotlab_lab": "container",
                "slotlab_netns": state.controller_namespace_path,
            },
            "children": {
                "nodes": {"hosts": _host_entries(folder, state, "node")},
                "ntp_servers": {"hosts": _host_entries(folder, state, "ntp")},
            },
        }
    }
    path = folder / "inventory.yml"
    header = f"# Lab {state.name}, made by `slotlab lab up`; removed by `slotlab lab down`.\n"
    path.write_text(header + yaml.safe_dump(document, sort_keys=False))
    return path


def _host_entries(folder: Path, state: LabState, role: str) -> dict[str, dict[str, object]]:
    common: dict[str, object] = {
        "ansible_user": LAB_USER,
        "ansible_ssh_private_key_file": str(folder / "ssh" / "id_ed25519"),
        "ansible_ssh_common_args": " ".join(ssh_options(folder)),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    entries: dict[str, dict[str, object]] = {}
    for host in state.hosts:
        if host.role != role:
            continue
        entry: dict[str, object] = {"ansible_host": host.address, **common}
        if role == "node":
            entry["slotlab_address"] = host.address
            entry["slotlab_interface"] = INTERFACE
            entry["slotlab_ntp"] = [state.ntp_address]
        entries[host.name] = entry
    return entries
