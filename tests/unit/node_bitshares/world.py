"""Builders for BitShares tests: a genesis with 1 s slots, states grown block by block."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from msgspec import structs

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.profile import BitsharesProfile
from node.chain.bitshares.witness_state import WitnessState
from node.chain.chain import Chain
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import BitsharesRules
from node.chain.model.transaction import Transaction, reference
from node.chain.model.voice import Voice
from node.chain.profile import Executed
from tests.unit.node_chain.builders import make_genesis, secret, signed_again, transfer

NS_PER_S = 1_000_000_000
NOTHING = Executed(transaction_mroot=bytes(20), before=b"", opening=b"")
"""What executing an empty block gives."""
START_SLOT = 800_000_000 - 800_000_000 % 27_720
"""In 1 s slots: starts a round for every number of witnesses up to 12; no maintenance time."""


def bitshares_genesis(
    witnesses: int = 4, *, interval_s: int = 1, slot_ns: int = NS_PER_S, **options: object
) -> Genesis:
    """Return a genesis with blocks each interval_s; a second of the chain lasts slot_ns."""
    rules = BitsharesRules(block_interval_s=interval_s, **options)  # type: ignore[arg-type]
    return make_genesis(
        witnesses,
        1,
        profile="bitshares",
        slot_ns=slot_ns,
        initial_slot=START_SLOT * NS_PER_S // slot_ns - 1,
        bitshares=rules,
    )


def bitshares_profile(witnesses: int = 4, **options: object) -> BitsharesProfile:
    """Return the profile of such a genesis."""
    return BitsharesProfile.of(bitshares_genesis(witnesses, **options))  # type: ignore[arg-type]


def after(
    state: WitnessState, slot: int, *, late_s: int = 0, announced: Decided | None = None,
    key: str = "",
) -> WitnessState:  # fmt: skip
    """Return the state after an empty block in slot, late_s after the slot's start.

    key: whose secrets its witness reveals, its own if "".
    """
    rules, executed = state.rules, structs.replace(NOTHING, announced=announced)
    voice = Voice(key=secret(key or state.producer_for(slot).name))
    draft = state.draft(slot, None, executed, voice)
    time_s = rules.time_s(slot) + late_s
    header = state.rebuild(dataclasses.replace(draft, timestamp_s=time_s), executed)
    return state.child(header).with_id(header.block_id(bytes(65)))


def skipping(state: WitnessState, missed: Iterable[int]) -> WitnessState:
    """Return the state after one block for each entry, with so many empty slots before it."""
    for count in missed:
        state = after(state, state.next_slot + count)
    return state


def full(state: WitnessState, blocks: int) -> WitnessState:
    """Return the state after that many blocks without an empty slot."""
    return skipping(state, [0] * blocks)


def paid(
    chain: Chain, *, lives_s: int = 60, prefix_at: int = 4, ref: bytes | None = None,
    signer: str = "usera", amount: int = 5,
) -> Transaction:  # fmt: skip
    """Return a transfer tied to the head (or ref) that expires lives_s after the head's time."""
    refers_to = chain.head.id if ref is None else ref
    transaction = transfer(chain, amount, signer=signer, lives_s=lives_s, ref=refers_to)
    prefix = reference(refers_to, prefix_at)[1]
    return signed_again(chain, transaction, signer, ref_block_prefix=prefix)
