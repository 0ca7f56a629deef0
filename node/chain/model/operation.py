"""What an operation must answer, and the open block that it changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from node.chain.model.errors import Reason
    from node.chain.state.state import State
    from node.events import Event


@dataclass(slots=True)
class OpenBlock:
    """A block while it is executed on state: what it is, and the facts of what was done so far.

    touched: the accounts whose balances the transaction at hand changed.
    """

    state: State
    num: int
    slot: int
    time_ns: int
    facts: list[Event] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)

    @property
    def time_s(self) -> int:
        """Return the block's time in whole seconds since 1970."""
        return self.time_ns // 1_000_000_000


class Operation(Protocol):
    """One thing that a transaction asks for; a frozen msgspec Struct, one module each.

    Its fields are its bytes, by `node.chain.encoding.fields`.
    """

    @property
    def authority(self) -> str:
        """Return the account whose key must have signed."""

    @property
    def accounts(self) -> tuple[str, ...]:
        """Return the accounts that must exist, the authority aside."""

    def fault(self) -> Reason | None:
        """Return what is wrong with it whatever the state, None when nothing is."""

    def apply(self, block: OpenBlock) -> None:
        """Do it in the open block; what was changed before a raise is taken back by the caller.

        Raises:
            TransactionRejected: the state does not allow it.
        """
