"""Hosts are read in pieces, or line by line where a file is bent: both give the same."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import msgspec
from hypothesis import given
from hypothesis import strategies as st

from metrics.intake import event_table
from metrics.intake.inserter import Inserter
from metrics.intake.lines import event_host

TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
COUNT = st.sampled_from((0, 1, 2**63 - 1))
WHOLE = st.one_of(st.integers(-(2**63), 2**63 - 1), st.just(0))
RECORDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "stopped": {"reason": TEXT},
    "probe": {
        "peer": TEXT, "flow": st.sampled_from(("clock", "path")), "sent": COUNT, "received": COUNT,
        "rtts_ns": st.one_of(st.lists(WHOLE, max_size=9), st.just([3] * 40)),
    },
    "txs": {"ids": st.lists(TEXT, max_size=3), "state": st.just("sent")},
    "supply": {"num": COUNT, "id": TEXT, "issued": WHOLE, "held": st.dictionaries(TEXT, WHOLE)},
}  # fmt: skip
"""Fields of kinds with columns of each type."""
BENDS = (
    (b'"seq":', b'"seq":"'), (b'"kind"', b'"other"'), (b"}", b""), (b"]", b"null]"),
    (b'"mono_ns":7', b'"mono_ns":7.0'), (b'"mono_ns":7', b'"mono_ns":7,"mono_ns":8,"more":[{}]'),
    (b'"host":"n1"', b'"host":"n1","host":"n2"'), (b"}", b"}{}"), (b",", b",\r"), (b",", b",\n"),
    (b"\xc3", b""), (b'"kind":"', b'"kind":"new_'),
)  # fmt: skip


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Return a line of a host's file, nearly always as a node writes it."""
    kind = draw(st.sampled_from([*RECORDS]))
    role, boot = draw(st.sampled_from(event_host.ROLES)), draw(st.sampled_from("ab"))
    seq = draw(st.one_of(st.integers(0, 2**63 - 1), st.integers(0, 999)))
    head = {"v": 1, "host": "n1", "node": f"n1{role}", "boot": boot, "seq": seq, "wall_ns": 5}
    said = {name: draw(values) for name, values in RECORDS[kind].items()}
    line = msgspec.json.encode({**head, "mono_ns": 7, "kind": kind, **said})
    if draw(st.integers(0, 29)) == 0:
        line = line.replace(*draw(st.sampled_from(BENDS)), 1)
    return line + b"\n"


def taken(db: duckdb.DuckDBPyConnection, told: bytes) -> tuple[Any, ...]:
    """Return the rows of each table, and what is said, of a host whose file is this."""
    with TemporaryDirectory() as name:
        host = Path(name) / "n1"
        host.mkdir()
        (host / "events.jsonl").write_bytes(told)
        found = event_host.take(host)
    db.begin()
    inserter = Inserter(db, 1)
    inserter.add(found)
    inserter.end()
    rows = {
        word: sorted(map(repr, db.execute(f"FROM event_{word}").fetchall()))
        for word in found.frames
    }
    db.rollback()
    return rows, inserter.told, found.rejected, found.repeated, found.findings


def test_what_comes_in_is_the_same_whether_each_line_is_looked_at_or_not() -> None:
    with closing(event_table.connect(threads=1)) as db:

        @given(st.lists(lines(), max_size=12).map(b"".join))
        def same(told: bytes) -> None:
            assert taken(db, told) == taken(db, told + b"\0\n")

        same()
