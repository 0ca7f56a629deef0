"""What a committee decided: proposals, who approved them, how they ended, parameters in force.

A proposal that is executed at its end waits for the next maintenance (PROTOCOL C.11, C.12).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from metrics.intake.trial import Event, TrialData
from metrics.measure.blocks import ChainView
from metrics.measure.delegation import facts
from metrics.measure.delegation.facts import MOMENT, Moment, at_least, said, settled
from metrics.measure.metric import Expected, Figures, Metric, Pool, Table
from metrics.model.method import Method
from metrics.model.shapes import Counts, part

EXECUTED, OPEN = "executed", "open"
_FIGURES = [x for x in facts.FACTS["parameters"].split() if x not in ("num", "slot", "fees")]
OUTCOMES = EXECUTED, "unauthorized", "failed", "deleted", OPEN
"""How a proposal ended; open: not by the end of the trial, or nobody tells of it."""
KINDS = "proposed", "approved", "proposal_ended", "parameters"


@dataclass(frozen=True, slots=True)
class Approval:
    """An account's approval of a proposal, or that it took it back."""

    at: Moment
    account: str
    withdrawn: bool


@dataclass(slots=True)
class Proposal:
    """A proposal that parameters change: by name, what to, and what became of it.

    approved_by: those of the committee who approved it when it ended. in_force: the block from
    which on its parameters hold; none of one that another replaced before. phase: that of the block
    it was proposed in.
    """

    at: Moment
    phase: str
    number: int
    account: str
    changes: dict[str, str]
    approvals: list[Approval] = field(default_factory=list)
    ended: Moment | None = None
    outcome: str = OPEN
    approved_by: list[str] = field(default_factory=list)
    committee: list[str] = field(default_factory=list)
    in_force: Moment | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """Parameters that came into force: by name, what to, of those that are not as before."""

    at: Moment
    phase: str
    changes: dict[str, str]


@dataclass(frozen=True, slots=True)
class Decisions:
    """All of a trial, in order of blocks."""

    proposals: list[Proposal]
    changes: list[Change]


def measure(data: TrialData, chain: ChainView) -> Decisions:
    """Return what the final blocks of the trial decided."""
    by_number: dict[int, Proposal] = {}
    waiting: Proposal | None = None
    changes: list[Change] = []
    before: dict[str, str] | None = None
    for at, fact in settled(data, chain).of(*KINDS):
        phase = data.phase_at(data.slot_time_ns(at.slot))
        match fact.kind:
            case "proposed":
                by_number[fact.proposal] = Proposal(
                    at, phase, fact.proposal, fact.account, _texts(fact.changes)
                )
            case "parameters":
                now, others = _whole(fact), waiting.changes if waiting else {}
                if before is not None:
                    others = {key: text for key, text in now.items() if before.get(key) != text}
                changes.append(Change(at, phase, others))
                if waiting is not None:
                    waiting.in_force = at
                before, waiting = now, None
            case _ if (known := by_number.get(fact.proposal)) is not None:
                _follow(known, at, fact)
                if known.ended is not None and known.outcome == EXECUTED:
                    waiting = known
    return Decisions(list(by_number.values()), changes)


def _follow(proposal: Proposal, at: Moment, fact: Event) -> None:
    """Note an approval of a proposal, or its end."""
    if fact.kind == "approved":
        proposal.approvals.append(Approval(at, fact.account, fact.withdrawn))
        return
    proposal.ended, proposal.outcome = at, fact.outcome
    proposal.approved_by, proposal.committee = list(fact.approved_by), list(fact.committee)


def _whole(fact: Event) -> dict[str, str]:
    """Return all parameters that a fact says are in force, by name; a fee is `fees.<its word>`."""
    fees = {f"fees.{word}": text for word, text in _texts(fact.fees).items()}
    return fees | {name: str(getattr(fact, name)) for name in _FIGURES}


def _texts(column: str) -> dict[str, str]:
    """Return a map of texts that a column holds as it was written."""
    return {str(k): str(v) for k, v in msgspec.json.decode(column).items()}


