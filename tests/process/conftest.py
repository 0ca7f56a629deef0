"""Gives the tests of this folder its builders (tests are no package to import from)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def build() -> ModuleType:
    """Return the module cluster.py beside this file."""
    return _load("cluster")


@pytest.fixture(scope="session")
def proxy() -> ModuleType:
    """Return the module proxy.py beside this file."""
    return _load("proxy")


def _load(stem: str) -> ModuleType:
    name = f"slotlab_process_{stem}"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{stem}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
