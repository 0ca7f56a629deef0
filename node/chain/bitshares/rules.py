"""The rules of one BitShares chain that never change: who there is, limits, time."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from node.chain import genesis as genesis_file
from node.chain.bitshares.chain_parameters import first_parameters
from node.chain.bitshares.parameters import Parameters
from node.chain.bitshares.roster import FIRST_WITNESS
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import BitsharesRules
from node.chain.model.errors import GenesisError
from node.chain.model.schedule import ProducerKey
from node.chain.model.slot import NS_PER_S, SlotClock

END_OF_TIME_S = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything a block's rules need besides its parent.

    witnesses: the first to be active, 1.6.1, 1.6.2, …, by name; names: of all that may ever be, by
    id: theirs, then those of the other accounts of the genesis, so that an id is the same witness
    on every branch. parameters: those that the chain begins with.

    A slot is a second of the chain, whatever interval is in force; slots off its grid are nobody's.
    genesis_s: the chain's time before block 1, whose first slot comes one interval later; zero_s:
    that in slot 0. Where slot_ns is a second, chain time is wall time (behind by less than one
    interval if that does not divide the slots' epoch); a lab may run the same chain faster.
    """

    witnesses: tuple[ProducerKey, ...]
    names: tuple[str, ...]
    parameters: Parameters
    clock: SlotClock
    initial_slot: int
    genesis_s: int
    zero_s: int
    options: BitsharesRules

    @staticmethod
    def of(genesis: Genesis) -> Rules:
        """Return the rules a genesis gives.

        Raises:
            GenesisError: values no BitShares chain can start from.
        """
        genesis_file.check(genesis)
        _refuse_foreign_keys(genesis)
        options = _options(genesis)
        interval_s = options.block_interval_s
        parameters = Parameters(
            block_interval_s=interval_s,
            maintenance_interval_s=options.maintenance_interval_s,
            maintenance_skip_slots=options.maintenance_skip_slots,
            max_block_bytes=genesis.max_block_bytes,
        )
        _check(genesis, options, parameters)
        clock = SlotClock(genesis.slot_ns)
        wall_s = clock.time_ns(genesis.initial_slot + 1 - interval_s) // NS_PER_S
        if wall_s >= END_OF_TIME_S:
            raise GenesisError("initial_slot is out of range")
        genesis_s = wall_s // interval_s * interval_s
        return Rules(
            witnesses=genesis_file.schedule(genesis).producers,
            names=names_of(genesis),
            parameters=parameters,
            clock=clock,
            initial_slot=genesis.initial_slot,
            genesis_s=genesis_s,
            zero_s=genesis_s + interval_s - genesis.initial_slot - 1,
            options=options,
        )

    def time_s(self, slot: int) -> int:
        """Return the chain's time in slot, in s since 1970."""
        return self.zero_s + slot

    def slot_at(self, time_s: int) -> int:
        """Return the slot of the chain's time."""
        return time_s - self.zero_s

    def scaled_ns(self, chain_ns: int) -> int:
        """Return how long a stretch of chain time takes in the lab."""
        return chain_ns * self.clock.slot_ns // NS_PER_S

    def name_of(self, witness: int) -> str:
        """Return the name of witness 1.6.N, "" for one nobody knows."""
        index = witness - FIRST_WITNESS
        return self.names[index] if 0 <= index < len(self.names) else ""


def names_of(genesis: Genesis) -> tuple[str, ...]:
    """Return the names of all who may ever be witnesses, by id: producers, then other accounts."""
    first = [witness.name for witness in genesis_file.schedule(genesis).producers]
    others = {account.name for account in genesis.accounts}.difference(first)
    return (*first, *sorted(others))


def _options(genesis: Genesis) -> BitsharesRules:
    """What the genesis says, with minimum counts and the first committee as they are."""
    said = genesis.bitshares or BitsharesRules()
    accounts = {account.name for account in genesis.accounts}
    producers = [producer.name for producer in genesis_file.schedule(genesis).producers]
    voting = said.voting.settled(len(producers), [name for name in producers if name in accounts])
    return msgspec.structs.replace(said, voting=voting)


def _refuse_foreign_keys(genesis: Genesis) -> None:
    foreign = {
        "lock_on_proposed": genesis.lock_on_proposed,
        "timing": genesis.timing != "fio",
        "processing_ns": genesis.processing_ns is not None,
        "propagation_ns": genesis.propagation_ns is not None,
        "last_block_ns": genesis.last_block_ns is not None,
        "watermark": genesis.watermark != "num_and_slot",
        "fio": genesis.fio is not None,
    }
    for key, is_set in foreign.items():
        if is_set:
            raise GenesisError(f"{key} is for the eosio profile only")


def _check(genesis: Genesis, options: BitsharesRules, parameters: Parameters) -> None:
    problem = first_parameters(genesis, options, parameters).problem()
    if problem is not None:
        raise GenesisError(f"bitshares.{problem}")
    if genesis.blocks_per_turn != 1:
        raise GenesisError("blocks_per_turn must be 1: a witness has one slot at a time")
    if genesis.initial_slot < 1:
        raise GenesisError("initial_slot is out of range")
    accounts = frozenset(account.name for account in genesis.accounts)
    problem = options.problem(accounts)
    if problem is not None:
        raise GenesisError(f"bitshares.{problem}")
