"""Looking at the money of a FIO chain at its head, and adding it up."""

from __future__ import annotations

from typing import Any

from node.chain.chain import Chain
from node.chain.eosio.contracts.fees.rows import FEES, PROVIDERS, Treasury, treasury_of
from node.chain.eosio.contracts.pay.rows import PAY_SHARES
from node.chain.eosio.contracts.voting.rows import ADDRESSES
from node.chain.genesis import Genesis
from node.chain.ledger.accounts import BALANCES
from node.chain.model.fio_rules import FeeRules, PayRules
from node.chain.state.state import State
from tests.unit.node_eosio.fio_world import World, fio_genesis

HOUR_SLOTS = 7_200
PAY = PayRules(
    pot_least=5_000,
    pot_cap=20_000,
    foundation_daily=300,
    foundation_cap=1_000,
    staking_daily=250,
    staking_cap=2_000,
    provider_least=100,
)
"""FIO's pay, in thousandths of millionths."""


def money_world(fees: dict[str, int] | None = None, pay: PayRules = PAY, **rules: Any) -> World:
    """Return a chain where such operations cost that, three votes make a median."""
    asked: dict[str, Any] = {"fees": fees or {}, "median_votes": 3, "bundle_units": 0}
    of_fees = {name: rules.pop(name) for name in list(rules) if name in _FEE_RULES}
    genesis = fio_genesis(fees=FeeRules(**{**asked, **of_fees}), pay=pay, **rules)
    return World(genesis)


_FEE_RULES = frozenset(FeeRules.__struct_fields__)


def state_of(chain: Chain) -> State:
    """Return the chain's state at its head."""
    chain._pending.leave()
    return chain._ledger._state


def treasury(chain: Chain) -> Treasury:
    """Return the treasury at the head."""
    return treasury_of(state_of(chain))


def owed(chain: Chain) -> dict[str, int]:
    """Return what technology providers are owed, by address."""
    return {name: row.owed for name, row in sorted(state_of(chain).rows(PROVIDERS).items())}


def waiting(chain: Chain) -> dict[str, int]:
    """Return who may claim how much."""
    rows = state_of(chain).rows(PAY_SHARES)
    return {name: row.active + row.standby for name, row in sorted(rows.items())}


def fees(chain: Chain) -> dict[str, tuple[int, bool]]:
    """Return what each endpoint costs and whether votes on it wait, of those where either is."""
    rows = sorted(state_of(chain).rows(FEES).items())
    return {name: (row.amount, row.pending) for name, row in rows if row.amount or row.pending}


def units(chain: Chain, account: str) -> int:
    """Return the bundle units of an account's address."""
    row = state_of(chain).get(ADDRESSES, f"{account}@lab")
    assert row is not None
    return row.units


def is_conserved(chain: Chain, genesis: Genesis) -> bool:
    """Return whether what accounts own, pots hold and providers are owed is all there ever was."""
    state = state_of(chain)
    held = treasury_of(state)
    there = sum(state.rows(BALANCES).values()) + _in_pots(held) + sum(owed(chain).values())
    return there == first_supply(genesis) + minted(chain) and min(_parts(held)) >= 0


def minted(chain: Chain) -> int:
    """Return all that was ever minted."""
    held = treasury(chain)
    return held.minted_pot + held.minted_foundation + held.minted_staking + held.minted_bounty


def _in_pots(held: Treasury) -> int:
    return held.producers + held.bucket + held.foundation + held.staking


def first_supply(genesis: Genesis) -> int:
    """Return what accounts own in the genesis."""
    return sum(account.balance for account in genesis.accounts)


def _parts(held: Treasury) -> list[int]:
    return [getattr(held, name) for name in Treasury.__struct_fields__]
