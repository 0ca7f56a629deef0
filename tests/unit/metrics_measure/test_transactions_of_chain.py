"""What became of transactions is read from the blocks, whatever their entry nodes say of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.unit.metrics_build.bend import Line, Lines, Rebuilt

ONE = "h1-60"
"""Sent by h1 at 30.1 s, in the calm between the delay and the split."""


def _of_chain(lines: Lines) -> Iterator[Line]:
    return (x for own in lines.values() for x in own if x["kind"] == "applied")


def _take_out(lines: Lines, id_: str) -> None:
    """Take the transaction out of every block."""
    for line in _of_chain(lines):
        line["transactions"] = [held for held in line["transactions"] if held != id_]
        line["tx_count"] = len(line["transactions"])


def _tell(lines: Lines, state: str) -> None:
    """Have the entry node say so of the one transaction, and nothing else of its end."""
    for line in lines["h1"]:
        if line["kind"] == "txs" and line["ids"] == [ONE] and line["state"] != "sent":
            line["state"] = state


def _phase(summary: dict[str, Any], name: str = "recovery") -> dict[str, Any]:
    found: dict[str, Any] = summary["cells"][0]["phases"][name]["transactions"]
    return found


CLEAN = {
    "sent": 256, "included": 256, "irreversible": 256, "rejected": 0, "expired": 0, "lost": 0,
    "lost_by_host": {},
}  # fmt: skip
"""Of the recovery after each fault: 32 s of eight a second, in blocks that all became final."""
GONE = CLEAN | {"included": 255, "irreversible": 255}
LOST = GONE | {"lost": 1, "lost_by_host": {"h1": 1}}


def test_what_is_sent_to_a_dead_node_is_lost_there_and_all_else_becomes_final(
    rebuilt: Rebuilt,
) -> None:
    summary = rebuilt()
    assert summary["verdict"] == "pass"
    assert _phase(summary) == CLEAN
    assert _phase(summary, "kill-1") == {
        "sent": 40, "included": 30, "irreversible": 30, "rejected": 0, "expired": 0, "lost": 10,
        "lost_by_host": {"h3": 10},
    }  # fmt: skip
    whole = summary["metrics"]["transactions"]
    assert (whole["lost"], whole["lost_by_host"]) == (10, {"h3": 10})


def test_a_nodes_word_that_it_is_final_does_not_put_it_into_a_block(rebuilt: Rebuilt) -> None:
    assert _phase(rebuilt(lambda lines: _take_out(lines, ONE))) == LOST


def test_a_node_that_tells_nothing_loses_nothing(rebuilt: Rebuilt) -> None:
    def forget(lines: Lines) -> None:
        for line in lines["h1"]:
            if line["kind"] == "txs" and line["state"] != "sent":
                line.update(ids=["another"], state="accepted")

    assert _phase(rebuilt(forget)) == CLEAN


def test_an_expired_one_is_lost(rebuilt: Rebuilt) -> None:
    def expire(lines: Lines) -> None:
        _take_out(lines, ONE)
        _tell(lines, "expired")

    assert _phase(rebuilt(expire)) == LOST | {"expired": 1}


def test_a_refused_one_is_not_lost(rebuilt: Rebuilt) -> None:
    def refuse(lines: Lines) -> None:
        _take_out(lines, ONE)
        _tell(lines, "rejected")

    assert _phase(rebuilt(refuse)) == GONE | {"rejected": 1}


def test_a_block_proves_wrong_who_says_refused_or_expired(rebuilt: Rebuilt) -> None:
    assert _phase(rebuilt(lambda lines: _tell(lines, "rejected"), again="1")) == CLEAN
    assert _phase(rebuilt(lambda lines: _tell(lines, "expired"), again="2")) == CLEAN


def test_one_that_only_an_orphan_holds_is_lost_even_if_it_was_refused_afterwards(
    rebuilt: Rebuilt,
) -> None:
    def orphan(lines: Lines) -> None:
        _take_out(lines, ONE)
        made = {x["id"] for own in lines.values() for x in own if x["kind"] == "irreversible"}
        alone = next(x for x in lines["h4"] if x["kind"] == "applied" and "b" in x["id"][8:9])
        assert alone["id"] not in made
        alone |= {"transactions": [ONE], "tx_count": 1}
        _tell(lines, "rejected")

    assert _phase(rebuilt(orphan)) == LOST


def test_without_lists_in_the_record_the_figures_are_unknown_and_so_is_what_was_expected(
    rebuilt: Rebuilt,
) -> None:
    def older(lines: Lines) -> None:
        for line in _of_chain(lines):
            del line["transactions"]

    summary = rebuilt(older, expect={"recovery": {"transactions.lost": {"max": 0}}})
    unknown = dict.fromkeys(("included", "irreversible", "lost", "lost_by_host"))
    assert _phase(summary) == CLEAN | unknown
    assert summary["verdict"] == "invalid"
    assert summary["invalid"] == [
        "recovery.transactions.lost ≤ 0: unknown, the record does not tell"
    ]


def test_one_host_that_tells_what_a_block_holds_is_enough(rebuilt: Rebuilt) -> None:
    def older(lines: Lines) -> None:
        for host in ("h1", "h2", "h3"):
            for line in _of_chain({host: lines[host]}):
                del line["transactions"]

    assert _phase(rebuilt(older)) == CLEAN
