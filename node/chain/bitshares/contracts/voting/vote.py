"""Saying whom one approves of, and how many one wants: operation 6, account_update."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from node.chain.bitshares.contracts.rows import in_force
from node.chain.bitshares.contracts.voting import rows
from node.chain.bitshares.contracts.voting.rows import MEMBERS, OPINIONS, WITNESSES
from node.chain.encoding.fields import MAX_LIST, Account, Amount
from node.chain.ledger.accounts import BALANCES
from node.chain.model.bitshares_rules import HARD_FORKS
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.events import Opinion

Wanted = Annotated[int, "u16"]
Instance = Annotated[int, "u24"]
"""Of a vote id."""
INSTANCES = 1 << 24
"""So many a vote id has room for, of each type."""


class Ballot(msgspec.Struct, frozen=True, kw_only=True):
    """All that an account approves of: candidates by name, workers by number, hard forks by id."""

    witnesses: tuple[str, ...] = ()
    committee: tuple[str, ...] = ()
    workers: tuple[int, ...] = ()
    hard_forks: tuple[int, ...] = ()


class AccountOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Graphene's account_options."""

    memo_key: Annotated[None, "no_key"] = None
    voting_account: Annotated[str, "proxy"]
    num_witness: Wanted
    num_committee: Wanted
    votes: Annotated[Ballot, "ballot"]
    extensions: Annotated[None, "extensions"] = None


class AccountUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """Graphene's account_update, which changes options only.

    Source: bitshares-core libraries/protocol/include/graphene/protocol/account.hpp.
    """

    fee: Amount
    account: Account
    owner: Annotated[None, "absent"] = None
    active: Annotated[None, "absent"] = None
    new_options: Annotated[AccountOptions, "account_options"]
    extensions: Annotated[None, "extensions"] = None


class Vote(Operation, frozen=True, kw_only=True):
    """Approve of these candidates, and of nobody else; or let a proxy's opinion count instead.

    The stake goes whole to each. num_witness and num_committee: how many the account thinks are
    enough, 0 and 1 for no opinion. proxy: "" for nobody, with which a proxy is withdrawn. Nothing
    of it matters before the next maintenance.
    """

    NUMBER: ClassVar = 6
    SIGNER: ClassVar = "account"
    WIRE: ClassVar = AccountUpdate

    fee: Amount = 0
    account: Account
    proxy: Account = ""
    num_witness: Wanted = 0
    num_committee: Wanted = 0
    witnesses: tuple[Account, ...] = ()
    committee: tuple[Account, ...] = ()
    workers: tuple[Instance, ...] = ()
    hard_forks: tuple[Instance, ...] = ()

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the proxy, if there is one."""
        return (self.proxy,) if self.proxy else ()

    @property
    def ballot(self) -> Ballot:
        """Return all that is approved of, each kind in order: its bytes keep no other."""
        return Ballot(
            witnesses=tuple(sorted(self.witnesses)),
            committee=tuple(sorted(self.committee)),
            workers=tuple(sorted(self.workers)),
            hard_forks=tuple(sorted(self.hard_forks)),
        )

    def opinion(self, time_s: int) -> rows.Opinion:
        """Return what is remembered of it; time_s: when it was said, in seconds of the chain."""
        return rows.Opinion(
            proxy=self.proxy,
            num_witness=self.num_witness,
            num_committee=self.num_committee,
            time_s=time_s,
            **msgspec.structs.asdict(self.ballot),
        )

    def wire(self) -> AccountUpdate:
        """Return what its bytes say."""
        options = AccountOptions(
            voting_account=self.proxy,
            num_witness=self.num_witness,
            num_committee=self.num_committee,
            votes=self.ballot,
        )
        return AccountUpdate(fee=self.fee, account=self.account, new_options=options)

    @classmethod
    def of_wire(cls, update: AccountUpdate) -> Vote:
        """Return the vote that bytes say."""
        options = update.new_options
        return cls(
            fee=update.fee,
            account=update.account,
            proxy=options.voting_account,
            num_witness=options.num_witness,
            num_committee=options.num_committee,
            **msgspec.structs.asdict(options.votes),
        )

    def fault(self) -> Reason | None:
        """Return what is wrong: one twice, or too many; no vote id; oneself as proxy.

        Or more are wanted than approved of.
        """
        each = (self.witnesses, self.committee, self.workers, self.hard_forks)
        if any(len(set(approved)) < len(approved) for approved in each):
            return Reason.DUPLICATE_VOTE
        if sum(map(len, each)) > MAX_LIST:
            return Reason.TOO_MANY_VOTES
        if any(number >= INSTANCES for number in (*self.workers, *self.hard_forks)):
            return Reason.NOT_A_CANDIDATE
        if self.num_witness > len(self.witnesses) or self.num_committee > len(self.committee):
            return Reason.TOO_FEW_APPROVALS
        return Reason.PROXY_OF_PROXY if self.proxy == self.account else None

    def apply(self, block: OpenBlock) -> None:
        """Remember it, in the place of what the account said before.

        A worker or a hard fork that nobody knows gets nothing by it.

        Raises:
            TransactionRejected: it wants more than there may be, or one of them is no candidate.
        """
        state, parameters = block.state, in_force(block.state)
        if (
            self.num_witness > parameters.max_witness_count
            or self.num_committee > parameters.max_committee_count
        ):
            raise TransactionRejected(Reason.TOO_MANY_VOTES)
        witnesses, members = state.rows(WITNESSES), state.rows(MEMBERS)
        if not all(name in witnesses for name in self.witnesses):
            raise TransactionRejected(Reason.NOT_A_CANDIDATE)
        if not all(name in members for name in self.committee):
            raise TransactionRejected(Reason.NOT_A_CANDIDATE)
        ballot = self.ballot
        state.put(OPINIONS, self.account, self.opinion(block.head_s))
        block.facts.append(
            Opinion(
                num=block.num,
                account=self.account,
                proxy=self.proxy,
                witnesses=list(ballot.witnesses),
                committee=list(ballot.committee),
                num_witness=self.num_witness,
                num_committee=self.num_committee,
                stake=state.get(BALANCES, self.account) or 0,
                workers=list(ballot.workers),
                hard_forks=[HARD_FORKS.get(number, f"{number}") for number in ballot.hard_forks],
            )
        )
