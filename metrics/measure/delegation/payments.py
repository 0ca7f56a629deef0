"""What final blocks paid to whom out of the treasury, and to what they set fees.

What an operation costs its account is no fact of a block: balances say it, events do not.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.delegation.facts import Moment, at_least, names, said, settled
from metrics.measure.metric import Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method


@dataclass(frozen=True, slots=True)
class Payment:
    """So many units of the core asset to an account; what: as producer, provider or foundation."""

    at: Moment
    phase: str
    what: str
    account: str
    units: int


@dataclass(frozen=True, slots=True)
class FeeChange:
    """What an endpoint costs from a block on, in units, by so many producers' votes."""

    at: Moment
    phase: str
    endpoint: str
    before: int
    units: int
    votes: int


@dataclass(frozen=True, slots=True)
class PaySchedule:
    """Who may claim, most votes first, and what the pot then held, in units."""

    at: Moment
    phase: str
    producers: list[str]
    pot: int


@dataclass(frozen=True, slots=True)
class Payments:
    """All of a trial, in order of blocks."""

    paid: list[Payment]
    fees: list[FeeChange]
    schedules: list[PaySchedule]


def measure(data: TrialData, chain: ChainView) -> Payments:
    """Return what the trial's final blocks paid, and their changes of fees."""
    found = settled(data, chain)

    def phase(at: Moment) -> str:
        return data.phase_at(data.slot_time_ns(at.slot))

    return Payments(
        [Payment(at, phase(at), x.what, x.account, x.amount) for at, x in found.of("paid")],
        [
            FeeChange(at, phase(at), x.endpoint, x.before, x.amount, x.votes)
            for at, x in found.of("fee_changed")
        ],
        [
            PaySchedule(at, phase(at), names(x.producers), x.pot)
            for at, x in found.of("pay_schedule")
        ],
    )


def pool(over: Pool[Payments]) -> Figures:
    """Return `pay`: payments, pay schedules and changes of fees in the phases; nothing if none."""
    if not any(found.paid or found.fees or found.schedules for _, found in over.trials):
        return {}
    paid = [p for _, found in over.trials for p in found.paid if p.phase in over.phases]
    fees = [f for _, found in over.trials for f in found.fees if f.phase in over.phases]
    schedules = [s for _, found in over.trials for s in found.schedules if s.phase in over.phases]
    by_account: Counter[str] = Counter()
    by_what: Counter[str] = Counter()
    for payment in paid:
        by_account[payment.account] += payment.units
        by_what[payment.what] += payment.units
    return {
        "pay": {
            "payments": len(paid),
            "by_what": dict(sorted(by_what.items())),
            "by_account": dict(sorted(by_account.items())),
            "schedules": len(schedules),
            "fee_changes": len(fees),
            "by_endpoint": dict(sorted(Counter(change.endpoint for change in fees).items())),
        }
    }


def told(found: Payments) -> Figures:
    """Return what summary.json says of a trial's pay and fees; nothing where there is none."""
    parts = {
        "payments": [(p.at, {"what": p.what, "account": p.account, "units": p.units})
                     for p in found.paid],
        "fee_changes": [
            (f.at, {"endpoint": f.endpoint, "before": f.before, "units": f.units, "votes": f.votes})
            for f in found.fees
        ],
        "schedules": [(s.at, {"producers": s.producers, "pot": s.pot}) for s in found.schedules],
    }  # fmt: skip
    if not any(parts.values()):
        return {}
    return {
        "pay": {
            part: [{**(said(at) or {}), **rest} for at, rest in rows]
            for part, rows in parts.items()
        }
    }


def _rows(found: Payments) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each payment (to an account) and each change of a fee (of an endpoint)."""
    for p in found.paid:
        yield _row(p.at, p.phase, p.what, p.account, p.units)
    for f in found.fees:
        yield _row(f.at, f.phase, "fee", f.endpoint, f.units)


def _row(at: Moment, phase: str, what: str, name: str, units: int) -> tuple[Any, ...]:
    return phase, at.num, at.id, at.t_ns, at.lo_ns, at.hi_ns, what, name, units


METRIC = Metric(
    measure=measure,
    pool=pool,
    methods=(
        Method(
            name="Fees and pay",
            figures=("pay.*", "pay.by_what.*", "pay.by_account.*", "pay.by_endpoint.*"),
            formula="Payments out of the treasury in final blocks: how many, and their sums in "
            "units of the core asset as what (producer, technology provider, foundation) and by "
            "account; pay schedules that were built; fees that the producers' votes set to another "
            "amount, by endpoint. By the phase of the block's slot.",
            left_out="As for schedule changes; what operations cost those who asked for them, "
            "which no event tells. Where nothing is paid and no fee changes there are no figures.",
            assumes="As for schedule changes.",
            source="PROTOCOL B.8, B.9",
        ),
    ),
    place=5,
    expected=(
        Expected("pay.payments", open=at_least),
        Expected("pay.schedules", open=at_least),
        Expected("pay.fee_changes", open=at_least),
    ),
    table=Table("payments", "phase num id t_ns lo_ns hi_ns what name units", _rows),
    told=told,
)
