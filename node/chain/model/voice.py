"""What a producer brings to its header that no other node knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from node.chain.encoding.crypto import PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Stance:
    """What a node's operator stands for, of the hard forks that the genesis has, by name.

    supports: those that its software is ready for, None for all; urgent: those that it wants at
    once, as an emergency, whatever stakeholders think of it.
    """

    supports: frozenset[str] | None = None
    urgent: frozenset[str] = frozenset()

    @classmethod
    def of(cls, supports: Iterable[str] | None, urgent: Iterable[str]) -> Stance:
        """Return the stance that a configuration names."""
        ready = None if supports is None else frozenset(supports)
        return cls(supports=ready, urgent=frozenset(urgent))


READY = Stance()
"""Of whoever runs this software and says nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who signs a block, for what its header may say of the signer's own accord.

    key: the one that signs, from which secrets may follow.
    """

    key: PrivateKey
    stance: Stance = READY
