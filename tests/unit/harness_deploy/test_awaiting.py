"""Who waits for many hosts is told from the first moment for whom."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from harness.awaiting import answers, progress


@pytest.mark.parametrize(
    ("awaited", "line"),
    [
        ([], "asking: 9 of 9 answered"),
        (["a", "b"], "asking: 7 of 9 answered; waiting for a, b"),
        (list("abcdefgh"), "asking: 1 of 9 answered; waiting for a, b, c, d, e, f and 2 more"),
    ],
)
def test_a_line_counts_answers_and_names_who_is_awaited(awaited: list[str], line: str) -> None:
    assert progress("asking", 9, awaited) == line


def test_results_come_in_the_order_of_the_hosts_and_each_answer_is_told() -> None:
    futures: dict[str, Future[int]] = {"a": Future(), "b": Future()}
    said: list[str] = []

    def tell(text: str) -> None:
        """Let b answer after the first line, a after the second."""
        said.append(text)
        for count, name, value in ((1, "b", 2), (2, "a", 1)):
            if len(said) == count:
                futures[name].set_result(value)

    assert list(answers(futures, "x", tell).items()) == [("a", 1), ("b", 2)]
    assert said == [
        "x: 0 of 2 answered; waiting for a, b",
        "x: 1 of 2 answered; waiting for a",
        "x: 2 of 2 answered",
    ]


def test_what_one_host_raised_is_raised_when_all_have_ended() -> None:
    futures: dict[str, Future[int]] = {"a": Future(), "b": Future()}
    futures["a"].set_exception(OSError("a"))
    futures["b"].set_result(1)
    with pytest.raises(OSError, match="a"):
        answers(futures, "x", lambda _: None)
