"""Making a budget at maintenance, and paying workers of it."""

from collections.abc import Mapping

from node.chain.bitshares.contracts.money.budget import Budget, budget, spendable
from node.chain.bitshares.contracts.money.pay import deposit, take_earned
from node.chain.bitshares.contracts.money.rows import MAIN, POOL, WORKERS, Pool, pool_of
from node.chain.bitshares.contracts.money.workers import Project, shares
from node.chain.bitshares.contracts.rows import in_force
from node.chain.ledger import fees_paid
from node.chain.model.operation import OpenBlock
from node.chain.state.state import State
from node.events import Budgeted


def spend(approvals: Mapping[int, int], block: OpenBlock, now_s: int, next_s: int) -> None:
    """Let witnesses and workers have their parts of the reserve until next_s; tell of it.

    approvals: the stake behind each worker, by number. Fees that were collected and what is left of
    the budget before join the reserve first. What workers leave stays there. Without any money
    nothing is told. Workers whose time is over are forgotten (ours; upstream they stay).

    Source: bitshares-core libraries/chain/db_maint.cpp, process_budget.
    """
    state = block.state
    pool, parameters = pool_of(state), in_force(state)
    reserve = pool.reserve + pool.collected + pool.budget
    since_s = now_s - pool.budget_s if pool.budget_s else 0
    is_fixed = parameters.pay_mode == "fixed_per_block"
    parts = budget(
        spendable(reserve, since_s),
        left_s=next_s - now_s,
        interval_s=parameters.block_interval_s,
        pay_per_block=parameters.witness_pay_per_block if is_fixed else 0,
        workers_per_day=parameters.worker_budget_per_day,
    )
    paid, left = shares(_projects(approvals, state, now_s), parts.workers, since_s)
    for owner, amount in paid:
        deposit("worker", owner, amount, block, now_s)
    for number in _ended(state, now_s):
        state.remove(WORKERS, number)
    spent = parts.witnesses + parts.workers - left
    after = Pool(reserve=reserve - spent, budget=parts.witnesses, budget_s=now_s)
    state.put(POOL, MAIN, after)
    fees_paid.tell(block)
    earned = take_earned(block)
    if reserve or earned:
        _tell(pool, parts, paid, earned, block)


def _projects(approvals: Mapping[int, int], state: State, now_s: int) -> list[Project]:
    """Return the workers whose time is now."""
    return [
        Project(number, row.owner, row.daily_pay, approvals.get(number, 0))
        for number, row in state.rows(WORKERS).items()
        if row.begin_s <= now_s <= row.end_s
    ]


def _ended(state: State, now_s: int) -> list[int]:
    """Return the workers whose time is over."""
    return sorted(number for number, row in state.rows(WORKERS).items() if row.end_s < now_s)


def _tell(
    pool: Pool, parts: Budget, paid: tuple[tuple[str, int], ...], earned: dict[str, int],
    block: OpenBlock,
) -> None:  # fmt: skip
    to_workers: dict[str, int] = {}
    for owner, amount in paid:
        to_workers[owner] = to_workers.get(owner, 0) + amount
    block.facts.append(
        Budgeted(
            num=block.num,
            reserve=pool.reserve + pool.collected + pool.budget,
            collected=pool.collected,
            unused=pool.budget,
            spendable=parts.total,
            for_witnesses=parts.witnesses,
            to_workers=to_workers,
            earned=earned,
        )
    )
