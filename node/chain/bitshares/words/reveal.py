"""Commit and reveal: each block tells a secret that an earlier one promised, and promises another.

A secret follows from the witness' key and the block it is promised in, so that nothing has to be
remembered across a restart or a fork, and nobody else can know it before.
"""

from dataclasses import dataclass
from hashlib import new as new_hash
from hashlib import sha512

from node.chain.encoding.crypto import PrivateKey

SECRET_BYTES = 20
NO_SECRET = bytes(SECRET_BYTES)
"""What who has promised nothing yet reveals."""


@dataclass(frozen=True, slots=True)
class Reveal:
    """previous_secret: what the witness promised in its block before; next_hash: of the next."""

    previous_secret: bytes
    next_hash: bytes


@dataclass(frozen=True, slots=True)
class Promise:
    """What a witness promised in its newest block on a branch: the hash, and the block's parent."""

    hash: bytes
    parent: bytes


def secret_of(key: PrivateKey, parent: bytes) -> bytes:
    """Return the secret that the owner of key promises in a block on parent.

    Source: bitshares1-core libraries/wallet/wallet.cpp, get_secret.
    """
    return hash_of(sha512(sha512(key.secret).digest() + parent).digest())


def hash_of(secret: bytes) -> bytes:
    """Return what promises a secret."""
    return new_hash("ripemd160", secret).digest()


def revealed(key: PrivateKey, promised: Promise | None, parent: bytes) -> Reveal:
    """Return what an honest witness says in a block on parent."""
    before = NO_SECRET if promised is None else secret_of(key, promised.parent)
    return Reveal(before, hash_of(secret_of(key, parent)))


def keeps(reveal: Reveal, promised: Promise | None, *, first_is_free: bool) -> bool:
    """Return whether a reveal keeps what was promised.

    first_is_free: who has promised nothing may reveal anything, and choose what chance comes to.
    """
    if promised is None:
        return first_is_free or reveal.previous_secret == NO_SECRET
    return hash_of(reveal.previous_secret) == promised.hash


def absorbed(random: bytes, secret: bytes) -> bytes:
    """Return the random number after a block that reveals secret.

    Source: graphene at 6c052294^, libraries/chain/db_update.cpp, update_global_dynamic_data.
    """
    return hash_of(random + secret)
