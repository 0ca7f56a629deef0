"""I12: what a chain has of its core asset is what it began with, and what its rules made; pure."""

from collections.abc import Iterable, Mapping

import msgspec

from metrics.model.plan import Count
from metrics.model.run_folder import Violation
from metrics.safety.invariants import Line, seconds


class _Account(msgspec.Struct, frozen=True):
    balance: Count


class _Money(msgspec.Struct, frozen=True):
    reserve: Count = 0


class _Options(msgspec.Struct, frozen=True):
    money: _Money = _Money()


class _Genesis(msgspec.Struct, frozen=True):
    accounts: list[_Account] = []
    bitshares: _Options | None = None


def genesis_units(text: bytes) -> int:
    """Return how many units a genesis file says that there are: of accounts, and in the reserve.

    Raises:
        msgspec.MsgspecError: it is no genesis file.
    """
    genesis = msgspec.json.decode(text, type=_Genesis)
    reserve = genesis.bitshares.money.reserve if genesis.bitshares else 0
    return reserve + sum(account.balance for account in genesis.accounts)


def unbalanced(told: Iterable[tuple[Line, Mapping[str, int]]], first: int) -> list[Violation]:
    """Return the breaches: a node's sums are not first and what was issued, or one is negative.

    told: each line that tells sums, with them, by who has them. first: what genesis says.
    """
    found = []
    for line, held in told:
        there, due = sum(held.values()), first + line.issued
        if there == due and min(held.values(), default=0) >= 0:
            continue
        parts = ", ".join(f"{name} {units}" for name, units in held.items() if units)
        text = (
            f"{line.host}: after block {line.num} there are {there} units ({parts}), not {due}:"
            f" {first} of the genesis and {line.issued} issued ({seconds(line.t_ns)})"
        )
        found.append(Violation(text, (line.num,), (line.id,), (line.host,), (line.t_ns,)))
    return found
