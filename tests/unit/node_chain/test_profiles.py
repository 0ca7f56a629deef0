"""Which consensus systems there are, and that a node imports one only."""

import subprocess
import sys

import pytest

from node.chain.profiles import SYSTEMS

ROOMS = {"eosio": "node.chain.eosio", "bitshares": "node.chain.bitshares"}
LOADED = """
import sys, node.service
from node.chain.profiles import SYSTEMS
print(SYSTEMS[sys.argv[1]].name, *sys.modules)
"""


def imported(system: str) -> list[str]:
    words = [sys.executable, "-c", LOADED, system]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def test_every_system_is_found_under_its_own_name() -> None:
    assert {name: system.name for name, system in SYSTEMS.items()} == {name: name for name in ROOMS}


@pytest.mark.parametrize("system", ROOMS)
def test_a_node_imports_the_system_of_its_chain_and_no_other(system: str) -> None:
    told = imported(system)
    rooms = [room for room in ROOMS.values() if f"{room}.profile" in told]
    assert told[0] == system
    assert rooms == [ROOMS[system]]


def test_a_node_does_without_psutil() -> None:
    told = imported("eosio")
    assert "node.service" in told
    assert "psutil" not in told
