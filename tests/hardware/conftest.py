"""The tests of real hosts run on an inventory of yours: `pytest tests/hardware --inventory FILE`.

Without one (or SLOTLAB_INVENTORY) they are skipped and say so. They deploy, inject, reboot one host
and wipe in the end: give them hosts that run nothing else.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

WHY = "no real hosts named: pytest tests/hardware --inventory rack.yml, or SLOTLAB_INVENTORY"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --inventory."""
    parser.addoption("--inventory", default="", help="Ansible inventory of real hosts.")


@pytest.fixture(scope="session")
def inventory_file(request: pytest.FixtureRequest) -> Path:
    """Return the inventory that was named; skip where none was."""
    named = request.config.getoption("--inventory", "") or os.environ.get("SLOTLAB_INVENTORY", "")
    if not named:
        pytest.skip(WHY)
    return Path(str(named)).resolve()
