"""The search for the highest load, what a load is judged by, and the arithmetic of its rows."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.bench import rate
from harness.bench.rate import APART, STEPS_MAX, at_highest, holds, next_rate, overloaded
from harness.bench.rig.load import Outcome, chain_of

S = 1_000_000_000
HELD = Outcome(
    asked=1000, sent=1000, in_blocks=970, refused={}, slots=30, missed=0, final=True,
    finality_s=[3.0, 4.0, 8.0], calm_s=[2.0, 4.0], processor_s=20.0, rss_mb=90.0, calm_rss_mb=45.0,
)  # fmt: skip


def search(limit: int, begin: float) -> dict[int, bool]:
    """Return what was tried of a machine that holds loads up to a limit, in order."""
    tried: dict[int, bool] = {}
    while asked := next_rate(tried, begin=begin):
        assert asked not in tried
        tried[asked] = asked <= limit
    return tried


def test_the_search_doubles_and_then_halves_what_is_between() -> None:
    assert search(limit=1_300, begin=500) == {
        500: True, 1000: True, 2000: False, 1414: False, 1189: True, 1297: True,
    }  # fmt: skip


def test_where_the_first_load_is_too_much_the_search_goes_down() -> None:
    assert search(limit=110, begin=400) == {
        400: False,
        200: False,
        100: True,
        141: False,
        119: False,
        109: True,
    }


def test_a_machine_that_holds_nothing_ends_the_search() -> None:
    assert not any(search(limit=0, begin=3).values())


@given(limit=st.integers(1, 10**6), begin=st.floats(1, 10**5))
def test_the_search_ends_in_few_steps_at_the_limit_or_within_reach_of_it(
    limit: int, begin: float
) -> None:
    tried = search(limit, begin)
    held = [asked for asked, well in tried.items() if well]
    broke = [asked for asked, well in tried.items() if not well]
    assert len(tried) <= STEPS_MAX
    if held and broke and len(tried) < STEPS_MAX:
        assert max(held) <= limit < min(broke) <= max(max(held) * APART, max(held) + 1)


@pytest.mark.parametrize(
    ("change", "well"),
    [({}, True), ({"missed": 1}, False), ({"in_blocks": 969}, False), ({"final": False}, False)],
)
def test_a_load_holds_where_no_slot_is_missed_and_nearly_all_is_final(
    change: dict[str, int], well: bool
) -> None:
    assert holds(dataclasses.replace(HELD, **change)) is well


def test_the_share_of_signatures_is_of_all_processors_for_as_long_as_the_load_lasts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate, "LOAD_S", 10)
    rows = at_highest(4, HELD, signed_s=0.001, processors=2)
    assert [(row.what, row.value, row.unit, row.n, row.floor) for row in rows] == [
        ("4 nodes, transfers with no slot missed", 97.0, "/s", 970, 2000.0),
        ("4 nodes, signatures, of the machine's time", 4.85, "%", 970, None),
        ("4 nodes, signatures, of the processors' work", 4.85, "%", 970, None),
        ("4 nodes, memory of one at most", 90.0, "MB", 4, 45.0),
        ("4 nodes, finality, median", 4.0, "s", 3, 3.0),
        ("4 nodes, finality, largest", 8.0, "s", 3, 4.0),
    ]
    assert rows[0].ratio == pytest.approx(0.0485)


def test_what_is_not_taken_of_ten_times_the_load_is_told_by_name_or_as_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate, "LOAD_S", 10)
    over = dataclasses.replace(HELD, asked=10_000, sent=9_800, in_blocks=900, missed=2, rss_mb=99.0,
                               refused={"expired": 100, "busy": 8_000})  # fmt: skip
    rows = overloaded(1, over, HELD)
    assert [(row.what, row.value, row.unit, row.n, row.floor) for row in rows] == [
        ("1 node at 1000 %, slots missed", 2, "", 30, None),
        ("1 node at 1000 %, transfers", 90.0, "/s", 900, 97.0),
        ("1 node at 1000 %, memory of one at most", 99.0, "MB", 1, 90.0),
        ("1 node at 1000 %, refused as busy", 80.0, "%", 10_000, None),
        ("1 node at 1000 %, refused as expired", 1.0, "%", 10_000, None),
        ("1 node at 1000 %, not sent by clients in time", 2.0, "%", 10_000, None),
        ("1 node at 1000 %, sent, but neither refused nor in blocks", 8.0, "%", 10_000, None),
    ]


def test_blocks_that_are_not_on_the_last_head_fill_no_slot() -> None:
    def applied(name: str, previous: str, slot: int, count: int) -> dict[str, object]:
        return {
            "kind": "applied",
            "id": name,
            "previous": previous,
            "slot": slot,
            "tx_count": count,
        }

    chain = chain_of([
        *({"kind": "slot_due", "slot": slot, "due_ns": slot * S} for slot in range(1, 5)),
        applied("a", "genesis", 1, 5), applied("lost", "a", 2, 7), applied("c", "a", 3, 9),
        {"kind": "irreversible", "id": "a", "wall_ns": 4 * S},
    ])  # fmt: skip
    assert (chain.transfers, chain.final_ns) == ({1: 5, 3: 9}, {1: 4 * S})
    assert chain.finality_s(1 * S, 3 * S) == [3.0]
    assert chain.finality_s(2 * S, 3 * S) == []
