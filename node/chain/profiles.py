"""The consensus systems by name: the one place that knows which there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from node.chain.bitshares import profile as bitshares
from node.chain.eosio import profile as eosio
from node.chain.genesis import Genesis
from node.chain.model.errors import GenesisError
from node.chain.profile import Profile, System

SYSTEMS: Mapping[str, System] = {system.name: system for system in (eosio.SYSTEM, bitshares.SYSTEM)}

if TYPE_CHECKING:
    Name = str
else:
    Name = Literal[tuple(SYSTEMS)]
"""For the shapes of files: the name of a system, and nothing else."""


def build(genesis: Genesis) -> Profile:
    """Return the profile a genesis names.

    Raises:
        GenesisError: an unknown system, or values no chain can start from.
    """
    system = SYSTEMS.get(genesis.profile)
    if system is None:
        raise GenesisError(f"Invalid enum value {genesis.profile!r} - at `$.profile`")
    return system.build(genesis)
