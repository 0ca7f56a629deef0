"""What final blocks paid to whom, what operations cost whom, and to what fees were set."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.delegation.facts import MOMENT, Moment, amounts, at_least, names, said, settled
from metrics.measure.metric import OF_PHASE, Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method
from metrics.model.shapes import Counts, part


@dataclass(frozen=True, slots=True)
class Payment:
    """So many units of the core asset to an account, or from it; what: as what, or for what."""

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
class Budget:
    """What may be spent until the next maintenance, and of what; all in units."""

    at: Moment
    phase: str
    reserve: int
    spendable: int
    for_witnesses: int
    to_workers: int


Row = TypeVar("Row", Payment, FeeChange, PaySchedule, Budget)


@dataclass(frozen=True, slots=True)
class Payments:
    """All of a trial, in order of blocks.

    paid: what accounts got. fees: what operations cost accounts, and earned: what witnesses and
    workers may claim once it has vested, each by the block that told of it.
    """

    paid: list[Payment]
    fees: list[Payment]
    earned: list[Payment]
    changes: list[FeeChange]
    schedules: list[PaySchedule]
    budgets: list[Budget]

    @property
    def nothing(self) -> bool:
        """Return whether no final block told of any of it."""
        told = self.paid, self.fees, self.earned, self.changes, self.schedules, self.budgets
        return not any(told)


def measure(data: TrialData, chain: ChainView) -> Payments:
    """Return what the trial's final blocks paid and took, and their changes of fees."""
    found = settled(data, chain)

    def phase(at: Moment) -> str:
        return data.phase_at(data.slot_time_ns(at.slot))

    def sums(kind: str, column: str, what: str) -> list[Payment]:
        return [
            Payment(at, phase(at), what, account, units)
            for at, x in found.of(kind)
            for account, units in amounts(getattr(x, column)).items()
        ]

    return Payments(
        paid=[Payment(at, phase(at), x.what, x.account, x.amount) for at, x in found.of("paid")],
        fees=sums("fees_paid", "by_account", "fees"),
        earned=sums("budgeted", "earned", "witness") + sums("budgeted", "to_workers", "worker"),
        changes=[
            FeeChange(at, phase(at), x.endpoint, x.before, x.amount, x.votes)
            for at, x in found.of("fee_changed")
        ],
        schedules=[
            PaySchedule(at, phase(at), names(x.producers), x.pot)
            for at, x in found.of("pay_schedule")
        ],
        budgets=[
            Budget(
                at, phase(at), x.reserve, x.spendable, x.for_witnesses,
                sum(amounts(x.to_workers).values()),
            )
            for at, x in found.of("budgeted")
        ],
    )  # fmt: skip


def pool(over: Pool[Payments]) -> Figures:
    """Return `pay`: what was paid, taken, budgeted and changed in the phases; nothing if none."""
    found = [each for _, each in over.trials]
    if all(each.nothing for each in found):
        return {}

    def within(rows: Iterable[Iterable[Row]]) -> list[Row]:
        return [row for own in rows for row in own if row.phase in over.phases]

    paid, changes = within(x.paid for x in found), within(x.changes for x in found)
    return {
        "pay": {
            "payments": len(paid),
            "by_what": _sums((p.what, p.units) for p in paid),
            "by_account": _by_account(paid),
            "fees_by_account": _by_account(within(x.fees for x in found)),
            "earned_by_account": _by_account(within(x.earned for x in found)),
            "schedules": len(within(x.schedules for x in found)),
            "budgets": len(within(x.budgets for x in found)),
            "fee_changes": len(changes),
            "by_endpoint": _sums((change.endpoint, 1) for change in changes),
        }
    }


def _by_account(payments: Iterable[Payment]) -> dict[str, int]:
    return _sums((payment.account, payment.units) for payment in payments)


def _sums(parts: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for name, units in parts:
        found[name] += units
    return dict(sorted(found.items()))


def told(found: Payments) -> Figures:
    """Return what summary.json says of a trial's pay and fees; nothing where there is none."""
    if found.nothing:
        return {}
    parts = {
        "payments": _told_payments(found.paid),
        "fees": _told_payments(found.fees),
        "earned": _told_payments(found.earned),
        "fee_changes": [
            (f.at, {"endpoint": f.endpoint, "before": f.before, "units": f.units, "votes": f.votes})
            for f in found.changes
        ],
        "schedules": [(s.at, {"producers": s.producers, "pot": s.pot}) for s in found.schedules],
        "budgets": [
            (b.at, {"reserve": b.reserve, "spendable": b.spendable,
                    "for_witnesses": b.for_witnesses, "to_workers": b.to_workers})
            for b in found.budgets
        ],
    }  # fmt: skip
    return {
        "pay": {
            part: [{**(said(at) or {}), **rest} for at, rest in rows]
            for part, rows in parts.items()
        }
    }


def _told_payments(payments: list[Payment]) -> list[tuple[Moment, Figures]]:
    return [(p.at, {"what": p.what, "account": p.account, "units": p.units}) for p in payments]


def _rows(found: Payments) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each sum of an account and each change of a fee (of an endpoint)."""
    for p in (*found.paid, *found.fees):
        yield _row(p.at, p.phase, p.what, p.account, p.units)
    for p in found.earned:
        yield _row(p.at, p.phase, f"{p.what}_earned", p.account, p.units)
    for f in found.changes:
        yield _row(f.at, f.phase, "fee", f.endpoint, f.units)


def _row(at: Moment, phase: str, what: str, name: str, units: int) -> tuple[Any, ...]:
    return phase, *at.columns, what, name, units


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "pay": part(
            "Pay",
            payments=int,
            by_what=Counts,
            by_account=Counts,
            fees_by_account=Counts,
            earned_by_account=Counts,
            schedules=int,
            budgets=int,
            fee_changes=int,
            by_endpoint=Counts,
        )
    },
    sometimes=True,
    methods=(
        Method(
            name="Fees and pay",
            figures=(
                "pay.*",
                "pay.by_what.*",
                "pay.by_account.*",
                "pay.fees_by_account.*",
                "pay.earned_by_account.*",
                "pay.by_endpoint.*",
            ),
            formula="What accounts were paid in final blocks: how often, and the sums in units of "
            "the core asset as what (producer, technology provider, foundation; witness, worker) "
            "and by account. What operations cost the accounts that asked for them, and what "
            "witnesses earned by blocks and workers by approval, which vests before it is "
            "claimed. Pay schedules and budgets that were made; fees that the producers' votes "
            "set to another amount, by endpoint. By the phase of the slot of the block that told "
            "of it.",
            left_out="As for schedule changes; fees that bundle units paid; of fees and of what is "
            "earned, what was not told yet at the end: blocks tell it together, with FIO as often "
            "as the schedule is checked, once anybody can be elected, on BitShares at maintenance. "
            "Where nothing is paid and no fee changes there are no figures.",
            assumes="As for schedule changes.",
            source="PROTOCOL B.8, B.9, C.13",
        ),
    ),
    place=5,
    expected=(
        Expected("pay.payments", open=at_least),
        Expected("pay.schedules", open=at_least),
        Expected("pay.budgets", open=at_least),
        Expected("pay.fee_changes", open=at_least),
    ),
    table=Table(
        "payments",
        "a sum that an account got, paid or earned, or a change of a fee",
        {
            **OF_PHASE,
            **MOMENT,
            "what": "as what or for what; fee: what an endpoint costs from here on",
            "name": "the account, of a fee the endpoint",
            "units": "in units of the core asset",
        },
        _rows,
    ),
    told=told,
    tells={"pay": dict[str, Any]},
)
