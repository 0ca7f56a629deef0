"""The invariants over records in memory say what they say over a run folder."""

from __future__ import annotations

from typing import Any

from metrics.records import judge
from node import events

Row = tuple[int, str, Any]


def block(num: int, *, branch: str = "a", producer: str = "producera") -> dict[str, Any]:
    return {"num": num, "id": f"{branch}{num}", "slot": num, "producer": producer}


def lived(host: str) -> list[Row]:
    """Return an honest host's records: three blocks, one of them final, one its own."""
    rows: list[Any] = [
        events.Started(software="1", python="3", role="node", resumed_num=1, resumed_lib=1)
    ]
    for num in (2, 3, 4):
        if num == 3 and host == "n1":
            rows.append(events.Produced(**block(num), tx_count=0, size_bytes=9, confirmed=0))
        rows.append(
            events.Applied(
                **block(num), previous=f"a{num - 1}", header="", state_digest=f"s{num}", tx_count=0
            )
        )
    rows.append(events.Irreversible(num=2, id="a2"))
    return [(i, host, row) for i, row in enumerate(rows)]


def broken(rows: list[Row], **more: Any) -> set[str]:
    return {name for name, found in judge(rows, **more).items() if found}


def test_honest_hosts_break_nothing() -> None:
    assert broken([*lived("n1"), *lived("n2")]) == set()


def test_each_breach_is_found_under_the_name_of_its_check() -> None:
    conflict = (9, "n2", events.Irreversible(num=2, id="b2"))
    assert "no_conflicting_finality" in broken([*lived("n1"), conflict])
    twice = (9, "n2", events.Produced(
        **block(3, branch="b"), tx_count=0, size_bytes=9, confirmed=0
    ))  # fmt: skip
    assert broken([*lived("n1"), twice]) == {"no_double_sign"}
    forgot = (9, "n1", events.Started(
        software="1", python="3", role="node", resumed_num=4, resumed_lib=1
    ))  # fmt: skip
    assert broken([*lived("n1"), forgot]) == {"lib_never_decreases", "restart_keeps_state"}


def test_what_liars_say_and_sign_breaks_nothing() -> None:
    conflict = (9, "n2", events.Irreversible(num=2, id="b2"))
    assert broken([*lived("n1"), conflict], liars=frozenset({"n2"})) == set()
    twice = (9, "n3", events.Produced(
        **block(3, branch="b"), tx_count=0, size_bytes=9, confirmed=0
    ))  # fmt: skip
    assert broken([*lived("n1"), twice], lying_producers=frozenset({"producera"})) == set()
