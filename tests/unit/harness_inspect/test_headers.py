"""I5: headers recomputed from a genesis and events alone; every kind of lie is found."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from harness.inspect.verify import Seen, verify
from metrics.model.run_folder import HeadersFile
from node.chain.genesis import Genesis, encode
from tests.unit.node_chain.builders import (
    START_SLOT,
    make_chain,
    make_genesis,
    notices,
    producer_names,
    tick,
)  # fmt: skip

Lines = list[dict[str, Any]]


def story(blocks: int = 40) -> tuple[Genesis, Lines]:
    """Return a genesis and the events of one node that holds every key."""
    genesis = make_genesis()
    chain = make_chain(genesis, producer_names(4), enable_stale_production=True)
    lines: Lines = []
    for slot in range(START_SLOT, START_SLOT + blocks):
        for told in notices(tick(chain, slot)):
            kind = type(told).__name__.lower()
            lines.append(
                {**msgspec.to_builtins(told), "kind": kind, "host": "n1", "seq": len(lines)}
            )
    return genesis, lines


def judged(folder: Path, genesis: Genesis, lines: Lines) -> HeadersFile:
    """Return the verdict on the events, of a trial's folder."""
    (folder / "genesis.json").write_bytes(encode(genesis))
    told = [line for line in lines if line["kind"] in ("applied", "irreversible")]
    return verify(folder, msgspec.convert(told, list[Seen]))


def applied(lines: Lines, num: int) -> dict[str, Any]:
    """Return the applied event of block num."""
    return next(x for x in lines if x["kind"] == "applied" and x["num"] == num)


def test_headers_of_an_honest_node_hold_and_finality_follows_from_them(tmp_path: Path) -> None:
    found = judged(tmp_path, *story())
    assert found.verdict == "holds"
    assert found.evidence.startswith("40 headers of 1 hosts recomputed from genesis")
    assert "irreversible blocks follow" in found.evidence


def _other_id(lines: Lines) -> None:
    applied(lines, 41)["id"] = applied(lines, 41)["id"][:-2] + "00"


def _other_slot(lines: Lines) -> None:
    applied(lines, 20)["slot"] += 1


def _confirmed_too_much(lines: Lines) -> None:
    """Rewrite the last header so that it confirms blocks its producer confirmed before."""
    event = applied(lines, 41)
    header = bytearray.fromhex(event["header"])
    header[12:14] = (30).to_bytes(2, "little")
    event["header"] = header.hex()
    event["id"] = (41).to_bytes(4, "big").hex() + sha256(header).digest()[4:].hex()


def _garbage(lines: Lines) -> None:
    applied(lines, 41)["header"] = "00ff"


def _final_too_soon(lines: Lines) -> None:
    head = applied(lines, 41)
    lines.append({"kind": "irreversible", "host": "n1", "num": 41, "id": head["id"]})


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        (_other_id, "the header's id is"),
        (_other_slot, "says otherwise than the event"),
        (_confirmed_too_much, "the header breaks a rule: double_confirm"),
        (_garbage, "the header cannot be read"),
        (_final_too_soon, "no header makes the block irreversible"),
    ],
)
def test_a_lie_about_a_block_is_a_violation_with_its_block_and_host(
    tmp_path: Path, lie: Callable[[Lines], None], words: str
) -> None:
    genesis, lines = story()
    lie(lines)
    found = judged(tmp_path, genesis, lines)
    assert found.verdict == "violated"
    assert words in found.evidence
    assert found.details[0].hosts == ("n1",)


def test_headers_without_their_parents_prove_nothing(tmp_path: Path) -> None:
    genesis, lines = story()
    lines.remove(applied(lines, 20))
    assert judged(tmp_path, genesis, lines).verdict == "unknown"


def test_a_trial_without_its_genesis_is_unknown(tmp_path: Path) -> None:
    assert verify(tmp_path, []).verdict == "unknown"
