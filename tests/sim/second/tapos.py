"""How much stake stands behind blocks by what transactions refer to, block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tests.sim.second.blocks import Chain
from tests.sim.second.record import Second
from tests.sim.second.sent import DIGITS
from tests.sim.second.spread import exact, spread


@dataclass(frozen=True, slots=True)
class Block:
    """A block, how many are above it, and (how much later, the stake so far) each time it rose."""

    window: str
    above: int
    steps: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Told:
    """The blocks that are old enough, the whole stake, and how many blocks a round has."""

    blocks: list[Block]
    stake: int
    round: int


def told(s: Second, known: Chain) -> Told:
    """Return every block of the chain that is judged, with who confirmed it when."""
    stakes = {account["name"]: account["balance"] for account in s.plan.get("accounts", ())}
    whole = sum(stakes.values())
    said = {
        x["id"][:DIGITS]: x for x in s.every("txs") if x["state"] == "sent" and x.get("account")
    }
    full = {
        x["id"]: x["transactions"]
        for x in s.every("applied")
        if len(x.get("transactions", ())) == x["tx_count"]
    }
    if not said or not known.whole <= full.keys():
        return Told([], whole, s.round_slots)
    chain = sorted(known.whole & known.blocks.keys(), key=lambda id_: known.blocks[id_]["num"])
    found = []
    for at, id_ in enumerate(chain):
        block = known.blocks[id_]
        t = s.slot_t(block["slot"])
        if block["slot"] < s.first_slot or t > s.judged_until_s + 1e-9:
            continue
        behind: set[str] = set()
        steps = []
        for later in chain[at:]:
            lines = [said[short] for short in full[later] if short in said]
            new = {x["account"] for x in lines if x["ref_num"] >= block["num"]} - behind
            if new:
                behind |= new
                stake = sum(stakes.get(account, 0) for account in behind)
                steps.append((known.blocks[later]["num"] - block["num"], stake))
            if len(behind) == len(stakes):
                break
        above = known.blocks[chain[-1]]["num"] - block["num"]
        found.append(Block(s.name_of(t), above, steps))
    return Told(found, whole, s.round_slots)


def figures(trials: list[Told], names: set[str]) -> dict[str, Any]:
    """Return the shares after so many blocks, and how many half of the stake takes."""
    pairs = [(t, [b for b in t.blocks if b.window in names]) for t in trials]
    count = sum(len(blocks) for _, blocks in pairs)
    after = {}
    for rounds in (1, 2, 4, 8):
        shares = [
            max((stake for later, stake in block.steps if later <= rounds * t.round), default=0)
            / t.stake
            for t, blocks in pairs
            for block in blocks
            if block.above >= rounds * t.round
        ]
        if shares:
            after[str(rounds * pairs[0][0].round)] = round(sum(shares) / len(shares), 6)
    halves = [
        [
            exact(
                min((later for later, stake in b.steps if 2 * stake >= t.stake), default=math.inf)
            )
            for b in blocks
        ]
        for t, blocks in pairs
    ]
    return {"tapos": {"blocks": count, "share_after": after}, "tapos_half_blocks": spread(halves)}
