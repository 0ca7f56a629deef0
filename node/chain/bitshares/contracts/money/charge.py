"""Charging for an operation: its fee is its authority's, and is divided when the block ends."""

from collections.abc import Callable

import msgspec

from node.chain.bitshares.contracts.money.prices import price
from node.chain.bitshares.contracts.money.rows import MAIN, POOL, pool_of
from node.chain.bitshares.contracts.rows import in_force
from node.chain.encoding.written import word_of
from node.chain.ledger import accounts, fees_paid
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation


def fee_of(operation: Operation, size_of: Callable[[Operation], int], block: OpenBlock) -> int:
    """Return what an operation costs by the schedule in force, or what it says if that is more.

    What it says is upstream's: it may not be less. Ours: 0, which is also what is left out, stands
    for what the schedule says, so that whoever signs need not have looked.

    Raises:
        TransactionRejected: it says less.
    """
    said: int = getattr(operation, "fee", 0)
    parameters = in_force(block.state)
    if not parameters.fees and not parameters.fee_per_kbyte:
        return said
    base, per_kbyte = parameters.fees.get(word_of(type(operation)), 0), parameters.fee_per_kbyte
    due = price(base, per_kbyte, size_of(operation) if per_kbyte else 0)
    if 0 < said < due:
        raise TransactionRejected(Reason.INSUFFICIENT_FEE)
    return max(said, due)


def collect(payer: str, fee: int, block: OpenBlock) -> None:
    """Take a fee, if it is one, after its operation was done: as upstream, that may have paid it.

    Raises:
        TransactionRejected: the payer has not so much.
    """
    if fee:
        accounts.take(block, payer, fee)
        fees_paid.count(block, payer, fee)
        pool = pool_of(block.state)
        more = msgspec.structs.replace(pool, block_fees=pool.block_fees + fee)
        block.state.put(POOL, MAIN, more)
