"""The `eosio` profile: EOSIO/FIO consensus, set up for one genesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.chain import genesis as genesis_file
from node.chain.encoding.merkle import Frontier
from node.chain.eosio import timing
from node.chain.eosio.codec import EosioCodec
from node.chain.eosio.contracts.contracts import EosioContracts
from node.chain.eosio.contracts.fees import founding as fees
from node.chain.eosio.contracts.operations import OPERATIONS
from node.chain.eosio.finality import expected, genesis_tally
from node.chain.eosio.header import ZERO_ID, BlockHeader, block_id
from node.chain.eosio.header_state import HeaderState
from node.chain.eosio.roots import transaction_mroot
from node.chain.model.errors import GenesisError, Reason
from node.chain.model.slot import SlotClock
from node.chain.model.transaction import Transaction
from node.chain.model.watermark import Watermark
from node.chain.profile import Asset, ChainState, System, TransactionRules

NAME = "eosio"
CODEC = EosioCodec()
FUTURE_LIMIT_NS = 7_000_000_000
"""A block is refused when its time is this far ahead of the node's clock."""
TRANSACTION_RULES = TransactionRules(
    form=CODEC.transactions,
    order=("expiry", "tapos", "accounts", "duplicate", "content", "signature"),
    contracts=EosioContracts(),
)
"""Source: eosio libraries/chain/transaction_context.cpp, init_for_input_trx."""


@dataclass(frozen=True, slots=True)
class EosioProfile:
    """Fills `Profile` of the seam."""

    clock: SlotClock
    chain_id: bytes
    genesis_state: HeaderState
    block_bytes: int
    name: str = NAME
    codec: EosioCodec = CODEC
    transaction_rules: TransactionRules = TRANSACTION_RULES
    future_limit_ns: int = FUTURE_LIMIT_NS
    lock_on_proposed: bool = False
    protects_slot: bool = True

    @staticmethod
    def of(genesis: genesis_file.Genesis) -> EosioProfile:
        """Return the profile for a genesis: confirmed 1, the chain id as action root.

        Source: eosio libraries/chain/controller.cpp, initialize_blockchain_state; n producers
        instead of one.
        """
        genesis_file.check(genesis)
        if genesis.bitshares is not None:
            raise GenesisError("bitshares: is for that profile only; remove it")
        fees.check(genesis)
        chain_id = genesis_file.chain_id(genesis)
        header = BlockHeader(
            slot=genesis.initial_slot,
            producer="",
            confirmed=1,
            previous=ZERO_ID,
            transaction_mroot=ZERO_ID,
            action_mroot=chain_id,
            schedule_version=0,
        )
        tally = genesis_tally(
            slot=genesis.initial_slot,
            schedule=genesis_file.schedule(genesis),
            blocks_per_turn=genesis.blocks_per_turn,
        )
        digest = header.digest()
        state = HeaderState(tally, header, block_id(1, digest), digest, b"", Frontier())
        return EosioProfile(
            _clock(genesis),
            chain_id,
            state,
            genesis.max_block_bytes,
            lock_on_proposed=genesis.lock_on_proposed,
            protects_slot=genesis.watermark == "num_and_slot",
        )

    def max_block_bytes(self, parent: ChainState) -> int:
        """Return what the genesis says."""
        return self.block_bytes

    def transaction_mroot(self, transactions: Sequence[Transaction]) -> bytes:
        """Return the root over the transactions' receipts."""
        return transaction_mroot(transactions)

    def transaction_time_ns(self, parent: ChainState, at_ns: int) -> int:
        """Return at_ns: expirations are held against the time of the block itself."""
        return at_ns

    def prefers(
        self, new: ChainState, head: ChainState, ancestor: Callable[[], ChainState]
    ) -> bool:
        """Return whether new is greater by (lib, num).

        Upstream ignores what head has pre-committed. With lock_on_proposed, ours, a branch without
        it is preferred only if more is irreversible there.
        """
        assert isinstance(new, HeaderState)
        assert isinstance(head, HeaderState)
        if new.fork_key <= head.fork_key:
            return False
        if not self.lock_on_proposed or new.lib_num > head.lib_num:
            return True
        return ancestor().num >= head.tally.proposed_irb

    def keep_above(self, lib_num: int) -> int:
        """Return lib_num: what is irreversible is never undone."""
        return lib_num

    def refusal(
        self, head: ChainState, slot: int, now_ns: int, watermark: Watermark | None
    ) -> str | None:
        """Return why a producer with that watermark must not sign a child of head in slot.

        Both number and slot protect (EOSIO 2.x). With watermark num only the number does, as in
        FIO's own node, which can sign one slot twice on two branches.

        Source: eosio plugins/producer_plugin/producer_plugin.cpp, start_block.
        """
        if watermark is None:
            return None
        if watermark.num > head.num:
            return Reason.WATERMARK_NUM
        if self.protects_slot and watermark.slot >= slot:
            return Reason.WATERMARK_SLOT
        return None


SYSTEM = System(
    name=NAME,
    build=EosioProfile.of,
    finality=expected,
    options=frozenset(
        (
            "lock_on_proposed",
            "timing",
            "processing",
            "propagation",
            "last_block",
            "watermark",
            "system_account",
            "fio",
        )
    ),
    operations=OPERATIONS,
    asset=Asset("FIO", digits=9),
)


def _clock(genesis: genesis_file.Genesis) -> SlotClock:
    habit, slot_ns, windows = genesis.timing, genesis.slot_ns, genesis_file.windows(genesis)
    early_ns = timing.early_ns(habit, slot_ns, genesis.blocks_per_turn, windows.last_block_ns)
    return SlotClock(
        slot_ns,
        early_ns,
        timing.begun_ns(habit, slot_ns, early_ns),
        processing_ns=windows.processing_ns,
        propagation_ns=windows.propagation_ns,
    )
