"""A closed loop never has more under way than it may, and a node tells of each end once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from node.events import Txs, TxState
from node.events.load_shape import Closed
from node.local.closed_loop import ENDS, KEPT_MAX, TOLD_MAX, ClosedLoop, Ends

steps = st.lists(st.tuples(st.sampled_from(["look", "end", "other", "lost", "later"]),
                           st.integers(0, 9)), max_size=60)  # fmt: skip


@given(st.integers(0, 8), steps)
def test_what_is_under_way_fills_the_loop_and_no_more(
    most: int, done: list[tuple[str, int]]
) -> None:
    loop = ClosedLoop(Closed(in_flight=most, until="irreversible", turn_ns=1))
    under_way: dict[str, int] = {}
    now_ns = count = 0
    for what, n in done:
        if what == "later":
            now_ns += n
            under_way = {name: until for name, until in under_way.items() if until >= now_ns}
        elif what == "lost":
            loop.lost()
            under_way.clear()
        elif what in ("end", "other"):
            chosen = [*under_way][n : n + 1] if what == "end" else [f"other {n}"]
            loop.ended(chosen)
            for name in chosen:
                under_way.pop(name, None)
        else:
            room = loop.room(0, now_ns)
            assert room == most - len(under_way)
            names = [f"{count + i}" for i in range(min(room, n))]
            count += len(names)
            loop.sent(names, now_ns + 20)
            under_way |= dict.fromkeys(names, now_ns + 20)
    assert loop.room(most, now_ns) == 0


def test_a_client_without_a_loop_begins_nothing_and_ends_nothing() -> None:
    loop = ClosedLoop(None)
    loop.sent(["a"], 5)
    assert (loop.room(0, 0), loop.ends_with(accepted=True), loop.ends_with(accepted=False)) == (
        0, False, False,
    )  # fmt: skip


def test_a_node_tells_of_each_end_once_to_who_began_to_ask() -> None:
    ends = Ends()

    def see(state: TxState, *ids: str) -> None:
        ends.see(Txs(ids=list(ids), state=state))

    see("irreversible", "before")
    assert ends.since(0) == ([], 0)
    for state in ("accepted", "included", "requeued"):
        see(state, "a")
    see("irreversible", "a", "b")
    see("expired", "c")
    assert ends.since(0) == (["a", "b", "c"], 3)
    see("rejected", "d")
    assert ends.since(3) == (["d"], 4)
    assert ends.since(4) == ([], 4)
    assert ends.since(9) == (["a", "b", "c", "d"], 4)  # Of a node before this one.
    assert {"irreversible", "expired", "rejected"} == ENDS


def test_of_many_ends_the_latest_are_kept_and_told_a_part_at_a_time() -> None:
    ends = Ends()
    ends.since(0)
    ids = [str(n) for n in range(KEPT_MAX + 10)]
    ends.see(Txs(ids=ids, state="irreversible"))
    told: list[str] = []
    count, part = 0, ids
    while part:
        part, count = ends.since(count)
        assert len(part) <= TOLD_MAX
        told += part
    assert (told, count) == (ids[10:], len(ids))
