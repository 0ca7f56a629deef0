"""The seam between the chain and its consensus system: what a profile must answer.

`Chain`, `ForkDB`, `Ledger` and `Mempool` know only this. Schedule, finality, fork choice, header
fields, ids and what a producer confirms are the profile's. A second profile is a second module
here, not an `if`.
"""

from __future__ import annotations

from typing import Protocol

from node.chain.block import BlockHeader, ProducerKey
from node.chain.genesis import Genesis
from node.chain.messages import Schedule, Watermark
from node.chain.slot import SlotClock


class ChainState(Protocol):
    """What the consensus system knows after one block of one branch; a value, never changed."""

    @property
    def num(self) -> int:
        """Return the block's number."""

    @property
    def id(self) -> bytes:
        """Return the block's id."""

    @property
    def slot(self) -> int:
        """Return the block's slot."""

    @property
    def lib_num(self) -> int:
        """Return the last irreversible block number this branch claims."""

    @property
    def fork_key(self) -> tuple[int, ...]:
        """Return what branches are compared by: the greater wins, a tie keeps the first seen."""

    @property
    def schedule(self) -> tuple[str, ...]:
        """Return the producers in order of turns, for the next block."""

    @property
    def signing_key(self) -> bytes:
        """Return the key that must have signed this block."""

    @property
    def signing_digest(self) -> bytes:
        """Return what this block's producer signs."""

    @property
    def changes(self) -> tuple[Schedule, ...]:
        """Return the schedule changes this block made."""

    def producer_for(self, slot: int) -> ProducerKey:
        """Return who may sign a child in slot."""

    def draft(
        self, slot: int, watermark: Watermark | None, transaction_mroot: bytes, action_mroot: bytes
    ) -> BlockHeader:
        """Return the header a correct producer with that watermark gives a child in slot."""

    def rebuild(
        self, header: BlockHeader, transaction_mroot: bytes, action_mroot: bytes
    ) -> BlockHeader:
        """Return the header execution gives a received child; it must equal the received one."""

    def child(self, header: BlockHeader) -> ChainState:
        """Return the state after a child with that header; its signature is not checked here.

        Raises:
            BlockRejected: the header breaks a rule of the consensus system.
        """


class Profile(Protocol):
    """One consensus system, set up for one genesis."""

    @property
    def name(self) -> str:
        """Return the profile's name in campaigns and genesis files."""

    @property
    def clock(self) -> SlotClock:
        """Return the mapping of slots to time."""

    @property
    def chain_id(self) -> bytes:
        """Return what tells this chain from all others."""

    @property
    def genesis_state(self) -> ChainState:
        """Return the state all branches start from."""

    def watermark_refusal(self, watermark: Watermark, head: ChainState, slot: int) -> str | None:
        """Return why a producer with that watermark must not sign a child of head in slot."""


def build(genesis: Genesis) -> Profile:
    """Return the profile a genesis names.

    Raises:
        GenesisError: values no chain can start from.
    """
    # Profiles import this module for its types.
    from node.chain.eosio.profile import EosioProfile

    match genesis.profile:
        case "eosio":
            return EosioProfile.of(genesis)
