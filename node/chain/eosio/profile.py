"""The `eosio` profile: EOSIO/FIO consensus, set up for one genesis."""

from __future__ import annotations

from dataclasses import dataclass

from node.chain import genesis as genesis_file
from node.chain.block import ZERO_ID, BlockHeader, block_id
from node.chain.eosio.header_state import HeaderState, genesis_tally
from node.chain.errors import Reason
from node.chain.merkle import Frontier
from node.chain.messages import Watermark
from node.chain.profile import ChainState
from node.chain.slot import SlotClock


@dataclass(frozen=True, slots=True)
class EosioProfile:
    """Fills `Profile` of the seam."""

    clock: SlotClock
    chain_id: bytes
    genesis_state: HeaderState
    name: str = "eosio"

    @staticmethod
    def of(genesis: genesis_file.Genesis) -> EosioProfile:
        """Return the profile for a genesis: confirmed 1, the chain id as action root.

        Source: eosio libraries/chain/controller.cpp, initialize_blockchain_state; n producers
        instead of one.
        """
        genesis_file.check(genesis)
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
        return EosioProfile(SlotClock(genesis.slot_ns), chain_id, state)

    def watermark_refusal(self, watermark: Watermark, head: ChainState, slot: int) -> str | None:
        """Return why a producer with that watermark must not sign a child of head in slot.

        Both number and slot protect (EOSIO 2.x); FIO's own node keeps only the number and can sign
        one slot twice on two branches.

        Source: eosio plugins/producer_plugin/producer_plugin.cpp, start_block.
        """
        if watermark.num > head.num:
            return Reason.WATERMARK_NUM
        if watermark.slot >= slot:
            return Reason.WATERMARK_SLOT
        return None
