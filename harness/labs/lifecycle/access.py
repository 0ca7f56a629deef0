"""Who may log in to a lab's hosts, and the inventory that says how.

Keys are made for one lab and live in its folder; the user's own are neither read nor changed.
Host keys are made here, so they are known before the first contact.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from harness.errors import LabError
from harness.labs.state import HostState, LabState

LAB_USER = "lab"
CONNECT_S = 10
SLOW_CONNECT_S = 45
"""An emulated machine beside busy ones takes its time to greet."""

GROUPS = {"node": "nodes", "ntp": "ntp_servers", "jump": "jump_hosts"}
"""Inventory group of each role."""
PLUGS = ("off", "on", "state", "freeze", "thaw", "link-down", "link-up")
"""What can be done to a host's plugs (power.py), and asked of them."""


def make_keys(folder: Path, state: LabState) -> None:
    """Write the lab's key, every host's key and known_hosts to folder/ssh."""
    keys = folder / "ssh"
    keys.mkdir(mode=0o700)
    names = ["id_ed25519", *(f"host_{host.name}" for host in state.hosts)]
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"slotlab-{state.name}", "-f"]
    nothing = subprocess.DEVNULL
    started = [
        subprocess.Popen([*words, str(keys / name)], stdout=nothing, stderr=nothing)
        for name in names
    ]
    ended = [process.wait() for process in started]
    if any(ended):
        raise LabError(f"ssh-keygen failed in {keys}: is the disk full?")
    with (keys / "known_hosts").open("w") as file:
        for host in state.hosts:
            kind, key, *_ = (keys / f"host_{host.name}.pub").read_text().split()
            file.write(f"{host.address} {kind} {key}\n")


def jump_of(state: LabState, host: HostState) -> HostState | None:
    """Return the host through which the controller reaches this one, or None."""
    return state.host(host.spec.jump) if host.spec and host.spec.jump else None


def ssh_options(folder: Path, state: LabState, jump: HostState | None = None) -> list[str]:
    """Return the options of every ssh to the lab: strict host keys, none of the user's files."""
    patience = SLOW_CONNECT_S if state.acceleration == "tcg" else CONNECT_S
    options = [
        *("-o", f"UserKnownHostsFile={folder / 'ssh' / 'known_hosts'}"),
        *("-o", "StrictHostKeyChecking=yes"),
        *("-o", "GlobalKnownHostsFile=/dev/null"),
        *("-o", "IdentitiesOnly=yes"),
        *("-o", "IdentityAgent=none"),
        *("-o", f"ConnectTimeout={patience}"),
    ]
    if jump is None:
        return options
    through = ["ssh", "-F", "none", "-i", str(folder / "ssh" / "id_ed25519"), *options]
    through += ["-W", "[%h]:%p", f"{LAB_USER}@{jump.address}"]
    return [*options, "-o", f"ProxyCommand={' '.join(through)}"]


def ssh_words(folder: Path, state: LabState, host: HostState) -> list[str]:
    """Return the command that logs in to host from the machine's own network namespace."""
    return [
        *("nsenter", f"--net={state.controller_namespace_path}"),
        *("ssh", "-F", "none", "-i", str(folder / "ssh" / "id_ed25519")),
        *ssh_options(folder, state, jump_of(state, host)),
        f"{LAB_USER}@{host.address}",
    ]


def write_inventory(folder: Path, state: LabState) -> Path:
    """Return the path of the Ansible inventory of this lab, written anew."""
    shared = {"slotlab_lab": state.provider, "slotlab_netns": state.controller_namespace_path}
    groups: dict[str, dict[str, dict[str, object]]] = {}
    for host in state.hosts:
        group = groups.setdefault(GROUPS[host.role], {"hosts": {}})
        group["hosts"][host.name] = _host_entry(folder, state, host)
    document = {"all": {"vars": shared, "children": groups}}
    path = folder / "inventory.yml"
    header = f"# Lab {state.name}, made by `slotlab lab up`; removed by `slotlab lab down`.\n"
    path.write_text(header + yaml.safe_dump(document, sort_keys=False))
    return path


def _host_entry(folder: Path, state: LabState, host: HostState) -> dict[str, object]:
    entry: dict[str, object] = {
        "ansible_host": host.address,
        "ansible_user": LAB_USER,
        "ansible_ssh_private_key_file": str(folder / "ssh" / "id_ed25519"),
        "ansible_ssh_common_args": shlex.join(ssh_options(folder, state, jump_of(state, host))),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    if host.role == "node":
        entry["slotlab_address"] = host.data_address
        entry["slotlab_interface"] = f"eth{host.data_nic}"
        entry["slotlab_ntp"] = list(host.spec.ntp) if host.spec else [state.ntp_address]
        entry["slotlab_power"] = _power(folder, state)
    return entry | (dict(host.spec.host_vars) if host.spec else {})


def _power(folder: Path, state: LabState) -> dict[str, str]:
    """Return slotlab_power: it names the lab's own folder of labs, so that it works anywhere."""
    environment = f"XDG_STATE_HOME={folder.parents[2]}"
    words = ["env", environment, sys.executable, "-m", "harness.labs.lifecycle.power", state.name]
    return {word.replace("-", "_"): f"{shlex.join(words)} {{name}} {word}" for word in PLUGS}
