"""What a chain with FIO's delegation begins with."""

from node.chain.eosio.contracts.voting.rows import (
    ADDRESSES,
    DOMAINS,
    ELECTION,
    LOCKS,
    PRODUCERS,
    RULES,
    THE_ONE,
    VOTED,
    Address,
    Election,
    Producer,
    address_of,
)
from node.chain.genesis import Genesis, schedule
from node.chain.model.slot import NS_PER_S, SlotClock
from node.chain.state.state import State


def found(genesis: Genesis, state: State) -> None:
    """Write the rules, an address for each account, and the producers that are accounts, in order.

    Nobody has voted. No schedule is shorter than that of the genesis.
    """
    rules = genesis.fio
    if rules is None:
        return
    state.put(RULES, THE_ONE, rules)
    state.put(VOTED, THE_ONE, 0)
    state.put(ELECTION, THE_ONE, Election(size=len(schedule(genesis).producers)))
    for account in genesis.accounts:
        row = Address(owner=account.name, units=rules.fees.bundle_units)
        state.put(ADDRESSES, address_of(account.name, rules), row)
    known = {account.name for account in genesis.accounts}
    registered = [producer for producer in genesis.producers if producer.name in known]
    for position, producer in enumerate(registered):
        key = bytes.fromhex(producer.key)
        state.put(PRODUCERS, producer.name, Producer(position=position, key=key))
    for lock in rules.locks:
        if not lock.can_vote:
            state.put(LOCKS, lock.account, lock.amount)
    if rules.domain_expires_s is not None:
        begun_s = SlotClock(genesis.slot_ns).time_ns(genesis.initial_slot) // NS_PER_S
        state.put(DOMAINS, rules.domain, begun_s + rules.domain_expires_s)
