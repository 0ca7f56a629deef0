"""The inspect commands: JSON out, and every mistake one line with exit status 2."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.__main__ import main

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
PRINTED: dict[str, Any] = json.loads((VECTORS / "printed_blocks.json").read_text())


class Terminal:
    """Runs the command line in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *words: str, stdin: bytes = b"") -> tuple[int, str, str]:
        """Return (exit status, standard output, standard error) of slotlab inspect words."""
        self._monkeypatch.setattr(sys, "argv", ["slotlab", "inspect", *words])
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err


@pytest.fixture
def inspect(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Return the command line."""
    return Terminal(monkeypatch, capsys)


@pytest.mark.parametrize("profile", ["eosio", "bitshares"])
def test_a_file_and_standard_input_give_the_same_json(
    inspect: Terminal, tmp_path: Path, profile: str
) -> None:
    block = PRINTED[profile]["block"]
    data = json.dumps(block).encode()
    (tmp_path / "block.json").write_bytes(data)
    for command in ("header", "block"):
        words = (command, "--profile", profile, "--json")
        status, out, _ = inspect(*words, str(tmp_path / "block.json"))
        assert status == 0
        assert json.loads(out)["id"] == block.get("id", block.get("block_id"))
        assert inspect(*words, "-", stdin=data) == (0, out, "")


def test_schedules_are_printed_as_json(inspect: Terminal) -> None:
    words = "schedule --profile bitshares --witnesses 21 --head-time 1444745544 --json"
    status, out, _ = inspect(*words.split())
    assert status == 0
    assert sorted(json.loads(out)["order"]) == list(range(21))
    words = "schedule --profile eosio --producers c,a,b --blocks-per-turn 2 --slot 8 --json"
    status, out, _ = inspect(*words.split())
    assert (status, json.loads(out)["producer"]) == (0, "b")


def test_finality_is_printed_as_json_and_in_words(inspect: Terminal) -> None:
    words = "finality --profile eosio --producers 4 --blocks-per-turn 2 --down 1".split()
    status, out, _ = inspect(*words, "--json")
    found = json.loads(out)
    assert status == 0
    assert found["predicted"] == {"min": 7, "max": 8}
    assert found["simulated"]["min"] == 7
    assert found["simulated"]["max"] == 8
    assert set(found["simulated"]) == {"min", "max", "mean"}
    status, out, _ = inspect(*words[:-1], "2", "--slot", "100ms")
    assert status == 0
    assert "never final: 2 of 4 sign, 3 are needed" in out


@pytest.mark.parametrize(
    ("words", "stdin", "message"),
    [
        ("header -", b"{", "standard input: not JSON"),
        ("header -", b"\xff\xfe", "standard input: not JSON"),
        ("header -", b"[" * 100_000, "standard input: not JSON"),
        ("header -", b"[]", "standard input: header: an object is needed"),
        ("header -", b"{}", "standard input: timestamp: the field is missing"),
        ("block - --profile bitshares", b"{}", "standard input: timestamp: the field is missing"),
        ("schedule --profile tezos", b"", "profile: 'tezos' is unknown"),
        ("schedule --producers a", b"", "slot: missing; add --slot"),
        ("schedule --producers a --slot 1 --witnesses 3", b"", "witnesses: has no meaning"),
        ("schedule --profile bitshares --witnesses 3", b"", "head-time: missing"),
        ("schedule --profile bitshares --slot 3", b"", "slot: has no meaning under bitshares"),
        ("finality --profile bitshares --producers 4 --blocks-per-turn 2", b"", "blocks-per-turn"),
    ],
)
def test_a_mistake_is_one_line_that_names_file_or_option(
    inspect: Terminal, words: str, stdin: bytes, message: str
) -> None:
    status, out, err = inspect(*words.split(), stdin=stdin)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith(f"slotlab: {message}")
