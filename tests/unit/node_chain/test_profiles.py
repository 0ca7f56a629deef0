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


def test_every_system_is_found_under_its_own_name() -> None:
    assert {name: system.name for name, system in SYSTEMS.items()} == {name: name for name in ROOMS}


@pytest.mark.parametrize("system", ROOMS)
def test_a_node_imports_the_system_of_its_chain_and_no_other(system: str) -> None:
    words = [sys.executable, "-c", LOADED, system]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    rooms = [room for room in ROOMS.values() if f"{room}.profile" in told]
    assert told[0] == system
    assert rooms == [ROOMS[system]]
