"""Charging for an operation: a bundle unit or SUF of its authority, and where the SUF go."""

import msgspec

from node.chain.eosio.contracts.fees.endpoints import ENDPOINTS, Endpoint
from node.chain.eosio.contracts.fees.rows import (
    FEES,
    MAIN,
    PROVIDERS,
    TREASURY,
    Provider,
    treasury_of,
)
from node.chain.eosio.contracts.fees.split import split
from node.chain.eosio.contracts.voting.rows import ADDRESSES, address_of
from node.chain.ledger import accounts, fees_paid
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.fio_rules import FioRules
from node.chain.model.operation import OpenBlock, Operation


def charge(operation: Operation, rules: FioRules, block: OpenBlock) -> None:
    """Let the authority of an operation pay for it.

    A field max_fee is the most that it pays. Each of bundle_sets costs the fee. The technology
    provider gets its part if there is an address tpid. A bundle unit pays for the operation
    whatever the fee is, and nobody gets anything for it. Source: PROTOCOL B.2, B.8.

    Raises:
        TransactionRejected: the fee is over max_fee, or over the payer's balance.
    """
    endpoint = ENDPOINTS.get(operation.WORD)
    if endpoint is None:
        return
    payer = operation.authority
    if endpoint.is_bundled and _use_bundle(payer, rules, block):
        return
    price = block.state.get(FEES, endpoint.name)
    fee = (price.amount if price else 0) * getattr(operation, "bundle_sets", 1)
    most = getattr(operation, "max_fee", None)
    if most is not None and fee > most:
        raise TransactionRejected(Reason.MAX_FEE_EXCEEDED)
    if fee:
        accounts.take(block, payer, fee)
        fees_paid.count(block, payer, fee)
        _share_out(fee, endpoint, getattr(operation, "tpid", ""), rules, block)


def _use_bundle(payer: str, rules: FioRules, block: OpenBlock) -> bool:
    """Use a unit of the payer's own address; return whether there was one."""
    name = address_of(payer, rules)
    address = block.state.get(ADDRESSES, name)
    if address is None or address.units == 0:
        return False
    left = msgspec.structs.replace(address, units=address.units - 1)
    block.state.put(ADDRESSES, name, left)
    return True


def _share_out(fee: int, endpoint: Endpoint, tpid: str, rules: FioRules, block: OpenBlock) -> None:
    state = block.state
    held = treasury_of(state)
    parts = split(
        fee,
        rules.fees,
        has_provider=state.get(ADDRESSES, tpid) is not None,
        bounty_left=rules.fees.bounty_cap - held.minted_bounty,
    )
    into = held.bucket if endpoint.to_bucket else held.producers
    state.put(
        TREASURY,
        MAIN,
        msgspec.structs.replace(
            held,
            **{"bucket" if endpoint.to_bucket else "producers": into + parts.producers},
            foundation=held.foundation + parts.foundation,
            staking=held.staking + parts.staking,
            staking_new=held.staking_new + parts.staking,
            minted_bounty=held.minted_bounty + parts.bounty,
        ),
    )
    reward = parts.provider + parts.bounty
    if reward:
        row = state.get(PROVIDERS, tpid) or Provider(len(state.rows(PROVIDERS)), 0)
        state.put(PROVIDERS, tpid, Provider(row.number, row.owed + reward))
