"""What nodes told, written shortly, as the measures of branches read it.

Blocks are named by number and branch: a5 and b5 have number 5; slots are numbers. `a5 x y` holds
the transactions x and y.
"""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

Told = tuple[str, ...]


def num_of(name: str) -> int:
    """Return the number of a block, and its slot."""
    return int(re.sub(r"\D", "", name))


def applied(*names: str) -> list[Told]:
    """Return that a node's head came to each of the blocks."""
    return [("applied", *name.split()) for name in names]


def trial(
    hosts: dict[str, list[Told]], *, final: str = "", best: str = "", end: int = 100,
    liars: str = "", acts: dict[str, str] | None = None,
) -> tuple[Any, Any]:  # fmt: skip
    """Return (data, chain) of what hosts told; the last ten slots are too near the end."""
    names = {name for told in hosts.values() for kind, name, *_ in told if kind == "applied"}
    kinds: dict[str, list[Any]] = {
        "txs": [SimpleNamespace(id=id_, act=act) for id_, act in (acts or {}).items()]
    }
    listed: dict[str, list[str]] = {}
    for host, told in hosts.items():
        for seq, (kind, *words) in enumerate(told):
            kinds.setdefault(kind, []).append(_event(host, seq, kind, words))
            if kind == "applied":
                listed[words[0]] = words[1:]
    data: Any = SimpleNamespace(
        once=lambda make, *args: make(data, *args),
        planned=SimpleNamespace(liars=liars.split()), end_ns=end,
        slot_time_ns=lambda slot: slot, phase_at=lambda t_ns: "late" if t_ns >= 50 else "early",
        events=lambda kind, columns: kinds.get(kind, []), file=SimpleNamespace(n=1),
        phases=[SimpleNamespace(name=name, start_ns=0, end_ns=1) for name in ("early", "late")],
        db=SimpleNamespace(
            execute=lambda *_: SimpleNamespace(fetchall=lambda: list(listed.items()))
        ),
    )  # fmt: skip
    blocks = {name: SimpleNamespace(slot=num_of(name), num=num_of(name)) for name in names}
    whole = {*final.split(), *best.split()}
    return data, SimpleNamespace(
        blocks=blocks, final=set(final.split()), canonical=whole, judged_until_ns=lambda _: end - 10
    )


def _event(host: str, seq: int, kind: str, words: list[str]) -> Any:
    event = SimpleNamespace(kind=kind, host=host, node=host, seq=seq)
    match kind:
        case "applied" | "irreversible":
            event.id, event.num, event.slot = words[0], num_of(words[0]), num_of(words[0])
        case "precommitted" | "safe":
            event.first, event.num = int(words[0]), int(words[1])
        case "switched":
            event.ancestor_num = int(words[0])
        case "started":
            event.resumed_num = int(words[0])
    return event
