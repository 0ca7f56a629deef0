"""What an operation must answer, and the open block that it changes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import msgspec

from node.chain.model.errors import Reason
from node.chain.state.state import State
from node.events import Event


class Announcement(Protocol):
    """What a block's header says because execution decided it: who only reads headers needs it.

    A value of the consensus system's own kind, which its headers hold.
    """

    def pack(self) -> bytes:
        """Return its bytes, as the header has them."""


@dataclass(slots=True)
class OpenBlock:
    """A block while it is executed on state: what it is, and the facts of what was done so far.

    touched: the accounts whose balances the transaction at hand changed; announced: what the header
    must carry, as far as that is known by now; head_s: the time of the parent, which operations go
    by, in seconds of the chain, where those are not the lab's and contracts say so.
    """

    state: State
    num: int
    slot: int
    time_ns: int
    facts: list[Event] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    announced: Announcement | None = None
    head_s: int = 0

    @property
    def time_s(self) -> int:
        """Return the block's time in whole seconds since 1970."""
        return self.time_ns // 1_000_000_000


# Values of values, which are in no circle: the collector need not look at them.
class Operation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One thing that a transaction asks for: the base of all, one module each.

    The fields are its bytes, by `node.chain.encoding.fields`. SIGNER: the field that holds the
    account whose authority it needs. COST_US: what it counts against the
    processing window of a block, the same in every node however fast; 25 is a signature checked on
    a small board's core and a few rows changed. WORD: its name in campaigns and among fees, the
    struct's own in small letters where there is none. BY_TIME: whether the time of its block may
    have a say in what comes of it.
    """

    SIGNER: ClassVar[str] = "actor"
    COST_US: ClassVar[int] = 25
    WORD: ClassVar[str] = ""
    BY_TIME: ClassVar[bool] = True

    @property
    def authority(self) -> str:
        """Return the account whose key must have signed."""
        account: str = getattr(self, self.SIGNER)
        return account

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the accounts that must exist, the authority aside."""
        return ()

    @property
    def header_bytes(self) -> int:
        """Return by how much it may lengthen the header of its block, by what is announced there.

        What was announced before it is not counted.
        """
        return 0

    def fault(self) -> Reason | None:
        """Return what is wrong with it whatever the state, None when nothing is."""
        return None

    def problem(self, words: Collection[str]) -> str | None:
        """Return for who writes it the field that no chain can have so and what it must be, or why.

        Begins with the field; None when nothing is wrong, or `fault` says it well enough. words:
        those of all operations of the chain.
        """
        return None

    def apply(self, block: OpenBlock) -> None:
        """Do it in the open block; what was changed before a raise is taken back by the caller.

        Raises:
            TransactionRejected: the state does not allow it.
        """
        raise NotImplementedError
