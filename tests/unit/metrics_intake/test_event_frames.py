"""Rows of events as columns: what a database takes in is what was written."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from metrics.intake import event_table
from metrics.intake.inserter import Inserter
from metrics.intake.lines import event_host
from metrics.results.written import tables

HEAD = {"v": 1, "host": "n1", "boot": "b", "wall_ns": 5, "mono_ns": 7}
PROBE = {
    "kind": "probe",
    "node": "n1.probe",
    "peer": "n2",
    "flow": "path",
    "sent": 2,
    "received": 2,
}


def taken(folder: Path, lines: list[dict[str, Any]], kind: str, columns: str) -> list[Any]:
    """Return what the table of a kind has of a host's lines, those columns of each."""
    host = folder / "n1"
    host.mkdir()
    (host / "events.jsonl").write_bytes(msgspec.json.Encoder().encode_lines(lines))
    with closing(event_table.connect()) as db:
        inserter = Inserter(db, 1)
        inserter.add(event_host.take(host))
        inserter.end()
        return [row[6:] for row in event_table.rows(db, 1, kind, columns)]


@pytest.mark.parametrize("rtts_ns", [[2**40, -1], [2**63 - 1], [-(2**63)]])
def test_a_list_may_hold_its_largest_number_in_the_last_of_many_lines(
    tmp_path: Path, rtts_ns: list[int]
) -> None:
    lists = [*([[1, 2]] * 3000), [], rtts_ns]
    lines = [{**HEAD, **PROBE, "seq": seq, "rtts_ns": own} for seq, own in enumerate(lists)]
    found = taken(tmp_path, lines, "probe", "rtts_ns t1_ns peer_boot")
    assert found == [(own, 0, "") for own in lists]


def test_text_is_kept_whatever_is_in_it(tmp_path: Path) -> None:
    texts = ["", "a\0b", "ü😀\u202e", "'; DROP TABLE x", "x" * 100_000]
    lines = [
        {**HEAD, "kind": "stopped", "node": "n1", "seq": seq, "reason": text}
        for seq, text in enumerate(texts)
    ]
    assert taken(tmp_path, lines, "stopped", "reason") == [(text,) for text in texts]


def test_what_is_kept_as_written_is_the_same_text_again(tmp_path: Path) -> None:
    said = {"num": 1, "version": 2, "state": "active", "producers": ["b", "a"]}
    line = {**HEAD, "kind": "schedule", "node": "n1", "seq": 0, **said}
    assert taken(tmp_path, [line], "schedule", "producers num") == [('["b","a"]', 1)]


@pytest.mark.parametrize(
    ("written", "in_order"),
    [
        ({"n1": [("", 0), ("", 2)], "n2": [("", 1)]}, True),
        ({"n1": [("", 2), ("", 0)], "n2": [("", 1)]}, False),
        ({"n1": [(".probe", 0), ("", 1)]}, False),
        ({"n": [(".probe", 0)], "n-1": [("", 0)]}, False),
    ],
)
def test_events_are_written_by_writer_and_number_however_they_came(
    tmp_path: Path, written: dict[str, list[tuple[str, int]]], in_order: bool
) -> None:
    with closing(event_table.connect()) as db:
        inserter = Inserter(db, 1)
        for host, told in written.items():
            (tmp_path / host).mkdir()
            lines = [
                {
                    **HEAD,
                    "host": host,
                    "kind": "stopped",
                    "reason": "",
                    "node": host + role,
                    "seq": n,
                }
                for role, n in told
            ]
            events = tmp_path / host / "events.jsonl"
            events.write_bytes(msgspec.json.Encoder().encode_lines(lines))
            inserter.add(event_host.take(tmp_path / host))
        inserter.end()
        assert inserter.in_order() == ({"stopped"} if in_order else set())
        tables.write_events(tmp_path, 1, db, True, inserter.in_order())
        found = db.execute(f"SELECT node, seq FROM '{tmp_path}/parts/*/*.parquet'").fetchall()
    wanted = [(host + role, seq) for host, told in written.items() for role, seq in told]
    assert found == sorted(wanted)
