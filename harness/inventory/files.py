"""The YAML files an inventory consists of, checked before Ansible reads them.

Ansible takes the last of two equal keys without a word, and with it a machine may be missing from
the lab or have another's variables; so every file of ours is looked through first.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.inventory.values import InventoryError
from harness.notation.yaml_strict import BadYamlError, StrictLoader, parse_yaml

_VAULT = b"$ANSIBLE_VAULT"
_SUFFIXES = (".yml", ".yaml", ".json", "")
_VARIABLES = ("group_vars", "host_vars")


class _Loader(StrictLoader):
    """Reads any tag: only Ansible knows what !vault means."""


_Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: "")


def check(path: Path) -> None:
    """Refuse an inventory, or a variable file beside it, that is no YAML or gives a key twice.

    Raises:
        InventoryError: names the file, and the line where there is one.
    """
    if not path.is_dir():
        document = _document(path)
        if not isinstance(document, dict) or not document:
            raise InventoryError(f"{path}: not an inventory: start with `all:` (rack.example.yml)")
    for file in _beside(path):
        _document(file)


def _beside(path: Path) -> Iterator[Path]:
    """Yield the variable files that Ansible reads with the inventory, and a folder's own files."""
    folder = path if path.is_dir() else path.parent
    if path.is_dir():
        yield from (file for file in sorted(path.iterdir()) if file.suffix in (".yml", ".yaml"))
    for name in _VARIABLES:
        for file in sorted((folder / name).rglob("*")):
            if file.is_file() and file.suffix in _SUFFIXES and not file.name.startswith("."):
                yield file


def _document(path: Path) -> Any:
    try:
        data = path.read_bytes()
        return None if data.startswith(_VAULT) else parse_yaml(data, _Loader)
    except OSError as error:
        remedy = "name an inventory with -i, or start from inventory/rack.example.yml"
        raise InventoryError(f"{path}: {error.strerror}; {remedy}") from error
    except BadYamlError as error:
        raise InventoryError(error.at(path)) from error
