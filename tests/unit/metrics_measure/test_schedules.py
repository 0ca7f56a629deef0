"""The schedule's history: what final blocks did, as all whole records of correct hosts tell it.

Blocks are named by number and branch: a5 and b5 have number 5; the slot of a block is its number,
and a host executes it at that time plus its own delay.
"""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import Any

import pytest

from metrics.measure.delegation import schedule
from metrics.measure.delegation.schedule import History
from metrics.measure.metric import Pool

Told = tuple[str, ...]
START = "a b c"


def block(name: str, *steps: str) -> list[Told]:
    """Return a node's lines of a block: executed, then `<version> <state> <producers>` of each."""
    return [("applied", name), *(("schedule", *step.split(" ", 2), name) for step in steps)]


def data_of(
    hosts: dict[str, list[Told]], *, liars: str = "", damaged: str = "", delays: dict[str, Any]
) -> Any:
    kinds: dict[str, list[Any]] = {}
    for host, told in hosts.items():
        for seq, (kind, *words) in enumerate([*told, ("applied", "z99")]):
            event = _event(host, seq, kind, words, delays.get(host, 0.0))
            kinds.setdefault(kind, []).append(event)
    data: Any = SimpleNamespace(
        once=lambda make, *args: make(data, *args),
        planned=SimpleNamespace(liars=frozenset(liars.split())),
        intake=SimpleNamespace(damaged=frozenset(damaged.split())),
        plan=SimpleNamespace(producers=START.split(), fio=None),
        slot_time_ns=lambda slot: slot, phase_at=lambda t_ns: "late" if t_ns >= 50 else "early",
        events=lambda kind, columns: kinds.get(kind, []),
    )  # fmt: skip
    return data


def _event(host: str, seq: int, kind: str, words: list[str], delay: float) -> Any:
    event = SimpleNamespace(kind=kind, host=host, node=host, seq=seq)
    match kind:
        case "applied":
            event.id = words[0]
            event.num = event.slot = int(re.sub(r"\D", "", words[0]))
            event.t_ns = event.num + delay
            event.lo_ns, event.hi_ns = event.t_ns - 0.5, event.t_ns + 0.5
            if delay != delay:
                event.lo_ns, event.hi_ns = float("-inf"), float("inf")
        case "schedule":
            version, event.state, producers, name = words
            event.version, event.num = int(version), int(re.sub(r"\D", "", name))
            event.producers = json.dumps(producers.split())
    return event


def history(
    hosts: dict[str, list[Told]], *, final: str, liars: str = "", damaged: str = "",
    delays: dict[str, Any] | None = None,
) -> History:  # fmt: skip
    data = data_of(hosts, liars=liars, damaged=damaged, delays=delays or {})
    chain: Any = SimpleNamespace(final=set(final.split()))
    return schedule.measure(data, chain)


def figures(found: History) -> dict[str, Any]:
    pool: Any = Pool([(None, found)], frozenset({"early", "late"}), whole=True)  # type: ignore[list-item]
    return schedule.pool(pool)


CHANGE = [
    *block("a2"), *block("a3", "1 proposed a b d"), *block("a7", "1 pending a b d"),
    *block("a12", "1 active a b d"),
]  # fmt: skip
ALL = "a2 a3 a7 a12"


def shown(found: History) -> list[tuple[Any, ...]]:
    """Return (version, came, left, fate, number of each step's block)."""
    return [
        (c.version, " ".join(c.joined), " ".join(c.left), c.fate,
         *(at and at.num for at in (c.proposed, c.pending, c.active)))
        for c in found.changes
    ]  # fmt: skip


def test_a_change_counts_once_with_who_came_and_who_left_and_each_step() -> None:
    found = history({"n1": CHANGE, "n2": CHANGE}, final=ALL)
    assert shown(found) == [(1, "d", "c", "active", 3, 7, 12)]
    assert (found.unknown, found.contradictions) == (0, [])
    assert figures(found)["schedule"] == {
        "changes": 1, "active": 1, "replaced": 0, "open": 0, "unknown_blocks": 0
    }  # fmt: skip
    assert figures(found)["schedule_delay_blocks"]["max"] == 9


def test_the_moment_is_that_of_the_first_host_with_what_its_clock_leaves_open() -> None:
    found = history({"n1": CHANGE, "n2": CHANGE}, final=ALL, delays={"n1": 4.0, "n2": 1.25})
    (change,) = found.changes
    assert change.active is not None
    assert (change.active.t_ns, change.active.lo_ns, change.active.hi_ns) == (13.25, 12.75, 13.75)


def test_where_a_hosts_times_are_not_known_it_may_have_been_the_first() -> None:
    nan = float("nan")
    found = history({"n1": CHANGE, "n2": CHANGE}, final=ALL, delays={"n1": nan, "n2": 1.0})
    (change,) = found.changes
    assert change.active is not None
    assert change.active.t_ns != change.active.t_ns
    assert figures(found)["schedule_delay_s"]["unknown"] == 1
    assert figures(found)["schedule_delay_blocks"]["n"] == 1


