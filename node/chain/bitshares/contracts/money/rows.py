"""The rows of money: the pool of what nobody owns, pay that vests, and paid projects."""

import msgspec

from node.chain.bitshares.contracts.money.vesting import Vesting
from node.chain.state.state import State, Table


class Pool(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is nobody's, in units; with balances and vesting pay it is all there ever is.

    reserve: what pay comes from (bitshares: what is left of the maximum supply); collected: the
    network's part of fees, which joins the reserve at maintenance (accumulated_fees); budget: what
    witnesses can be paid until then; block_fees: of the block at hand, not divided yet. budget_s:
    when the last budget was made, in seconds of the chain, 0 before the first.
    """

    reserve: int = 0
    collected: int = 0
    budget: int = 0
    block_fees: int = 0
    budget_s: int = 0


class Worker(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A project that its owner wants to be paid for, from begin_s to end_s of the chain's time."""

    owner: str
    daily_pay: int
    begin_s: int
    end_s: int
    name: str
    url: str


POOL = Table("pool", str, Pool)
"""Under MAIN: the only one."""
MAIN = "main"
WITNESS_PAY = Table("witness_pay", str, Vesting)
WORKER_PAY = Table("worker_pay", str, Vesting)
"""By account."""
WORKERS = Table("workers", int, Worker)
"""By number, in order of registration; those whose time is over go at the next maintenance."""
NEXT_WORKER = Table("next_worker", str, int)
"""Under MAIN: the number of the next one."""
MONEY_TABLES = (POOL, WITNESS_PAY, WORKER_PAY, WORKERS, NEXT_WORKER)


def pool_of(state: State) -> Pool:
    """Return the pool."""
    pool = state.get(POOL, MAIN)
    assert pool is not None
    return pool
