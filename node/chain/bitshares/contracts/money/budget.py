"""How much of the reserve may be spent until the next maintenance, and on what: pure rules."""

from dataclasses import dataclass

DAY_S = 86_400
CYCLE_RATE = 17
CYCLE_BITS = 32
"""In a second at most CYCLE_RATE of 2 ** CYCLE_BITS parts of the reserve are spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent in all, and of it on witnesses and on workers."""

    total: int
    witnesses: int
    workers: int


def spendable(reserve: int, since_s: int) -> int:
    """Return how much of the reserve may be spent, so long after the budget before.

    Rounded up, so that the last unit is spent one day. since_s is 0 for the first budget: nothing
    is paid in the first interval.

    Source: bitshares-core libraries/chain/db_maint.cpp, initialize_budget_record.
    """
    parts = reserve * since_s * CYCLE_RATE
    return min(reserve, -(-parts >> CYCLE_BITS))


def budget(
    total: int, *, left_s: int, interval_s: int, pay_per_block: int, workers_per_day: int
) -> Budget:
    """Return how a sum is divided, left_s before the next maintenance.

    pay_per_block: of a witness for each of the blocks until then.

    Source: bitshares-core libraries/chain/db_maint.cpp, process_budget.
    """
    blocks = -(-left_s // interval_s)
    witnesses = min(pay_per_block * blocks, total)
    workers = min(workers_per_day * left_s // DAY_S, total - witnesses)
    return Budget(total=total, witnesses=witnesses, workers=workers)
