"""The `bitshares` profile: graphene's consensus, set up for one genesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from node.chain import genesis as genesis_file
from node.chain.bitshares import fork_choice
from node.chain.bitshares.codec import BitsharesCodec
from node.chain.bitshares.contracts.contracts import BitsharesContracts
from node.chain.bitshares.contracts.money import founding as money
from node.chain.bitshares.contracts.operations import OPERATIONS
from node.chain.bitshares.contracts.rows import in_force
from node.chain.bitshares.finality import expected, participation
from node.chain.bitshares.header import transaction_mroot
from node.chain.bitshares.rules import Rules
from node.chain.bitshares.transactions import BitsharesTransactions
from node.chain.bitshares.witness_state import WitnessState, genesis_state
from node.chain.encoding.written import by_word
from node.chain.genesis import Genesis
from node.chain.model.errors import Reason
from node.chain.model.slot import NS_PER_S, SlotClock
from node.chain.model.transaction import Transaction
from node.chain.model.watermark import Watermark
from node.chain.profile import Asset, ChainState, Check, System, TransactionRules

NAME = "bitshares"
LAG_NS = 2_500_000_000
"""A witness that wakes later than this, in chain time, leaves its slot empty."""
AHEAD_NS = 2_500_000_000
"""In chain time: a block as far ahead of the node's clock as this is refused."""
CHECKS: tuple[Check, ...] = (
    "content", "accounts", "duplicate", "signature", "tapos", "expiry",
)  # fmt: skip
"""Source: bitshares-core libraries/chain/db_block.cpp, _apply_transaction."""


@dataclass(frozen=True, slots=True)
class BitsharesProfile:
    """Fills `Profile` of the seam."""

    rules: Rules
    chain_id: bytes
    genesis_state: WitnessState
    codec: BitsharesCodec
    future_limit_ns: int
    transaction_rules: TransactionRules
    name: str = NAME

    @staticmethod
    def of(genesis: Genesis) -> BitsharesProfile:
        """Return the profile for a genesis: nothing is produced yet, block 1 will be the first.

        Raises:
            GenesisError: values no BitShares chain can start from.
        """
        rules = Rules.of(genesis)
        money.check(genesis, by_word(OPERATIONS))
        form = BitsharesTransactions.of(genesis)
        return BitsharesProfile(
            rules=rules,
            chain_id=genesis_file.chain_id(genesis),
            genesis_state=genesis_state(rules),
            codec=BitsharesCodec(rules, form),
            transaction_rules=TransactionRules(
                form,
                CHECKS,
                BitsharesContracts(rules, form.size_of),
                rules.options.tapos_zero == "upstream",
                lambda state: in_force(state).max_time_until_expiration_s,
            ),
            future_limit_ns=rules.scaled_ns(AHEAD_NS),
        )

    @property
    def clock(self) -> SlotClock:
        """Return the mapping of slots to time."""
        return self.rules.clock

    def max_block_bytes(self, parent: ChainState) -> int:
        """Return how large a child of parent may be, as is in force there."""
        return _mine(parent).parameters.max_block_bytes

    def transaction_mroot(self, transactions: Sequence[Transaction]) -> bytes:
        """Return the root over the processed transactions."""
        return transaction_mroot(transactions)

    def transaction_time_ns(self, parent: ChainState, at_ns: int) -> int:
        """Return the parent's time: graphene asks the head block, not the clock.

        The lab's time, where its slots are not as long as the chain's interval.
        """
        return self.clock.time_ns(parent.slot)

    def prefers(
        self, new: ChainState, head: ChainState, ancestor: Callable[[], ChainState]
    ) -> bool:
        """Return whether new must become the head, by the genesis' fork choice."""

        def ancestor_tip() -> fork_choice.BranchEnd:
            return _mine(ancestor()).tip

        choice = self.rules.options.fork_choice
        return fork_choice.prefers(choice, _mine(new).tip, _mine(head).tip, ancestor_tip)

    def keep_above(self, lib_num: int) -> int:
        """Return lib_num; with the faithful window one less, so that a rival of it still links.

        Upstream's undo history reaches one block deeper than what it calls irreversible.
        """
        return max(lib_num - 1, 0) if self.rules.options.faithful_window else lib_num

    def refusal(
        self, head: ChainState, slot: int, now_ns: int, watermark: Watermark | None
    ) -> str | None:
        """Return why a witness must not sign a child of head in slot now.

        The watermark is ours: upstream's witness signs a slot again on another branch.

        Source: bitshares-core libraries/plugins/witness/witness.cpp, maybe_produce_block.
        """
        state, options = _mine(head), self.rules.options
        if participation(state.recent) < options.required_participation:
            return Reason.LOW_PARTICIPATION
        if abs(now_ns - self.clock.time_ns(slot)) > self.rules.scaled_ns(LAG_NS):
            return Reason.LAG
        if state.num + 1 - state.lib_num >= options.undo_limit:
            return Reason.UNDO_HISTORY
        if watermark is not None and watermark.slot >= slot:
            return Reason.WATERMARK_SLOT
        return None


SYSTEM = System(
    name=NAME,
    build=BitsharesProfile.of,
    finality=expected,
    slot_ns=5 * NS_PER_S,
    shortest_slot_ns=NS_PER_S,
    blocks_per_turn=1,
    has_turns=False,
    lag_rounds=100,
    options=frozenset(("bitshares", "supports", "urgent")),
    operations=OPERATIONS,
    asset=Asset("BTS", digits=5),
)


def _mine(state: ChainState) -> WitnessState:
    assert isinstance(state, WitnessState)
    return state
