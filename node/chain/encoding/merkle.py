"""Merkle roots with upstream's legacy canonical pairing, in one go and leaf by leaf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

_DIGEST, _PAIR = 32, 64
_LEFT, _RIGHT = bytes(i & 0x7F for i in range(256)), bytes(i | 0x80 for i in range(256))
"""What becomes of the first byte of a digest, by its side."""
ZERO_ROOT = bytes(_DIGEST)


def pair(left: bytes, right: bytes) -> bytes:
    """Return the parent of two digests; the top bit marks the left (0) and the right (1)."""
    return sha256(
        bytes((left[0] & 0x7F,)) + left[1:] + bytes((right[0] | 0x80,)) + right[1:]
    ).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over leaves: an odd level repeats its last; none gives zeros, one itself.

    Source: eosio libraries/chain/merkle.cpp.
    """
    level = list(leaves)
    if not level:
        return ZERO_ROOT
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        joined = bytearray().join(level)
        joined[::_PAIR] = joined[::_PAIR].translate(_LEFT)
        joined[_DIGEST::_PAIR] = joined[_DIGEST::_PAIR].translate(_RIGHT)
        level = [sha256(joined[i : i + _PAIR]).digest() for i in range(0, len(joined), _PAIR)]
    return level[0]


@dataclass(frozen=True, slots=True)
class Frontier:
    """A growing list of leaves, kept as the roots of its complete subtrees by height."""

    count: int = 0
    full: tuple[bytes | None, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """Return the frontier with leaf added at the end."""
        nodes, carry, level = list(self.full), leaf, 0
        while level < len(nodes):
            left = nodes[level]
            if left is None:
                break
            carry, nodes[level] = pair(left, carry), None
            level += 1
        if level == len(nodes):
            nodes.append(carry)
        else:
            nodes[level] = carry
        return Frontier(self.count + 1, tuple(nodes))

    def root(self) -> bytes:
        """Return the same root as merkle_root over all leaves so far.

        Source: eosio libraries/chain/include/eosio/chain/incremental_merkle.hpp, by another
        algorithm.
        """
        if not self.count:
            return ZERO_ROOT
        partial: bytes | None = None
        for node in self.full[: (self.count - 1).bit_length()]:
            if node is not None:
                partial = pair(node, node if partial is None else partial)
            elif partial is not None:
                partial = pair(partial, partial)
        if partial is not None:
            return partial
        top = self.full[-1]
        assert top is not None
        return top
