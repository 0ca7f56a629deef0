"""The consensus systems by name: the one place that knows which there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.chain.bitshares import finality as bitshares_finality
from node.chain.bitshares.profile import BitsharesProfile
from node.chain.eosio import finality as eosio_finality
from node.chain.eosio.profile import EosioProfile
from node.chain.genesis import Genesis
from node.chain.profile import Finality, Profile


@dataclass(frozen=True, slots=True)
class _System:
    build: Callable[[Genesis], Profile]
    finality: Callable[[int, int], Finality]


_SYSTEMS: Mapping[str, _System] = {
    "eosio": _System(EosioProfile.of, eosio_finality.expected),
    "bitshares": _System(BitsharesProfile.of, bitshares_finality.expected),
}


def build(genesis: Genesis) -> Profile:
    """Return the profile a genesis names.

    Raises:
        GenesisError: values no chain can start from.
    """
    return _SYSTEMS[genesis.profile].build(genesis)


def finality(name: str, *, producers: int, blocks_per_turn: int) -> Finality:
    """Return what the consensus system of that name says of finality before there is a chain."""
    return _SYSTEMS[name].finality(producers, blocks_per_turn)