def pool(over: Pool[Decisions]) -> Figures:
    """Return `decisions`: proposals of the phases by outcome, approvals, changes; or nothing."""
    if not any(found.proposals or found.changes for _, found in over.trials):
        return {}
    proposals = [p for _, found in over.trials for p in found.proposals if p.phase in over.phases]
    changes = [c for _, found in over.trials for c in found.changes if c.phase in over.phases]
    outcomes = Counter(proposal.outcome for proposal in proposals)
    approvals = [each for proposal in proposals for each in proposal.approvals]
    return {
        "decisions": {
            "proposals": len(proposals),
            **{outcome: outcomes[outcome] for outcome in OUTCOMES},
            "approvals": sum(not each.withdrawn for each in approvals),
            "withdrawn": sum(each.withdrawn for each in approvals),
            "changes": len(changes),
            "by_parameter": dict(
                sorted(Counter(key for c in changes for key in c.changes).items())
            ),
        }
    }


def told(found: Decisions) -> Figures:
    """Return what summary.json says of a trial's decisions; nothing where there were none."""
    if not found.proposals and not found.changes:
        return {}
    proposals = [
        {
            **(said(each.at) or {}),
            **{name: getattr(each, name) for name in _WORDS},
            "approvals": [
                {**(said(a.at) or {}), "account": a.account, "withdrawn": a.withdrawn}
                for a in each.approvals
            ],
            "ended": said(each.ended),
            "in_force": said(each.in_force),
        }
        for each in found.proposals
    ]
    changes = [{**(said(each.at) or {}), "changes": each.changes} for each in found.changes]
    return {"decisions": {"proposals": proposals, "changes": changes}}


_WORDS = ("number", "account", "changes", "outcome", "approved_by", "committee")


def _rows(found: Decisions) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each step of a proposal: proposed, approved, withdrawn, its end, in force."""
    for each in found.proposals:
        steps = [("proposed", each.at, each.account)]
        steps += [("withdrawn" if a.withdrawn else "approved", a.at, a.account)
                  for a in each.approvals]  # fmt: skip
        if each.ended is not None:
            steps.append((each.outcome, each.ended, " ".join(each.approved_by)))
        if each.in_force is not None:
            steps.append(("in force", each.in_force, ""))
        what = ", ".join(f"{key}={text}" for key, text in each.changes.items())
        for step, at, who in steps:
            yield (each.phase, each.number, step, *at.columns, who, what)


METRIC = Metric(
    measure=measure,
    pool=pool,
    adds={
        "decisions": part(
            "Decisions", proposals=int, **dict.fromkeys(OUTCOMES, int), approvals=int,
            withdrawn=int, changes=int, by_parameter=Counts,
        )
    },
    sometimes=True,
    methods=(
        Method(
            name="Decisions of a committee",
            figures=("decisions.*", "decisions.by_parameter.*"),
            formula="Proposals in final blocks, by the phase of the proposing block's slot and by "
            "how they ended: executed, unauthorized (the committee of then does not approve "
            "them), failed, deleted, or open; approvals of them, and those taken back. Changes: "
            "maintenance blocks that put other parameters in force, by the phase of their slot, "
            "and of which parameters.",
            left_out="As for schedule changes. Where nothing is proposed there are no figures.",
            assumes="As for schedule changes. What the first ones in force change is what the "
            "proposal that was executed last says.",
            source="PROTOCOL C.11, C.12",
        ),
    ),
    place=5,
    expected=(
        *(Expected(f"decisions.{key}", open=at_least)
          for key in ("proposals", "executed", "unauthorized", "failed", "changes")),
    ),
    table=Table(
        "decisions",
        "a step of a proposal that parameters change",
        {
            "phase": "phase in which it was proposed",
            "number": "number of the proposal",
            "step": "proposed, approved, withdrawn, how it ended, in force",
            **MOMENT,
            "who": "accounts that did so",
            "what": "parameters and what to",
        },
        _rows,
    ),
    told=told,
    tells={"decisions": dict[str, Any]},
)  # fmt: skip
