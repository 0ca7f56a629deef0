"""The seam between the chain and its consensus system: what a profile must answer.

`Chain`, `ForkDB`, `Ledger` and `Mempool` know only this. Schedule, finality, fork choice, header
fields, bytes, ids, roots and what a producer confirms are the profile's. Another system is another
folder and a line of `profiles`, not an `if`; what is asked before there is a chain is its `System`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from node.chain.genesis import Genesis
from node.chain.model.block import Header
from node.chain.model.codec import BlockCodec
from node.chain.model.operation import Announcement, OpenBlock
from node.chain.model.schedule import ProducerKey
from node.chain.model.slot import SlotClock
from node.chain.model.transaction import Transaction, TransactionFormat
from node.chain.model.voice import Voice
from node.chain.model.watermark import Watermark
from node.chain.state.state import State, Table
from node.events import Schedule


class Executed(msgspec.Struct, frozen=True, kw_only=True):
    """What execution gives a header to say.

    before: the digest of the state that the block began with, so that whoever's state differs
    makes another header; opening: the facts of the block itself; traces: the id of each
    transaction and its facts, packed; announced: what the header must carry of what execution
    decided.
    """

    transaction_mroot: bytes
    before: bytes
    opening: bytes
    traces: tuple[tuple[bytes, bytes], ...] = ()
    announced: Announcement | None = None


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
    def next_slot(self) -> int:
        """Return the earliest slot a child may have."""

    @property
    def lib_num(self) -> int:
        """Return the last irreversible block number this branch claims."""

    @property
    def precommit_num(self) -> int | None:
        """Return the last block that this branch has a quorum's first word for.

        None where finality has no such stage.
        """

    @property
    def newest(self) -> tuple[int, ...]:
        """Return the number of each active producer's newest block on this branch, 0 for none."""

    @property
    def safe_num(self) -> int:
        """Return the last block that half of the producers have built on, `built_on_by_half`."""

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
        """Return who may sign a child in slot; NOBODY where the rules leave a slot empty."""

    def draft(
        self, slot: int, watermark: Watermark | None, executed: Executed, voice: Voice | None = None
    ) -> Header:
        """Return the header a correct producer with that watermark gives a child in slot.

        voice: the producer's, for systems whose headers need it; without it nobody may sign there.
        """

    def rebuild(self, header: Header, executed: Executed) -> Header:
        """Return the header execution gives a received child; it must equal the received one."""

    def child(self, header: Header) -> ChainState:
        """Return the state after a child with that header; its signature is not checked here.

        Its id is right only after with_id, where ids cover signatures.

        Raises:
            BlockRejected: the header breaks a rule of the consensus system.
        """

    def with_id(self, block_id: bytes) -> ChainState:
        """Return this state of the signed block with that id."""


Rows: TypeAlias = Mapping[str, Mapping[Any, Any]]
"""By table and key."""


class Unowned(NamedTuple):
    """What there is of the core asset beside the balances of accounts, in units, by who keeps it.

    issued: of all there is, balances included, what the rules have made since genesis.
    """

    held: dict[str, int]
    issued: int = 0


class Contracts(Protocol):
    """What transactions do on a chain of one consensus system; the state is the ledger's."""

    @property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        """Return the tables they keep beside accounts and balances, which the ledger has."""

    def found(self, genesis: Genesis, state: State) -> None:
        """Write the rows of these that the chain begins with."""

    def open(self, parent: ChainState, block: OpenBlock) -> None:
        """Do what comes before the transactions of a child of parent.

        The time of the block has no say in whether anything is done.
        What is announced already then has its room in the block.
        """

    def apply(self, transaction: Transaction, block: OpenBlock) -> None:
        """Do what a transaction asks for; what a raise leaves changed, the caller takes back.

        Raises:
            TransactionRejected: the state does not allow it.
        """

    def close(self, parent: ChainState, block: OpenBlock) -> None:
        """Do what comes after the transactions of a child of parent; all is announced then."""

    def unowned(self, tables: Rows) -> Unowned:
        """Return what no account owns where these are the rows of all tables."""


