"""Pay that may be claimed bit by bit, by the coin-days that it has earned: pure rules.

A unit earns a coin-second a second; after so many as a unit takes to vest, it may be claimed.
"""

from __future__ import annotations

import msgspec


class Vesting(msgspec.Struct, frozen=True, array_like=True):
    """What an account was paid and has not claimed, in units.

    vested: of it, what it could claim at at_s; rest: coin-seconds earned beyond that, fewer than
    one unit takes. at_s is a second of the chain. untold: of the pay, what no fact told yet.
    """

    balance: int = 0
    vested: int = 0
    rest: int = 0
    at_s: int = 0
    untold: int = 0


def aged(before: Vesting, now_s: int, vesting_s: int) -> Vesting:
    """Return it with the coin-seconds earned until now_s: no more than its balance can use.

    vesting_s: how long a unit takes; 0 is as 1.

    Source: bitshares-core libraries/chain/vesting_balance_object.cpp,
    cdd_vesting_policy::compute_coin_seconds_earned.
    """
    unit_s = max(vesting_s, 1)
    earned = before.rest + before.balance * (now_s - before.at_s)
    vested, rest = divmod(before.vested * unit_s + earned, unit_s)
    if vested >= before.balance:
        vested, rest = before.balance, 0
    return Vesting(before.balance, vested, rest, now_s, before.untold)


def deposited(before: Vesting, amount: int, now_s: int, vesting_s: int) -> Vesting:
    """Return it with an amount more, none of which may be claimed yet."""
    now = aged(before, now_s, vesting_s)
    return Vesting(now.balance + amount, now.vested, now.rest, now_s, now.untold + amount)


def withdrawn(before: Vesting, amount: int) -> Vesting:
    """Return it without an amount, which was not more than what was vested."""
    assert 0 <= amount <= before.vested
    return msgspec.structs.replace(
        before, balance=before.balance - amount, vested=before.vested - amount
    )
