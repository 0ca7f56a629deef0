"""Who waits for many hosts is told from the first moment for whom."""

from __future__ import annotations

import socket
from concurrent.futures import Future
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.controller.awaiting import answers, each, progress


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


def test_all_hosts_are_asked_at_once() -> None:
    futures: dict[str, Future[str]] = {"a": Future(), "b": Future()}

    def one(name: str) -> str:
        """Answer only when the other one has been asked, too."""
        futures[name].set_result(name)
        return futures["b" if name == "a" else "a"].result(30)

    assert each(["a", "b"], one, "x", lambda _: None) == {"a": "b", "b": "a"}


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["check", "--quick"], "logging in to 1 host(s)"),
        (["deploy"], "asking what they are: 0 of 1 answered; waiting for a"),
        (["wipe"], "reaching them: 0 of 1 answered; waiting for a"),
    ],
)
def test_the_first_line_says_what_is_going_on_before_any_host_answers(
    tmp_path: Path, command: list[str], line: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]  # bound, but nobody listens
        path = tmp_path / "lab.yml"
        text = f"ansible_host: 127.0.0.1, ansible_port: {port}, ansible_user: nobody"
        path.write_text(f"all: {{hosts: {{a: {{{text}}}}}}}")
        done = CliRunner().invoke(app, [*command, "-i", str(path)])
    assert done.output.splitlines()[0].strip() == line
    assert done.exit_code == 3
