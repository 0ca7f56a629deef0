"""BitShares' finality: what enough witnesses have built on; and the share of slots they used."""

from collections.abc import Iterable

from node.chain.profile import Finality

IRREVERSIBLE_THRESHOLD = 7_000
"""Parts of 10,000 of the active witnesses that must have built on a block."""
FULL = 10_000
RECENT_SLOTS = 128
ALL_FILLED = (1 << RECENT_SLOTS) - 1


def witnesses_needed(count: int) -> int:
    """Return how many of count witnesses must have built on a block: 15 of 21, 8 of 11, 3 of 4."""
    return count - _tolerated(count)


def expected(count: int, blocks_per_turn: int) -> Finality:
    """Return what finality takes of count witnesses that all produce.

    From m - 1 blocks, when the m needed witnesses follow each other, to 2(m - 1): at worst m - 1 of
    them end one round, and begin the next one before any other has its turn. That is a bound that
    many witnesses need rare luck to reach (21: seen 14 to 24, bound 28).
    """
    needed = witnesses_needed(count)
    return Finality(stages=1, quorum=needed, lag_blocks=(needed - 1, 2 * (needed - 1)))


def last_irreversible(lib_num: int, last_confirmed: Iterable[int]) -> int:
    """Return the new last irreversible block number, which is never below lib_num.

    last_confirmed: the newest block of each active witness on this branch, 0 for one that has none.

    Source: bitshares-core libraries/chain/db_update.cpp, update_last_irreversible_block.
    """
    nums = sorted(last_confirmed)
    return max(lib_num, nums[_tolerated(len(nums))])


def slots_filled(recent: int, missed: int) -> int:
    """Return the bits of the last 128 slots after a block that missed slots precede.

    The block's one is pushed before the zeros of the slots it came after.

    Source: bitshares-core libraries/chain/db_update.cpp, update_global_dynamic_data.
    """
    if missed >= RECENT_SLOTS:
        return 0
    return ((recent << 1) + 1 << missed) & ALL_FILLED


def participation(recent: int) -> int:
    """Return the share of filled slots among the last 128, in parts of 10,000."""
    return FULL * recent.bit_count() // RECENT_SLOTS


def _tolerated(count: int) -> int:
    return (FULL - IRREVERSIBLE_THRESHOLD) * count // FULL
