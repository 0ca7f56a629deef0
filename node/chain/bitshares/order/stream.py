"""Numbers drawn from a seed: the same seed and counter give the same numbers everywhere."""

from hashlib import sha256

_DIGEST_BITS = 256
_U64 = (1 << 64) - 1


class Stream:
    """Bits of sha256(seed, counter), counter + 1 and so on, the lowest bit of each byte first.

    Mutable: where it has come to.

    Source: graphene at 6c052294^, chain/witness_scheduler_rng.hpp, hash_ctr_rng.
    """

    __slots__ = ("_bits", "_counter", "_left", "_seed")

    def __init__(self, seed: bytes, counter: int = 0) -> None:
        self._seed, self._counter = seed, counter & _U64
        self._bits = self._left = 0

    def below(self, bound: int) -> int:
        """Return a number from 0 to bound - 1, each as likely; a bound of 1 or less takes no bits.

        So many bits as bound has are taken, and again until they are below it.
        """
        if bound <= 1:
            return 0
        width = bound.bit_length()
        while True:
            found = self._take(width)
            if found < bound:
                return found

    def _take(self, width: int) -> int:
        while self._left < width:
            digest = sha256(self._seed + self._counter.to_bytes(8, "little")).digest()
            self._bits |= int.from_bytes(digest, "little") << self._left
            self._left += _DIGEST_BITS
            self._counter = self._counter + 1 & _U64
        found = self._bits & (1 << width) - 1
        self._bits >>= width
        self._left -= width
        return found
