"""Who was scheduled for a block, as the blocks of the branch that won say."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from metrics.intake.schedules import Schedules, of_branch

ABC, ABD, AXY = (frozenset(names) for names in ("abc", "abd", "axy"))


def told(host: str, *lines: str) -> list[Any]:
    """Return what a host wrote: a block by id and number, or a schedule by state and names."""
    found = []
    for seq, line in enumerate(lines):
        word, rest = line.split()
        common = {"host": host, "node": host, "seq": seq}
        if rest.isdigit():
            num = int(rest)
            found.append(SimpleNamespace(kind="applied", **common, id=word, num=num, slot=num))
        else:
            names = json.dumps(sorted(rest))
            fields = {"num": num, "state": word, "producers": names}
            found.append(SimpleNamespace(kind="schedule", **common, **fields))
    return found


def data(lines: list[Any], **fio: Any) -> Any:
    """Return a trial of three producers in which that was told; n9 is made to lie."""
    return SimpleNamespace(
        plan=SimpleNamespace(producers=["a", "b", "c"], fio=fio or None),
        planned=SimpleNamespace(liars=frozenset({"n9"})),
        events=lambda kind, columns: [line for line in lines if line.kind == kind],
    )


def test_a_schedule_holds_for_the_blocks_after_the_one_that_made_it_active() -> None:
    lines = [
        *told("n1", "b1 1", "active cba", "b2 2", "proposed abd", "b4 4", "active abd", "b6 6"),
        *told("n2", "b1 1", "c2 2", "active axy", "b4 4", "active abd", "b9 9", "active abc"),
        *told("n9", "b6 6", "active axy"),
    ]
    found = of_branch(data(lines), {"b1", "b2", "b4", "b6", "b9"})
    assert found == Schedules(ABC, ((4, ABD), (9, ABC)))
    assert [found.of_block(num) for num in (1, 4, 5, 9, 10)] == [ABC, ABC, ABD, ABD, ABC]
    assert of_branch(data(lines), set()) == Schedules(ABC)


def test_one_alone_is_scheduled_until_the_others_are_elected() -> None:
    lines = told("n1", "b1 1", "b7 7", "active abc")
    found = of_branch(data(lines, initial="system"), {"b1", "b7"})
    assert found == Schedules(frozenset("a"), ((7, ABC),))
