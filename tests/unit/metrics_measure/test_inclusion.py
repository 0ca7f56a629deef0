"""A transaction waits from its client's word to its own host's block of the chain."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from metrics.measure.confidence import inclusion
from metrics.measure.metric import Pool

S = 1_000_000_000


def event(host: str, at_s: float, **words: Any) -> Any:
    """Return a line of a host that wrote it so many seconds after T0, known to a tenth."""
    t_ns = at_s * S
    mono_ns = int(t_ns) + (5 if host == "h1" else 900) * S
    return SimpleNamespace(
        host=host, boot=words.pop("boot", "b"), mono_ns=mono_ns, t_ns=t_ns, lo_ns=t_ns - S / 10,
        hi_ns=t_ns + S / 10, **words,
    )  # fmt: skip


def measured(lines: dict[str, list[Any]], holds: dict[str, list[str]]) -> dict[str, Any]:
    """Return M's part; block b3 is of slot 3 and of phase `early`, b8 of `late`; x9 is orphaned."""
    rows = list(holds.items())
    data: Any = SimpleNamespace(
        once=lambda make, *args: make(data, *args),
        events=lambda kind, columns: lines.get(kind, []), file=SimpleNamespace(n=1),
        slot_time_ns=lambda slot: slot, phase_at=lambda t_ns: "late" if t_ns >= 5 else "early",
        db=SimpleNamespace(execute=lambda *_: SimpleNamespace(fetchall=lambda: rows)),
    )  # fmt: skip
    blocks = {name: SimpleNamespace(slot=int(name[1:])) for name in ("b3", "b8", "x9")}
    chain: Any = SimpleNamespace(blocks=blocks, canonical={"b3", "b8"})
    found = inclusion.measure(data, chain)
    pool = Pool([(data, found)], frozenset({"late"}), whole=True)
    return inclusion.pool(pool)


def sent(host: str, at_s: float, name: str, **more: str) -> Any:
    return event(host, at_s, id=name + "0" * 56, state="sent", **more)


def test_of_each_host_it_is_the_time_to_the_block_of_the_chain_as_that_host_applied_it() -> None:
    lines = {
        "txs": [sent("h1", 6, "a" * 8), sent("h2", 6.5, "b" * 8), sent("h2", 7, "c" * 8)],
        "applied": [
            event("h2", 8.25, id="x9"), event("h1", 8.5, id="b8"), event("h2", 9, id="b8"),
            event("h2", 9.5, id="b8"), event("h1", 9, id="b3"),
        ],
    }  # fmt: skip
    short = {name: name * 8 + "0" * 8 for name in "abc"}
    holds = {"b8": [short["a"], short["b"]], "x9": [short["b"], short["c"]], "b3": []}
    m = measured(lines, holds)
    assert [(q["n"], q["min"], q["max"]) for q in m["inclusion_by_host_s"].values()] == [
        (1, 2.5, 2.5), (1, 2.5, 2.5),
    ]  # fmt: skip
    assert list(m["inclusion_by_host_s"]) == ["h1", "h2"]
    assert m["inclusion_s"]["error"]["max"] == [2.5, 2.5]
    assert m["inclusion_s"]["n"] == 2


def test_across_a_boot_the_time_line_says_it_with_its_error() -> None:
    lines = {"txs": [sent("h1", 6, "a" * 8)], "applied": [event("h1", 8, id="b8", boot="after")]}
    m = measured(lines, {"b8": ["a" * 8 + "0" * 8]})
    assert m["inclusion_s"]["error"]["max"] == [1.8, 2.2]
    assert m["inclusion_s"]["max"] == 2.0


def test_a_phase_counts_the_blocks_of_its_slots_alone() -> None:
    lines = {"txs": [sent("h1", 6, "a" * 8)], "applied": [event("h1", 8, id="b3")]}
    m = measured(lines, {"b3": ["a" * 8 + "0" * 8]})
    assert (m["inclusion_s"]["n"], m["inclusion_by_host_s"]) == (0, {})
