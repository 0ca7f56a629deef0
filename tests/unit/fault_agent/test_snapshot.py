"""A snapshot is taken whatever others have set up, and whatever their tools print of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faults import snapshot as snapshot_module
from faults.layout import Layout
from faults.snapshot import snapshot

QDISCS = '[{"kind":"htb","handle":"1:","dev":"eth0","root":true,"refcnt":9}]'
NOT_JSON = '[{"protocol":"ip","pref":49152,"kind":"u32","chain":0},{ police 0x1 rate 1Mbit burst }]'
TEXT = "filter parent 1: protocol ip pref 49152 u32 chain 0\n police 0x1 rate 1Mbit burst 10Kb\n"


def taken(
    monkeypatch: pytest.MonkeyPatch, folder: Path, said: dict[str, tuple[int, str]]
) -> dict[str, object]:
    """Return the snapshot of a host whose tools print what said has by their words."""

    def output(words: tuple[str, ...], timeout_s: float = 1.0) -> tuple[int, str, str]:
        code, text = said.get(" ".join(words), (127, ""))
        return code, text, ""

    monkeypatch.setattr(snapshot_module, "output", output)
    return snapshot(Layout(folder, folder, folder / "host.json", ""), own_clock=False)


def test_filters_that_tc_prints_as_no_json_are_kept_as_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    said = {
        "tc -j qdisc show": (0, QDISCS),
        "tc -j class show dev eth0": (0, ""),
        "tc -j filter show dev eth0": (0, NOT_JSON),
        "tc filter show dev eth0": (0, TEXT),
    }
    found = taken(monkeypatch, tmp_path, said)
    qdisc = {"kind": "htb", "handle": "1:", "dev": "eth0", "root": True}
    assert json.loads(str(found["tc"])) == [[qdisc], [], TEXT.splitlines()]


@pytest.mark.parametrize("text", ["table inet filter {\n}\n", "[]", "{}", '{"nftables": 3}'])
def test_rules_that_nft_prints_as_no_json_are_kept_as_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    rules = "table inet filter {\n\tchain input {\n\t}\n}\n"
    said = {"nft -j list ruleset": (0, text), "nft -s list ruleset": (0, rules)}
    found = taken(monkeypatch, tmp_path, said)
    assert json.loads(str(found["nft"])) == rules.splitlines()
