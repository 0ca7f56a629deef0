"""Power commands of an inventory become words for the provider: filled in, never a shell."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from faults.agent import ctl
from harness.errors import RunError
from harness.testbed import power


def host(**templates: str) -> Any:
    ssh = SimpleNamespace(address="192.0.2.7")
    return SimpleNamespace(name="n1", address="10.0.0.7", ssh=ssh, power=templates)


def test_marks_are_filled_in_word_by_word() -> None:
    templates = {"off": "ipmi -H {host} 'power off'", "state": "look {name} {address}"}
    assert power.commands(host(**templates)) == {
        "off": ["ipmi", "-H", "192.0.2.7", "power off"],
        "state": ["look", "n1", "10.0.0.7"],
    }


def test_a_lab_that_never_had_a_provider_has_nothing_to_heal(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert power.heal(SimpleNamespace(lab_id="rack-1")) == (True, [])  # type: ignore[arg-type]


@contextmanager
def answering(folder: Path, line: bytes) -> Iterator[None]:
    """Be a provider's agent that has one answer to everything."""
    (folder / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "run" / "agent.sock"))
        listening.listen()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    link, _ = listening.accept()
                    with link:
                        link.makefile("rb").readline()
                        link.sendall(line)

        server = threading.Thread(target=serve)
        server.start()
        try:
            yield
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            server.join()


UNREADABLE = (
    b"not json\n", b"[]\n", b'"ok"\n', b"null\n", b"7\n", b'{"ok": []}\n', b'{"ok": "yes"}\n',
    b'{"error": "busy"}\n', b'{"error": {"reason": 7}}\n', b'{"ok": {"a": 1}', b"\xff\xfe\n",
    b"[" * 100_000 + b"\n", b'{"ok": {"faults": 7}}\n', b'{"ok": {"faults": [{"id": "x"}]}}\n',
)  # fmt: skip


@pytest.mark.parametrize("line", UNREADABLE, ids=lambda line: repr(line[:20]))
def test_an_answer_that_cannot_be_read_is_one_line(tmp_path: Path, line: bytes) -> None:
    with answering(tmp_path, line), pytest.raises(RunError) as caught:
        power.Provider(tmp_path).status()
    said = str(caught.value)
    assert said.startswith("provider: status: its agent's answer cannot be read: ")
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"error": {"reason": "busy", "detail": "trial 1"}}\n', "busy: trial 1"),
        (b'{"error": {"reason": "busy"}}\n', "busy"),
        (b'{"error": {"detail": "trial 1"}}\n', "trial 1"),
        (b'{"error": {}}\n', "no reason given"),
        (b'{"error": null}\n', "no reason given"),
        (b'{"id": 1}\n', "no reason given"),
        (b"{}\n", "no reason given"),
        (b"", "its agent does not answer: it closed the connection"),
    ],
)
def test_a_refusal_without_a_reason_is_a_refusal(tmp_path: Path, line: bytes, why: str) -> None:
    with answering(tmp_path, line), pytest.raises(RunError) as caught:
        power.Provider(tmp_path).renew("t", 1)
    assert str(caught.value) == f"provider: renew: {why}"


def test_a_line_too_long_to_be_an_answer_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctl, "ANSWER_BYTES_MAX", 1_000)
    line = b'{"ok": {"faults": []}' + b" " * 2_000 + b"}\n"
    with answering(tmp_path, line), pytest.raises(RunError, match="answer cannot be read"):
        power.Provider(tmp_path).status()
