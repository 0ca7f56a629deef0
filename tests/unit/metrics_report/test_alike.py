"""Notes of one kind are one note with a count."""

from __future__ import annotations

from metrics.report.alike import Alike, gathered


def test_texts_that_differ_in_hosts_and_numbers_alone_are_one() -> None:
    texts = [
        "trial 1: n1: 3 broken event lines were rejected",
        "trial 1: the clock of n1 is not checked",
        "trial 1: n12: 40 broken event lines were rejected",
        "trial 2: n1: 0.5 broken event lines were rejected",
    ]
    assert gathered(texts, ["n1", "n12"]) == [
        Alike(texts[0], [texts[2], texts[3]]), Alike(texts[1], []),
    ]  # fmt: skip


def test_what_is_said_of_something_else_stands_by_itself() -> None:
    texts = ["rack-a: lost", "rack-b: lost", "rack-a: gone", "dc: lost"]
    assert gathered(texts, ["rack-a", "rack-b", "a.b"]) == [
        Alike("rack-a: lost", ["rack-b: lost"]), Alike("rack-a: gone", []), Alike("dc: lost", []),
    ]  # fmt: skip
    assert gathered(texts[:2], []) == [Alike(texts[0], []), Alike(texts[1], [])]
    assert gathered([], ["n1"]) == []
