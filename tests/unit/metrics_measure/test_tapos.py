"""Whoever signs what refers to a block, or to a later one, stands behind it with all his stake."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from metrics.measure.confidence import tapos
from metrics.measure.metric import Pool

STAKES = {"usera": 50, "userb": 30, "userc": 20}
Sent = tuple[str, int]
"""Who signs, and the block that it refers to."""


def measured(chain_of: list[list[Sent]], *, judged: int | None = None) -> dict[str, Any]:
    """Return M's part; blocks are numbered from 1, the first `judged` of them old enough."""
    names = [f"b{num}" for num in range(1, len(chain_of) + 1)]
    said, listed = [], {}
    for num, (name, held) in enumerate(zip(names, chain_of, strict=True), start=1):
        listed[name] = [f"{num:08d}{i:08d}" for i in range(len(held))]
        said += [
            SimpleNamespace(id=short, state="sent", account=account, ref_num=ref_num)
            for short, (account, ref_num) in zip(listed[name], held, strict=True)
        ]
    blocks = {name: SimpleNamespace(num=i, slot=i) for i, name in enumerate(names, start=1)}
    accounts = [SimpleNamespace(name=name, balance=own) for name, own in STAKES.items()]
    data: Any = SimpleNamespace(
        once=lambda make, *args: make(data, *args),
        events=lambda kind, columns: said, file=SimpleNamespace(n=1),
        slot_time_ns=lambda slot: slot,
        plan=SimpleNamespace(accounts=accounts, round_blocks=2), phase_at=lambda t_ns: "whole",
        db=SimpleNamespace(
            execute=lambda *_: SimpleNamespace(fetchall=lambda: list(listed.items()))
        ),
    )  # fmt: skip
    old = [blocks[name] for name in names[:judged]]
    chain: Any = SimpleNamespace(
        blocks=blocks, canonical=set(names), measured=lambda data: old
    )  # fmt: skip
    found = tapos.measure(data, chain)
    return tapos.pool(Pool([(data, found)], frozenset({"whole"}), whole=True))


def test_a_reference_confirms_its_block_and_all_before_it_once_with_all_the_stake() -> None:
    chain = [[], [("usera", 1)], [("usera", 1), ("userb", 2)], [("userc", 0)], [("usera", 4)], []]
    m = measured(chain, judged=2)
    # Block 1: usera after 1, userb after 2. Block 2: userb after 1, usera after 3.
    assert m["tapos"] == {"blocks": 2, "share_after": {"2": 0.55, "4": 0.8}}
    half = m["tapos_half_blocks"]
    assert (half["n"], half["censored"], half["min"], half["max"]) == (2, 0, 1, 3)


def test_a_block_that_never_has_half_of_the_stake_counts_as_such() -> None:
    m = measured([[], [("userb", 1)], [("userc", 1)]], judged=2)
    assert (m["tapos_half_blocks"]["n"], m["tapos_half_blocks"]["censored"]) == (2, 1)


def test_where_clients_do_not_say_what_they_refer_to_nothing_is_claimed() -> None:
    m = measured([[("", 0)], []])
    assert (m["tapos"], m["tapos_half_blocks"]["n"]) == ({"blocks": 0, "share_after": {}}, 0)


@given(
    chain=st.lists(
        st.lists(st.tuples(st.sampled_from(sorted(STAKES)), st.integers(0, 12)), max_size=3),
        min_size=1,
        max_size=12,
    )
)
def test_the_shares_are_those_of_a_naive_recount(chain: list[list[Sent]]) -> None:
    whole = [[("usera", 0)], *chain]
    # Nobody refers to a block that is not there yet.
    whole = [[(who, min(ref, num)) for who, ref in held] for num, held in enumerate(whole)]
    m = measured(whole)
    for k in (2, 4, 8, 16):
        shares = []
        for num in range(1, len(whole) + 1 - k):
            later = [sent for held in whole[num - 1 : num + k] for sent in held]
            behind = {account for account, ref_num in later if ref_num >= num}
            shares.append(sum(STAKES[account] for account in behind) / 100)
        told = m["tapos"]["share_after"].get(str(k))
        assert told == (round(sum(shares) / len(shares), 6) if shares else None)
