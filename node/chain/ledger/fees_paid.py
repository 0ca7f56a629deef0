"""What operations cost each account, counted until a block tells of it."""

from node.chain.model.operation import OpenBlock
from node.chain.state.state import Table
from node.events import FeesPaid

FEES_PAID = Table("fees_paid", str, int)
"""By account, units that it paid since the last telling."""


def count(block: OpenBlock, account: str, amount: int) -> None:
    """Count a fee that an account paid."""
    state = block.state
    state.put(FEES_PAID, account, (state.get(FEES_PAID, account) or 0) + amount)


def tell(block: OpenBlock) -> None:
    """Tell what accounts paid since this was told last, if any did, and begin anew."""
    rows = dict(sorted(block.state.rows(FEES_PAID).items()))
    if rows:
        block.facts.append(FeesPaid(num=block.num, by_account=rows))
    for account in rows:
        block.state.remove(FEES_PAID, account)
