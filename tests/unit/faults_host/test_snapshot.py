"""A snapshot is taken whatever others have set up, and whatever their tools print of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faults.host import nft_readback, qdiscs
from faults.host import snapshot as snapshot_module
from faults.host.layout import Layout
from faults.host.snapshot import snapshot

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

    for module in (snapshot_module, nft_readback):
        monkeypatch.setattr(module, "output", output)
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


QDISC_TEXT = (
    "qdisc noqueue 0: dev lo root refcnt 2\n"
    "qdisc htb 1: dev eth0 root refcnt 9 r2q 10 default 0x10\n"
    "qdisc ingress ffff: dev eth0 parent ffff:fff1 ----------------\n"
)


@pytest.mark.parametrize("text", [NOT_JSON, QDISCS[:-9], "[{]", "null 1", "\x00"])
def test_qdiscs_that_tc_prints_as_no_json_are_kept_as_text_with_what_hangs_on_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    said = {
        "tc -j qdisc show": (0, text),
        "tc qdisc show": (0, QDISC_TEXT),
        "tc -j class show dev eth0": (0, "class htb 1:10 root prio 0"),
        "tc class show dev eth0": (0, "class htb 1:10 root prio 0 rate 1Mbit\n"),
        "tc -j filter show dev eth0": (0, NOT_JSON),
        "tc filter show dev eth0": (0, TEXT),
    }
    found = taken(monkeypatch, tmp_path, said)
    assert json.loads(str(found["tc"])) == [
        [
            "qdisc htb 1: dev eth0 root r2q 10 default 0x10",
            "qdisc ingress ffff: dev eth0 parent ffff:fff1 ----------------",
            "qdisc noqueue 0: dev lo root",
        ],
        ["class htb 1:10 root prio 0 rate 1Mbit"],
        TEXT.splitlines(),
    ]


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("qdisc htb 1: root refcnt 9 r2q 10 default 0x10\n", "htb 1:"),
        ("qdisc fq_codel 0: root refcnt 2 limit 10240p\n", ""),
        ("qdisc ingress ffff: parent ffff:fff1\nqdisc tbf 8001: root rate 1Mbit\n", "tbf 8001:"),
    ],
)
def test_somebodys_root_qdisc_is_seen_where_tc_prints_no_json(
    monkeypatch: pytest.MonkeyPatch, text: str, foreign: str
) -> None:
    said = {"tc -j qdisc show dev eth0": NOT_JSON, "tc qdisc show dev eth0": text}
    monkeypatch.setattr(
        qdiscs, "output", lambda words, timeout_s=1.0: (0, said[" ".join(words)], "")
    )
    assert qdiscs.foreign_qdisc("eth0") == foreign


@pytest.mark.parametrize("text", ["table inet filter {\n}\n", "[]", "{}", '{"nftables": 3}'])
def test_rules_that_nft_prints_as_no_json_are_kept_as_text(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str
) -> None:
    rules = "table inet filter {\n\tchain input {\n\t}\n}\n"
    said = {"nft -j list ruleset": (0, text), "nft -s list ruleset": (0, rules)}
    found = taken(monkeypatch, tmp_path, said)
    assert json.loads(str(found["nft"])) == rules.splitlines()
