"""What an operation costs, and into which parts a fee goes: pure rules."""

KBYTE = 1024
PARTS = 10_000
"""Shares are so many parts of this."""


def price(base: int, per_kbyte: int, size_bytes: int) -> int:
    """Return what an operation of that size costs, the part for its bytes rounded down.

    Upstream counts the bytes of some fields of some operations (a memo, a proposal); ours counts
    all of each operation, so that whoever knows the bytes knows the price.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/base.hpp,
    calculate_data_fee.
    """
    return base + size_bytes * per_kbyte // KBYTE


def share(amount: int, parts: int) -> int:
    """Return so many parts of 10,000 of an amount, rounded down.

    Source: bitshares-core libraries/chain/account_object.cpp, cut_fee.
    """
    return amount * parts // PARTS
