"""Hard forks on the final branch: when each was scheduled, cleared, active or refused, and by whom.

Stakeholders approve one by their votes, witnesses say in their headers that they are ready
(PROTOCOL C.15).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from metrics.intake.trial import TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.delegation.facts import MOMENT, Moment, at_least, said, settled
from metrics.measure.metric import OF_PHASE, Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method
from metrics.model.shapes import part

STATES = SCHEDULED, CLEARED, ACTIVE, REFUSED = "scheduled", "cleared", "active", "refused"


@dataclass(frozen=True, slots=True)
class HardFork:
    """What became of a hard fork: one of STATES.

    approval of all stake voted for it at the last maintenance. ready, urgent, of_witnesses: how
    many of the active witnesses said in their newest blocks that they are ready for it, or want it
    at once. by_urgency: enough of these made it active before its time.
    """

    at: Moment
    phase: str
    name: str
    state: str
    by_urgency: bool
    approval: int
    stake: int
    ready: int
    urgent: int
    of_witnesses: int


def measure(data: TrialData, chain: ChainView) -> list[HardFork]:
    """Return what became of hard forks in final blocks, in their order."""
    return [
        HardFork(
            at, data.phase_at(data.slot_time_ns(at.slot)), fact.hard_fork, fact.state,
            fact.by_urgency, fact.approval, fact.stake, fact.ready, fact.urgent, fact.of_witnesses,
        )
        for at, fact in settled(data, chain).of("hard_fork")
    ]  # fmt: skip


def pool(over: Pool[list[HardFork]]) -> Figures:
    """Return `hard_forks`: how often one came into each state in the phases; nothing if never."""
    if not any(found for _, found in over.trials):
        return {}
    states = Counter(
        each.state for _, found in over.trials for each in found if each.phase in over.phases
    )
    return {"hard_forks": {state: states[state] for state in STATES}}


def told(found: list[HardFork]) -> Figures:
    """Return what summary.json says of a trial's hard forks; nothing where there were none."""
    rows = [{**(said(each.at) or {}), **dict(zip(_WORDS, _values(each), strict=True))}
            for each in found]  # fmt: skip
    return {"hard_forks": rows} if rows else {}


_WORDS = {
    "hard_fork": "its name",
    "state": "scheduled, cleared, active or refused",
    "by_urgency": "active before its time, as witnesses wanted it at once",
    "approval": "stake that voted for it at the last maintenance",
    "stake": "all stake there was",
    "ready": "active witnesses that are ready for it",
    "urgent": "active witnesses that want it at once",
    "of_witnesses": "how many witnesses are active",
}


def _values(each: HardFork) -> tuple[Any, ...]:
    return (
        each.name, each.state, each.by_urgency, each.approval, each.stake, each.ready, each.urgent,
        each.of_witnesses,
    )  # fmt: skip


def _rows(found: list[HardFork]) -> Iterator[tuple[Any, ...]]:
    for each in found:
        yield (
            each.phase, *each.at.columns,
            *_values(each),
        )  # fmt: skip


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={"hard_forks": part("HardForks", **dict.fromkeys(STATES, int))},
    sometimes=True,
    methods=(
        Method(
            name="Hard forks",
            figures=("hard_forks.*",),
            formula="How often final blocks scheduled a hard fork, cleared it again, made its rule "
            "hold, or refused it as its time came without approval. By the phase of the block's "
            "slot.",
            left_out="As for schedule changes. Where no hard fork is decided on there are no "
            "figures.",
            assumes="As for schedule changes.",
            source="PROTOCOL C.15",
        ),
    ),
    place=5,
    expected=tuple(Expected(f"hard_forks.{state}", open=at_least) for state in STATES),
    table=Table(
        "hard_forks",
        "what became of a hard fork in a block",
        {**OF_PHASE, **MOMENT, **_WORDS},
        _rows,
    ),
    told=told,
    tells={"hard_forks": list[dict[str, Any]]},
)
