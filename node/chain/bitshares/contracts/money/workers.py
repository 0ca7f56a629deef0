"""Which paid projects get how much of a budget: pure rules."""

from collections.abc import Iterable
from typing import NamedTuple

from node.chain.bitshares.contracts.money.budget import DAY_S


class Project(NamedTuple):
    """A worker: its number, by registration, who is paid, how much a day, and who approves of it.

    approval: the stake of those.
    """

    number: int
    owner: str
    daily_pay: int
    approval: int


def shares(
    projects: Iterable[Project], budget: int, since_s: int
) -> tuple[tuple[tuple[str, int], ...], int]:
    """Return who gets how much, and what is left of the budget.

    The one with most approval first, of equals who registered first; each gets what it asks for
    since_s seconds, the last one what is left. Who is approved by no stake gets nothing.

    Source: bitshares-core libraries/chain/db_maint.cpp, pay_workers.
    """
    paid = []
    wanted = [project for project in projects if project.approval > 0]
    for project in sorted(wanted, key=lambda one: (-one.approval, one.number)):
        amount = min(project.daily_pay * since_s // DAY_S, budget)
        budget -= amount
        if amount:
            paid.append((project.owner, amount))
    return tuple(paid), budget
