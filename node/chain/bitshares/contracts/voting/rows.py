"""The rows of votes: candidates, opinions, the committee, and keys that headers do not know yet."""

import msgspec

from node.chain.state.state import Table


class WitnessRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A candidate for witness: N of its id 1.6.N, and its key. position: 0 registered first."""

    number: int
    position: int
    key: bytes
    url: str = ""


class Member(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A candidate for the committee. position: 0 registered first."""

    position: int
    url: str = ""


class Opinion(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Whom an account approves of, and how many it wants; or whose opinion counts instead.

    proxy: "" for its own. workers: by number; hard_forks: by id. time_s: when it said so.
    """

    proxy: str = ""
    num_witness: int = 0
    num_committee: int = 0
    witnesses: tuple[str, ...] = ()
    committee: tuple[str, ...] = ()
    workers: tuple[int, ...] = ()
    hard_forks: tuple[int, ...] = ()
    time_s: int = 0


class ActiveCommittee(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Who is in the committee, most votes first, and what each weighs in its decisions.

    members: (name, weight) of those who weigh anything; a decision needs threshold. While nobody
    has votes they stay as they were, whoever is active.
    """

    active: tuple[str, ...]
    members: tuple[tuple[str, int], ...]
    threshold: int


NUMBERS = Table("witness_ids", str, int)
"""By name, N of the id 1.6.N that whoever may be a witness has, or would have."""
WITNESSES = Table("witnesses", str, WitnessRow)
MEMBERS = Table("committee_members", str, Member)
OPINIONS = Table("opinions", str, Opinion)
COMMITTEE = Table("committee", str, ActiveCommittee)
"""Under IN_FORCE."""
UNTOLD = Table("untold_keys", int, bytes)
"""By N, the key of a witness if it was set since headers last told it, or has never been told."""

VOTING_TABLES = (NUMBERS, WITNESSES, MEMBERS, OPINIONS, COMMITTEE, UNTOLD)