def test_what_is_not_final_has_not_happened() -> None:
    found = history({"n1": CHANGE}, final="a2 a3 a7")
    assert shown(found) == [(1, "d", "c", "open", 3, 7, None)]
    assert figures(found)["schedule_delay_blocks"]["censored"] == 1
    lost = [*CHANGE, *block("b3", "1 proposed a c d"), *block("b4")]
    assert shown(history({"n1": lost}, final="a2 b3 b4")) == [(1, "d", "b", "open", 3, None, None)]


def test_a_proposal_is_replaced_by_one_that_comes_before_it_is_pending() -> None:
    again = [
        *block("a2", "1 proposed a b"), *block("a3", "1 proposed a b d"),
        *block("a7", "1 pending a b d"), *block("a8", "2 proposed a b c"),
        *block("a9", "1 active a b d"),
    ]  # fmt: skip
    found = history({"n1": again}, final="a2 a3 a7 a8 a9")
    assert shown(found) == [
        (1, "", "c", "replaced", 2, None, None), (1, "d", "c", "active", 3, 7, 9),
        (2, "c", "d", "open", 8, None, None),
    ]  # fmt: skip


def test_other_producers_without_a_proposal_are_a_change_that_nobody_gives_a_reason_for() -> None:
    (change,) = history({"n1": block("a2", "5 active d a b")}, final="a2").changes
    assert (change.joined, change.left, change.why) == (["d"], ["c"], "not told")


def test_turns_in_another_order_are_no_change_and_other_keys_are_one() -> None:
    shuffled = [*block("a2", "1 active c a b"), *block("a5", "2 active b a c")]
    found = history({"n1": shuffled}, final="a2 a5")
    assert (found.changes, figures(found), schedule.told(found)) == ([], {}, {})
    keys = block("a2", "1 proposed a b c")
    assert shown(history({"n1": keys}, final="a2")) == [(1, "", "", "open", 2, None, None)]


def test_hosts_that_tell_different_facts_of_a_block_are_a_finding_and_neither_is_believed() -> None:
    other = [*block("a2"), *block("a3", "1 proposed a b e")]
    found = history({"n1": CHANGE[:4], "n2": other}, final="a2 a3")
    assert (found.changes, found.unknown) == ([], 1)
    assert found.contradictions == ["block 3 a3: n1 and n2 tell other facts"]
    silent = [*block("a2"), *block("a3")]
    assert history({"n1": CHANGE[:4], "n2": silent}, final="a2 a3").unknown == 1
    for unheard in ({"liars": "n2"}, {"damaged": "n2"}):
        assert shown(history({"n1": CHANGE, "n2": other}, final=ALL, **unheard)) == [
            (1, "d", "c", "active", 3, 7, 12)
        ]


def test_two_final_blocks_of_one_height_decide_nothing() -> None:
    other = [*block("a2"), *block("b3", "1 proposed a b e")]
    found = history({"n1": CHANGE[:4], "n2": other}, final="a2 a3 b3")
    assert (found.changes, found.unknown) == ([], 2)


def test_of_blocks_that_no_whole_record_tells_of_nothing_is_known() -> None:
    cut = [("started",), *CHANGE[:3], ("started",), *block("a7", "1 pending a b d"), *block("a8")]
    found = history({"n1": cut}, final="a2 a3 a7 a8")
    assert shown(found) == [(1, "d", "c", "open", None, 7, None)]
    assert (found.unknown, found.changes[0].why) == (1, "not told")
    both = history({"n1": cut, "n2": cut}, final="a2 a3 a7 a8")
    assert (both.unknown, shown(both)) == (0, [(1, "d", "c", "open", 3, 7, None)])
    unlike = history({"n1": cut, "n2": [*block("a3"), ("started",)]}, final="a2 a3 a7 a8")
    assert (unlike.unknown, unlike.contradictions) == (1, [])
    nothing = history({"n1": CHANGE}, final=ALL, damaged="n1")
    assert (nothing.changes, nothing.unknown) == ([], 4)
    assert figures(nothing)["schedule"]["unknown_blocks"] == 4


@pytest.mark.parametrize(("unknown", "low", "high"), [(0, 0, 0), (3, 0, float("inf"))])
def test_an_expectation_of_changes_knows_none_from_unknown(
    unknown: int, low: float, high: float
) -> None:
    m = figures(History(["a"], [], unknown))
    (expected,) = [e for e in schedule.METRIC.expected if e.name == "schedule.changes"]
    assert expected.open is not None
    found = expected.open(m, expected.name)
    assert found is not None
    assert (found.low, found.high) == (low, high)


def test_bars_end_with_the_change_that_leaves_one_out_and_begin_with_the_next() -> None:
    back = [*CHANGE, *block("a20", "2 proposed a c"), *block("a25", "2 pending a c"),
            *block("a30", "2 active a c")]  # fmt: skip
    found = history({"n1": back}, final=f"{ALL} a20 a25 a30")
    assert sorted(found.spells(40.0)) == [
        ("a", 0.0, 40.0), ("b", 0.0, 30.0), ("c", 0.0, 12.0), ("c", 30.0, 40.0), ("d", 12.0, 30.0),
    ]  # fmt: skip
