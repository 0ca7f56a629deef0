"""The rules of one BitShares chain that never change: witnesses, interval, limits, time."""

from __future__ import annotations

from dataclasses import dataclass

from node.chain import genesis as genesis_file
from node.chain.genesis import BitsharesRules, Genesis
from node.chain.model.errors import GenesisError
from node.chain.model.schedule import ProducerKey
from node.chain.model.slot import NS_PER_S, SlotClock

INTERVAL_S_MAX = 30
END_OF_TIME_S = 1 << 32
FIRST_WITNESS = 1
"""Witness 1.6.0 is nobody; the genesis' witnesses are 1.6.1, 1.6.2, …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything a block's rules need besides its parent.

    witnesses: ascending by id. A slot of the lab is one block interval of the chain: genesis_s is
    the chain's time at initial_slot, and each slot adds interval_s. Where slot_ns is interval_s
    seconds, chain time is wall time (behind by less than one interval if the interval does not
    divide the slots' epoch); a lab may run the same chain faster.
    """

    witnesses: tuple[ProducerKey, ...]
    clock: SlotClock
    initial_slot: int
    genesis_s: int
    interval_s: int
    options: BitsharesRules

    @staticmethod
    def of(genesis: Genesis) -> Rules:
        """Return the rules a genesis gives.

        Raises:
            GenesisError: values no BitShares chain can start from.
        """
        genesis_file.check(genesis)
        _refuse_foreign_keys(genesis)
        options = genesis.bitshares or BitsharesRules()
        interval_s = _interval_s(genesis, options)
        _check(genesis, options, interval_s)
        clock = SlotClock(genesis.slot_ns)
        wall_s = clock.time_ns(genesis.initial_slot) // NS_PER_S
        if wall_s >= END_OF_TIME_S:
            raise GenesisError("initial_slot is out of range")
        return Rules(
            witnesses=genesis_file.schedule(genesis).producers,
            clock=clock,
            initial_slot=genesis.initial_slot,
            genesis_s=wall_s // interval_s * interval_s,
            interval_s=interval_s,
            options=options,
        )

    def time_s(self, slot: int) -> int:
        """Return the chain's time at the start of slot, in s since 1970."""
        return self.genesis_s + (slot - self.initial_slot) * self.interval_s

    def slot_at(self, time_s: int) -> int:
        """Return the slot that contains the chain's time."""
        return self.initial_slot + (time_s - self.genesis_s) // self.interval_s

    def scaled_ns(self, chain_ns: int) -> int:
        """Return how long a stretch of chain time takes in the lab."""
        return chain_ns * self.clock.slot_ns // (self.interval_s * NS_PER_S)

    def name_of(self, witness: int) -> str:
        """Return the name of witness 1.6.N, "" for one nobody knows."""
        index = witness - FIRST_WITNESS
        return self.witnesses[index].name if 0 <= index < len(self.witnesses) else ""


def _interval_s(genesis: Genesis, options: BitsharesRules) -> int:
    if options.block_interval_s is not None:
        return options.block_interval_s
    if genesis.slot_ns % NS_PER_S:
        raise GenesisError(
            "slot_ns: is no whole number of seconds; give bitshares.block_interval_s as well"
        )
    return genesis.slot_ns // NS_PER_S


def _refuse_foreign_keys(genesis: Genesis) -> None:
    foreign = {
        "lock_on_proposed": genesis.lock_on_proposed,
        "timing": genesis.timing != "fio",
        "processing_ns": genesis.processing_ns is not None,
        "propagation_ns": genesis.propagation_ns is not None,
        "last_block_ns": genesis.last_block_ns is not None,
        "watermark": genesis.watermark != "num_and_slot",
        "system_key": genesis.system_key != "",
        "fio": genesis.fio is not None,
    }
    for key, is_set in foreign.items():
        if is_set:
            raise GenesisError(f"{key} is for the eosio profile only")


def _check(genesis: Genesis, options: BitsharesRules, interval_s: int) -> None:
    if not 1 <= interval_s <= INTERVAL_S_MAX:
        raise GenesisError(f"bitshares.block_interval_s must be 1..{INTERVAL_S_MAX}")
    if genesis.blocks_per_turn != 1:
        raise GenesisError("blocks_per_turn must be 1: a witness has one slot at a time")
    if genesis.initial_slot < 1:
        raise GenesisError("initial_slot is out of range")
    maintenance_s = options.maintenance_interval_s
    if maintenance_s <= 0 or maintenance_s % interval_s:
        raise GenesisError("bitshares.maintenance_interval_s must be a multiple of the interval")
    if not 0 <= options.maintenance_skip_slots < 1000:
        raise GenesisError("bitshares.maintenance_skip_slots must be 0..999")
    if not 0 <= options.required_participation <= 10_000:
        raise GenesisError("bitshares.required_participation must be 0..10000")
    if options.undo_limit < 2:
        raise GenesisError("bitshares.undo_limit must be 2 or more")
