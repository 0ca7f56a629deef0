"""Who was scheduled and elected when and why: rows of a trial's tables."""

from typing import Any

from metrics.measure.delegation import elections, schedule
from metrics.measure.delegation.elections import ELECTED, PRODUCERS, Election
from metrics.measure.delegation.facts import Moment
from metrics.measure.delegation.schedule import ACTIVE, PROPOSED, SHUFFLED, Change
from metrics.model import number_text
from metrics.model.plan import Asset
from metrics.results.analysis import Analysis

VOTES_MAX = 200


def at(moment: Moment | None) -> str:
    """Return a step's block, and when the first host had executed it, with the error."""
    if moment is None:
        return "–"
    if moment.t_ns != moment.t_ns:
        return f"{moment.num}, at an unknown time"
    value = moment.t_ns / 1e9
    half = max(moment.hi_ns - moment.t_ns, moment.t_ns - moment.lo_ns) / 1e9
    return f"{moment.num} at {number_text.with_error(value, half) if half else f'{value:.3f}'}"


def schedules(analysis: Analysis) -> list[dict[str, Any]]:
    """Return a row for each change of the schedule."""
    held = {e.at.id: e for e in analysis.of(elections.METRIC).held if _begins(e)}
    return [
        {
            "version": "–" if change.version == SHUFFLED else change.version,
            **{step: at(getattr(change, step)) for step in schedule.STEPS},
            "fate": "" if change.fate == ACTIVE else change.fate,
            "joined": ", ".join(change.joined),
            "left": ", ".join(change.left),
            "why": _why(
                change,
                held.get(change.proposed.id) if change.proposed else None,
                analysis.data.plan.asset,
            ),
        }
        for change in analysis.of(schedule.METRIC).changes
    ]


def _begins(election: Election) -> bool:
    """Return whether a schedule may begin with an election."""
    return election.outcome in (PROPOSED, ELECTED) and election.body == PRODUCERS


def _why(change: Change, election: Election | None, asset: Asset) -> str:
    """Return why a schedule was proposed; for an election the votes of who came and who left."""
    if change.why != schedule.ELECTION or election is None:
        return change.why
    votes = [f"{name} {_place(election, name, asset)}" for name in change.joined + change.left]
    return f"{change.why}: {', '.join(votes)}" if votes else change.why


def _place(election: Election, name: str, asset: Asset) -> str:
    """Return the votes of a candidate, and why it has no place."""
    votes = election.tally.get(name)
    why = election.out.get(name, "unregistered" if votes is None else "").replace("_", " ")
    if votes is None:
        return why
    text = number_text.amount(votes, asset.digits)
    return f"{text} ({why})" if why else text


def ballots(analysis: Analysis) -> dict[str, Any]:
    """Return the block in which enough had voted, rows of elections' results, and rows of votes.

    more: how many votes are left out, where they would fill a page.
    """
    found, asset = analysis.of(elections.METRIC), analysis.data.plan.asset

    def weight(units: int) -> str:
        return number_text.amount(units, asset.digits)

    def tally(each: Election, names: list[str]) -> str:
        ranked = sorted(names, key=lambda name: -each.tally.get(name, 0))
        return ", ".join(f"{name} {_place(each, name, asset)}" for name in ranked)

    results = [
        {
            "at": at(each.at),
            "outcome": each.outcome,
            "body": each.body,
            "power": _power(each),
            "elected": tally(each, each.producers),
            "standby": tally(each, each.standby),
            "out": tally(each, list(each.out)),
        }
        for each in found.held
    ]
    votes = [
        {
            "at": at(vote.at), "account": vote.account, "act": vote.act, "what": vote.what,
            "weight": "" if vote.weight is None else weight(vote.weight),
        }
        for vote in found.votes
    ]  # fmt: skip
    note = ""
    if found.activated is not None:
        moment, units = found.activated
        note = f"Enough had voted in block {at(moment)} s, with {weight(units)} {asset.name}."
    elif analysis.data.plan.fio is not None:
        note = "Not enough have voted for anybody to be elected."
    return {
        "note": note,
        "results": results,
        "votes": votes[:VOTES_MAX],
        "more": len(votes[VOTES_MAX:]),
    }


def _power(election: Election) -> str:
    """Return what each of a committee weighs in its decisions, and what these need."""
    if not election.weights:
        return ""
    each = ", ".join(f"{name} {weight}" for name, weight in election.weights.items())
    return f"weighs {each}; decides with {election.threshold}"


def doubts(analysis: Analysis) -> list[str]:
    """Return what is not known of the schedules, a sentence each."""
    found = analysis.of(schedule.METRIC)
    if not found.unknown:
        return []
    text = f"Of {found.unknown} final blocks it is not known what they did."
    return [text, *(f"{each}." for each in found.contradictions)]
