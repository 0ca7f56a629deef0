"""What the page says of cells that differ in their chain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from metrics.report.systems import chains

EOSIO = SimpleNamespace(profile="eosio", blocks_per_turn=1, slot_ns=500_000_000)
BITSHARES = SimpleNamespace(profile="bitshares", blocks_per_turn=1, slot_ns=500_000_000)
FIO = SimpleNamespace(profile="eosio", blocks_per_turn=6, slot_ns=500_000_000)
SLOW = SimpleNamespace(profile="bitshares", blocks_per_turn=1, slot_ns=5_000_000_000)


def plan(*cells: Any) -> Any:
    """Return a plan with a chain for each cell."""
    return SimpleNamespace(cells=cells, in_cell=lambda cell: cell)


def test_what_all_chains_have_in_common_is_said_once() -> None:
    assert chains(plan(EOSIO, EOSIO)) == ["1 block a turn, slots of 500 ms, profile eosio"]
    assert chains(plan(EOSIO, BITSHARES)) == [
        "1 block a turn, slots of 500 ms", "profile eosio", "profile bitshares"
    ]  # fmt: skip
    assert chains(plan(FIO, BITSHARES, FIO)) == [
        "slots of 500 ms", "6 blocks a turn, profile eosio", "1 block a turn, profile bitshares"
    ]  # fmt: skip
    assert chains(plan(FIO, SLOW)) == [
        "6 blocks a turn, slots of 500 ms, profile eosio",
        "1 block a turn, slots of 5000 ms, profile bitshares",
    ]
