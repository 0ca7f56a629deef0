"""Signed blocks, whatever the consensus system: what a header must answer, and the whole."""

from dataclasses import dataclass, field
from typing import Protocol

from node.chain.model.transaction import Transaction


class Header(Protocol):
    """A block's header; its fields, bytes and id are those of the consensus system."""

    @property
    def num(self) -> int:
        """Return the block's number: the parent's, which its id begins with, plus 1."""

    @property
    def slot(self) -> int:
        """Return the slot the block was signed for."""

    @property
    def producer(self) -> str:
        """Return the name of the producer that claims the block."""

    @property
    def previous(self) -> bytes:
        """Return the parent's id."""

    @property
    def confirmed(self) -> int:
        """Return how many blocks right before this one its signer confirms; 0 where none can."""

    @property
    def transaction_mroot(self) -> bytes:
        """Return the root over the block's transactions."""

    def packed_for_id(self, signature: bytes) -> bytes:
        """Return the bytes the id is made of."""

    def block_id(self, signature: bytes) -> bytes:
        """Return the id of the block with this header and signature."""


@dataclass(frozen=True, slots=True)
class SignedBlock:
    """A block as peers send and stores keep it; no id covers the extensions, which EOSIO has.

    slot: that it was signed for; producer: who claims it; previous: its parent's id; cost_us: what
    its transactions together count against the processing window.
    """

    header: Header
    signature: bytes
    transactions: tuple[Transaction, ...] = ()
    extensions: tuple[tuple[int, bytes], ...] = ()
    num: int = field(init=False)
    id: bytes = field(init=False)
    slot: int = field(init=False)
    producer: str = field(init=False)
    previous: bytes = field(init=False)
    cost_us: int = field(init=False)

    def __post_init__(self) -> None:
        # Asked for again and again.
        header, keep = self.header, object.__setattr__
        keep(self, "num", header.num)
        keep(self, "id", header.block_id(self.signature))
        keep(self, "slot", header.slot)
        keep(self, "producer", header.producer)
        keep(self, "previous", header.previous)
        keep(self, "cost_us", sum([one.cost_us for one in self.transactions]))
