"""Dividing a block's fees and paying the witness that signed it, after its transactions."""

from typing import Literal

import msgspec

from node.chain.bitshares.contracts.money.prices import share
from node.chain.bitshares.contracts.money.rows import (
    MAIN,
    POOL,
    WITNESS_PAY,
    WORKER_PAY,
    Pool,
    pool_of,
)
from node.chain.bitshares.contracts.money.vesting import Vesting, deposited
from node.chain.bitshares.contracts.rows import in_force, rules_of
from node.chain.model.operation import OpenBlock
from node.chain.state.state import State

PAY = {"witness": WITNESS_PAY, "worker": WORKER_PAY}


def may_pay(state: State) -> bool:
    """Return whether there are fees or a budget: most blocks of a chain without money end here."""
    pool = pool_of(state)
    return bool(pool.block_fees or pool.budget)


def pay_witness(signer: str, block: OpenBlock, now_s: int) -> None:
    """Divide the block's fees and pay who signed it, in the way that is in force.

    fixed_per_block: from the budget, as upstream. percent_of_fees: so many parts of the fees of the
    block's transactions, as the document says; the budget is not touched. Of the other fees, the
    network's part joins the reserve at maintenance. The rest is upstream's referrers' and
    registrars', of which there are none here: it joins the reserve at once, as it does upstream for
    accounts that the chain itself registered.

    Source: bitshares-core libraries/chain/db_update.cpp, update_signing_witness; PROTOCOL C.13.
    """
    state = block.state
    pool, parameters = pool_of(state), in_force(state)
    fees, budget = pool.block_fees, pool.budget
    if parameters.pay_mode == "percent_of_fees":
        amount = share(fees, parameters.pay_percent)
        fees -= amount
    else:
        amount = min(parameters.witness_pay_per_block, budget)
        budget -= amount
    network = share(fees, parameters.network_percent)
    left = Pool(
        reserve=pool.reserve + fees - network, collected=pool.collected + network, budget=budget,
        budget_s=pool.budget_s,
    )  # fmt: skip
    if left != pool:
        state.put(POOL, MAIN, left)
    deposit("witness", signer, amount, block, now_s)


def deposit(
    what: Literal["witness", "worker"], account: str, amount: int, block: OpenBlock, now_s: int
) -> None:
    """Let an account have an amount that its caller took from the pool, once it has vested."""
    if amount:
        table, vesting_s = PAY[what], rules_of(block.state).money.vesting_s
        before = block.state.get(table, account) or Vesting(at_s=now_s)
        block.state.put(table, account, deposited(before, amount, now_s, vesting_s))


def take_earned(block: OpenBlock) -> dict[str, int]:
    """Return what each witness was paid since this was asked last, by name, to tell it."""
    told = {name: row for name, row in sorted(block.state.rows(WITNESS_PAY).items()) if row.untold}
    for name, row in told.items():
        block.state.put(WITNESS_PAY, name, msgspec.structs.replace(row, untold=0))
    return {name: row.untold for name, row in told.items()}
