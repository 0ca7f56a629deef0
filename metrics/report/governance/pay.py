"""Who paid and was paid what: rows of a trial's tables."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from metrics.measure.delegation import payments
from metrics.measure.delegation.payments import Payment, Payments
from metrics.model import number_text
from metrics.report.governance.delegation import at
from metrics.results.analysis import Analysis

Row = dict[str, Any]


def pay(analysis: Analysis) -> dict[str, list[Row]]:
    """Return rows: of each account what it paid and got, of each account what it was paid as what,
    of each change of a fee, each pay schedule and each budget.
    """
    found, digits = analysis.of(payments.METRIC), analysis.data.plan.asset.digits

    def amount(units: int) -> str:
        return number_text.amount(units, digits)

    return {
        "accounts": _accounts(found, amount),
        "payments": _payments(found.paid, amount),
        "fees": [
            {
                "at": at(change.at), "endpoint": change.endpoint, "votes": change.votes,
                "before": amount(change.before), "now": amount(change.units),
            }
            for change in found.changes
        ],
        "schedules": [
            {"at": at(each.at), "producers": ", ".join(each.producers), "pot": amount(each.pot)}
            for each in found.schedules
        ],
        "budgets": [
            {
                "at": at(each.at), "reserve": amount(each.reserve),
                "spendable": amount(each.spendable), "witnesses": amount(each.for_witnesses),
                "workers": amount(each.to_workers),
            }
            for each in found.budgets
        ],
    }  # fmt: skip


def _accounts(found: Payments, amount: Callable[[int], str]) -> list[Row]:
    sums = {key: _by_account(getattr(found, key)) for key in ("fees", "earned", "paid")}
    named = sorted({account for each in sums.values() for account in each})
    return [
        {"account": account, **{key: amount(each[account]) for key, each in sums.items()}}
        for account in named
    ]


def _by_account(told: list[Payment]) -> Counter[str]:
    found: Counter[str] = Counter()
    for payment in told:
        found[payment.account] += payment.units
    return found


def _payments(paid: list[Payment], amount: Callable[[int], str]) -> list[Row]:
    groups: dict[tuple[str, str], list[Payment]] = {}
    for payment in paid:
        groups.setdefault((payment.account, payment.what), []).append(payment)
    return [
        {
            "account": account, "what": what, "count": len(group),
            "sum": amount(sum(payment.units for payment in group)),
            "first": at(group[0].at), "last": at(group[-1].at),
        }
        for (account, what), group in sorted(groups.items())
    ]  # fmt: skip
