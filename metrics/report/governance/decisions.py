"""What was proposed, approved and decided when: rows of a trial's tables."""

from typing import Any

from metrics.measure.delegation import decisions, hard_forks
from metrics.measure.delegation.decisions import OPEN, Proposal
from metrics.model import number_text
from metrics.report.governance.delegation import at
from metrics.results.analysis import Analysis


def proposals(analysis: Analysis) -> list[dict[str, Any]]:
    """Return a row for each proposal: what, by whom, who approved it when, how it ended."""
    return [
        {
            "number": each.number,
            "proposed": at(each.at),
            "account": each.account,
            "changes": changes(each.changes),
            "approvals": [
                f"{'–' if a.withdrawn else '+'} {a.account} ({a.at.num})" for a in each.approvals
            ],
            "outcome": each.outcome,
            "ended": at(each.ended),
            "judged": _judged(each),
            "in_force": at(each.in_force),
        }
        for each in analysis.of(decisions.METRIC).proposals
    ]


def in_force(analysis: Analysis) -> list[dict[str, str]]:
    """Return a row for each block that put other parameters in force."""
    found = analysis.of(decisions.METRIC).changes
    return [{"at": at(each.at), "changes": changes(each.changes)} for each in found]


def hard_forks_of(analysis: Analysis) -> list[dict[str, Any]]:
    """Return a row for each time that something became of a hard fork."""
    digits = analysis.data.plan.asset.digits
    rows = []
    for each in analysis.of(hard_forks.METRIC):
        votes = " of ".join(
            number_text.amount(units, digits) for units in (each.approval, each.stake)
        )
        rows.append({
            "at": at(each.at),
            "name": each.name,
            "state": f"{each.state}, urgent" if each.by_urgency else each.state,
            "votes": votes if each.stake else "no votes",
            "witnesses": f"{each.ready} ready, {each.urgent} at once, of {each.of_witnesses}",
        })  # fmt: skip
    return rows


def changes(found: dict[str, str]) -> str:
    """Return parameters with what they change to."""
    return ", ".join(f"{key} = {text}" for key, text in found.items())


def _judged(proposal: Proposal) -> str:
    """Return who of the committee approved it when it ended."""
    if proposal.outcome == OPEN or not proposal.committee:
        return ""
    names = ", ".join(proposal.approved_by) or "nobody"
    return f"by {names} of {', '.join(proposal.committee)}"
