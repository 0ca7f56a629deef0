"""Writes the rows' inventory, has every row logged in to by each way, and reads what came of it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from tests.lab.bench import ROOT, Bench
from tests.lab.ssh_options.home import KEYS, Home
from tests.lab.ssh_options.row import Row, Sealed

WAYS = ("ssh", "fabric", "ansible")


@dataclass(frozen=True)
class Way:
    """What one way came to: what was seen of the login, else why not.

    printed is all that the way took for the command's output.
    """

    seen: str
    reason: str
    said: str
    printed: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """What holds for all rows of an inventory: ansible.cfg, and --ask-become-pass."""

    ansible_cfg: str = ""
    become_password: str | None = None


class _Vault(yaml.SafeDumper):
    """Writes sealed values as Ansible's own tag."""


def compare(
    lab: Bench, home: Home, name: str, rows: Sequence[Row], setting: Setting
) -> dict[str, dict[str, Way]]:
    """Return what each way came to, by row and way; name: of the inventory's file."""
    asked = {
        "inventory": _write_inventory(lab, home, name, rows),
        "become_password": setting.become_password,
        "rows": [
            {
                "name": row.name, "ssh": shlex.split(home.fill(row.ssh)), "become": row.become,
                "password": row.password, "askpass": str(home.folder / "askpass"),
            }
            for row in rows
        ],
    }  # fmt: skip
    environment = home.environment | {"PYTHONPATH": str(ROOT)}
    if setting.ansible_cfg:
        file = home.folder / "etc" / f"{name}.cfg"
        file.parent.mkdir(exist_ok=True)
        file.write_text(home.fill(setting.ansible_cfg))
        environment["ANSIBLE_CONFIG"] = str(file)
    program = home.inside(sys.executable, "-m", "tests.lab.ssh_options.three_ways")
    done = subprocess.run(
        program, input=json.dumps(asked), capture_output=True, text=True, cwd=home.work,
        env=environment, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    read = _reader(home)
    return {
        row: {way: read(one) for way, one in ways.items()}
        for row, ways in json.loads(done.stdout).items()
    }


def _write_inventory(lab: Bench, home: Home, name: str, rows: Iterable[Row]) -> str:
    """Return the path of an inventory with a host for every row."""
    document: dict[str, Any] = {
        "all": {
            "vars": {
                "slotlab_lab": "hardware", "slotlab_netns": str(lab.netns),
                "ansible_python_interpreter": "/usr/bin/python3",
            },
            "children": {"nodes": {"hosts": {}}},
        }
    }  # fmt: skip
    nodes = document["all"]["children"]["nodes"]
    for number, row in enumerate(rows, 1):
        values = {key: _filled(home, value) for key, value in row.variables.items()}
        nodes["hosts"][row.name] = {"slotlab_address": f"192.0.2.{number}"} | values
        if row.group:
            nodes.setdefault("children", {})[f"group-of-{row.name}"] = {
                "hosts": {row.name: {}}, "vars": yaml.safe_load(row.group)
            }  # fmt: skip
    _Vault.add_representer(Sealed, lambda dumper, value: _sealed(home, dumper, value))
    path = home.folder / f"{name}.yml"
    path.write_text(yaml.dump(document, Dumper=_Vault, sort_keys=False))
    return str(path)


def _filled(home: Home, value: object) -> object:
    return home.fill(value) if isinstance(value, str) else value


def _sealed(home: Home, dumper: yaml.SafeDumper, value: Sealed) -> yaml.Node:
    words = [sys.executable, "-m", "ansible.cli.vault", "encrypt", "--output=-", "-"]
    file = str(home.folder / "vault")
    done = subprocess.run(
        [*words, "--vault-password-file", file], input=value.text, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return dumper.represent_scalar("!vault", done.stdout, style="|")


def _reader(home: Home) -> Callable[[Mapping[str, Any]], Way]:
    """Return what makes a Way of a way's raw words."""
    sources = {address: name for name, address in home.facts.items()}
    sources |= {home.facts[name]: f"{host}-6" for name, host in _SIX.items()}
    keys = {home.public(name): name for name in KEYS}

    def read(one: Mapping[str, Any]) -> Way:
        lines = [line for line in one["lines"] if line.startswith("seen|")]
        seen = _told(lines[0], sources, keys) if lines else ""
        return Way(seen, one["reason"], one["said"], tuple(one["lines"]))

    return read


_SIX = {"six1": "n1", "six2": "n2", "six3": "n3"}


def _told(line: str, sources: Mapping[str, str], keys: Mapping[str, str]) -> str:
    """Return what a host said of a login, as rows write it."""
    _, user, host, *more = line.rstrip("\r").split("|")
    if not more:
        return f"{user}@{host}"
    connection, proof, word = more
    source, _, _, port = connection.split()
    method, _, key = proof.partition(" ")
    by = keys.get(key, "certificate" if "-cert-" in key else key) or method
    text = f"{user}@{host}:{port} from {sources.get(source, source)} by {by}"
    return f"{text} with {word}" if word else text
