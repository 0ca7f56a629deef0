"""The rows of fees: what each costs, who voted what, the treasury and what it owes providers."""

import msgspec

from node.chain.state.state import State, Table


class Fee(msgspec.Struct, frozen=True, array_like=True):
    """What an endpoint costs in SUF; pending: a vote was cast since the last count."""

    amount: int
    pending: bool = False


class FeeVote(msgspec.Struct, frozen=True, array_like=True):
    """What a producer says an endpoint is worth, before its multiplier, and since when."""

    endpoint: str
    value: int
    at_s: int


class FeeVoter(msgspec.Struct, frozen=True, array_like=True):
    """A producer's multiplier in millionths, 0 for none yet, since when, and votes by endpoint."""

    multiplier: int = 0
    multiplier_at_s: int = 0
    votes: tuple[FeeVote, ...] = ()


class BundleSize(msgspec.Struct, frozen=True, array_like=True):
    """How many operations a producer says a bundle is worth, and since when."""

    units: int
    at_s: int


class Treasury(msgspec.Struct, frozen=True, array_like=True):
    """What fees and minting brought together and nobody has been paid, in SUF.

    producers: the pot that pay schedules divide; bucket: a part of it goes to that pot with each
    pay schedule; staking_new: what of staking came from fees since the last one. Minted figures are
    sums of all ever minted: for the pot, the foundation, staking, and bounties of technology
    providers.
    """

    producers: int = 0
    bucket: int = 0
    foundation: int = 0
    staking: int = 0
    staking_new: int = 0
    minted_pot: int = 0
    minted_foundation: int = 0
    minted_staking: int = 0
    minted_bounty: int = 0


class Provider(msgspec.Struct, frozen=True, array_like=True):
    """What a technology provider is owed; number: its place by first rewards, from 0."""

    number: int
    owed: int


FEES = Table("fees", str, Fee)
"""By endpoint."""
FEE_VOTERS = Table("fee_voters", str, FeeVoter)
"""By producer."""
BUNDLE_VOTES = Table("bundle_votes", str, BundleSize)
"""By producer."""
TREASURY = Table("treasury", str, Treasury)
"""Under MAIN: the only one."""
MAIN = "main"
PROVIDERS = Table("providers", str, Provider)
"""By address, `account@domain`."""
FEE_TABLES = (FEES, FEE_VOTERS, BUNDLE_VOTES, TREASURY, PROVIDERS)


def treasury_of(state: State) -> Treasury:
    """Return the treasury, which is empty before the first fee."""
    return state.get(TREASURY, MAIN) or Treasury()