Check = Literal["expiry", "tapos", "accounts", "duplicate", "content", "signature"]


@dataclass(frozen=True, slots=True)
class TransactionRules:
    """What a consensus system says about transactions.

    form: their bytes; order: of the checks, of which the first that fails gives the reason;
    contracts: what they do; unused_tapos: whether a number that no block has used yet stands for an
    id of zeros; lifetime_s: how far ahead one may expire by the state, None for what the genesis
    says.
    """

    form: TransactionFormat
    order: tuple[Check, ...]
    contracts: Contracts
    unused_tapos: bool = False
    lifetime_s: Callable[[State], int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finality:
    """What makes a block final where so many producers take turns, and how soon when all produce.

    stages: how often a quorum, a number of producers, must stand behind a block; lag_blocks: how
    many blocks later it is final, at least and at most; never: why none ever is, "" where they are.
    """

    stages: int
    quorum: int
    lag_blocks: tuple[int, int]
    never: str = ""


class Profile(Protocol):
    """One consensus system, set up for one genesis."""

    @property
    def name(self) -> str:
        """Return the profile's name in campaigns and genesis files."""

    @property
    def clock(self) -> SlotClock:
        """Return the mapping of slots to time, which knows when a block is built and when sent."""

    @property
    def chain_id(self) -> bytes:
        """Return what tells this chain from all others."""

    @property
    def genesis_state(self) -> ChainState:
        """Return the state all branches start from."""

    @property
    def codec(self) -> BlockCodec:
        """Return the bytes of blocks."""

    @property
    def transaction_rules(self) -> TransactionRules:
        """Return how the ledger ties transactions to branches and in which order it checks."""

    def max_block_bytes(self, parent: ChainState) -> int:
        """Return how large a child of parent may be."""

    @property
    def future_limit_ns(self) -> int:
        """Return how far ahead of the node's clock a block's time must be to be refused."""

    def transaction_mroot(self, transactions: Sequence[Transaction]) -> bytes:
        """Return the root over a block's transactions."""

    def transaction_time_ns(self, parent: ChainState, at_ns: int) -> int:
        """Return the time that expirations are held against in a child of parent at at_ns."""

    def prefers(
        self, new: ChainState, head: ChainState, ancestor: Callable[[], ChainState]
    ) -> bool:
        """Return whether new must become the head; on a tie the first seen stays.

        ancestor finds the last block both branches share, for systems that ask for it.
        """

    def keep_above(self, lib_num: int) -> int:
        """Return the number of the last block that can no longer be undone, lib_num final."""

    def refusal(
        self, head: ChainState, slot: int, now_ns: int, watermark: Watermark | None
    ) -> str | None:
        """Return why a producer with that watermark must not sign a child of head in slot now."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A chain's core asset as people say amounts of it: of its units, 10 ** digits are one."""

    name: str = "units"
    digits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A consensus system before there is a chain: how it is set up, and what it says beforehand.

    name: as campaigns and genesis files say it. finality answers for a number of producers and of
    blocks in a turn. slot_ns and blocks_per_turn are upstream's own; has_turns: whether a producer
    may have several slots in a row; shortest_slot_ns: as short as its rules know one. lag_rounds:
    so many rounds show all lags of finality there are. options: the keys of a campaign's chain that
    not every system knows and this one does. operations: what transactions may ask for. asset: what
    balances and fees are said in.
    """

    name: str
    build: Callable[[Genesis], Profile]
    finality: Callable[[int, int], Finality]
    slot_ns: int = 500_000_000
    shortest_slot_ns: int = 500_000_000
    blocks_per_turn: int = 12
    has_turns: bool = True
    lag_rounds: int = 10
    options: frozenset[str] = frozenset()
    operations: tuple[type[Any], ...] = ()
    asset: Asset = Asset()
