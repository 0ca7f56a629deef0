"""The consensus systems by name: the one place that knows which there are.

Each is imported when it is first asked for: a node has memory for its own only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from node.chain.genesis import Genesis
from node.chain.model.errors import GenesisError
from node.chain.profile import Profile, System


def _eosio() -> System:
    from node.chain.eosio.profile import SYSTEM

    return SYSTEM


def _bitshares() -> System:
    from node.chain.bitshares.profile import SYSTEM

    return SYSTEM


_IMPORTED: Mapping[str, Callable[[], System]] = {"eosio": _eosio, "bitshares": _bitshares}


class _Systems(Mapping[str, System]):
    def __getitem__(self, name: str) -> System:
        return _IMPORTED[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(_IMPORTED)

    def __len__(self) -> int:
        return len(_IMPORTED)


SYSTEMS: Mapping[str, System] = _Systems()

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
