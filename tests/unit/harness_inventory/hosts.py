"""Inventories of tests, and hosts as one that says nothing special makes them, without Ansible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.inventory.inventory import Host
from harness.inventory.ssh_options import SshOptions


def written(folder: Path, text: str, name: str = "rack.yml") -> Path:
    """Return a new file with the text."""
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def plain(name: str = "a", address: str = "192.0.2.1", **changes: Any) -> Host:
    """Return such a host; changes are fields of it."""
    fields: dict[str, Any] = {
        "interface": "", "zone": "", "node_port": 9000, "probe_port": 9001, "ntp": (),
        "state_dir": "/var/lib/slotlab", "python": "/usr/bin/python3", "groups": (),
        "ssh": SshOptions(target=address, address=address, user="pi"),
    }  # fmt: skip
    return Host(name=name, address=address, **{**fields, **changes})
