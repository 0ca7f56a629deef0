"""Who paid and was paid what: rows of a trial's tables."""

from typing import Any

from metrics.measure.delegation import payments
from metrics.measure.delegation.payments import Payment
from metrics.model import number_text
from metrics.report.delegation import at
from metrics.results.analysis import Analysis


def pay(analysis: Analysis) -> dict[str, list[dict[str, Any]]]:
    """Return a row for each account that was paid, as what, for each change of a fee, and for each
    pay schedule.
    """
    found, digits = analysis.of(payments.METRIC), analysis.data.plan.asset.digits

    def amount(units: int) -> str:
        return number_text.amount(units, digits)

    groups: dict[tuple[str, str], list[Payment]] = {}
    for payment in found.paid:
        groups.setdefault((payment.account, payment.what), []).append(payment)
    return {
        "accounts": [
            {
                "account": account, "what": what, "count": len(group),
                "sum": amount(sum(payment.units for payment in group)),
                "first": at(group[0].at), "last": at(group[-1].at),
            }
            for (account, what), group in sorted(groups.items())
        ],
        "fees": [
            {
                "at": at(change.at), "endpoint": change.endpoint, "votes": change.votes,
                "before": amount(change.before), "now": amount(change.units),
            }
            for change in found.fees
        ],
        "schedules": [
            {"at": at(each.at), "producers": ", ".join(each.producers), "pot": amount(each.pot)}
            for each in found.schedules
        ],
    }  # fmt: skip
