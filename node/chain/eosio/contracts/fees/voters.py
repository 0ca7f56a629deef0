"""Who may vote on fees, when again, and the votes that count."""

from collections.abc import Iterable, Sequence

from node.chain.eosio.contracts.fees.median import median, voted_fee
from node.chain.eosio.contracts.fees.rows import BUNDLE_VOTES, FEE_VOTERS, FEES, Fee, FeeVoter
from node.chain.eosio.contracts.voting.ranking import rank
from node.chain.eosio.contracts.voting.rows import ELECTION, PRODUCERS, THE_ONE
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.fio_rules import FioRules
from node.chain.state.state import State


def top_producers(state: State) -> tuple[str, ...]:
    """Return whose votes count: whom the last check of the schedule found at the top."""
    election = state.get(ELECTION, THE_ONE)
    return election.top if election else ()


def check_rank(producer: str, rules: FioRules, state: State) -> None:
    """Check that a producer has votes enough to vote on fees.

    Raises:
        TransactionRejected: it is no producer, inactive, without votes, or too far behind.
    """
    if producer not in rank(state.rows(PRODUCERS), rules.fees.voting_rank).top:
        raise TransactionRejected(Reason.NOT_OF_RANK)


def mark_pending(producer: str, endpoints: Iterable[str], state: State) -> None:
    """Let the votes on endpoints be counted, if the producer is one of the top now."""
    if producer in top_producers(state):
        for endpoint in endpoints:
            row = state.get(FEES, endpoint)
            assert row is not None
            state.put(FEES, endpoint, Fee(row.amount, pending=True))


def voter_of(producer: str, state: State) -> FeeVoter:
    """Return what a producer has said on fees."""
    return state.get(FEE_VOTERS, producer) or FeeVoter()


def check_pause(at_s: int, now_s: int, pause_s: int) -> None:
    """Check that at least pause_s have passed since at_s, which is 0 for never.

    Raises:
        TransactionRejected: they have not.
    """
    if at_s and now_s - at_s < pause_s:
        raise TransactionRejected(Reason.TOO_SOON)


def votes_on(endpoint: str, producers: Sequence[str], state: State) -> list[int]:
    """Return the fees that producers vote for; one without a multiplier or a vote has none."""
    found = []
    for producer in producers:
        voter = voter_of(producer, state)
        if voter.multiplier:
            found += [
                voted_fee(voter.multiplier, vote.value)
                for vote in voter.votes
                if vote.endpoint == endpoint
            ]
    return found


def bundle_size(producers: Sequence[str], rules: FioRules, state: State) -> int:
    """Return how many units a bundle has: the median of enough producers' votes, or the default.

    Source: PROTOCOL B.9.
    """
    votes = [vote.units for p in producers if (vote := state.get(BUNDLE_VOTES, p)) is not None]
    size = median(votes, rules.fees.median_votes)
    return rules.fees.bundle_units if size is None else size
