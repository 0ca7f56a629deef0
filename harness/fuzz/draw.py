"""Random campaigns for the hunt: at most 7 nodes and 400 slots, a handful of faults. Pure, seeded.

A draw is a campaign file like any other, so that whatever is found can be run again by itself.
"""

import random
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import yaml

from harness.campaign.model import SCHEMA
from harness.fuzz.draft import Draft
from harness.fuzz.governance import govern, is_governed
from harness.fuzz.voices import let_speak
from harness.plan.node_options import producer_names
from node.byzantine.strategies import STRATEGIES
from node.chain import profiles

SLOTS = 400
NODES_MAX = 7
FAULTS_MAX = 6
PROFILES = tuple(profiles.SYSTEMS)


def stream(seed: int, n: int) -> random.Random:
    """Return the random stream of the n-th draw of a hunt."""
    digest = sha256(f"slotlab/fuzz/{seed}/{n}".encode()).digest()
    return random.Random(int.from_bytes(digest, "big"))


def inside(profile: str, rng: random.Random) -> Draft:
    """Return a campaign inside the proven bounds: at most f liars, durable watermarks, any network.

    Where accounts govern, they change parameters and rules meanwhile. What must hold then, whatever
    else happens: I2 to I6 and I8 to I10.
    """
    nodes = rng.randint(3, NODES_MAX)
    draft = _frame(profile, nodes, rng)
    hosts = list(draft["chain"].pop("x-hosts"))
    liars = rng.sample(hosts, rng.randint(0, (nodes - 1) // 3)) if rng.random() < 0.5 else []
    timeline = [_lie(liar, draft, rng) for liar in liars]
    makers: tuple[_Maker, ...] = (
        _silent, _pause, _crash, _partition, _cut, _delay, _loss, _duplicate, _reorder,
        _clock_step, _clock_drift,
    )  # fmt: skip
    for _ in range(rng.randint(1, FAULTS_MAX)):
        timeline.append(rng.choice(makers)(hosts, draft, rng))
    settled, names = _settle(draft, timeline), producer_names(nodes)
    if not is_governed(profile):
        return settled
    return _ended(let_speak(govern(settled, names, rng), names, rng))


def beyond(profile: str, rng: random.Random) -> Draft:
    """Return a campaign of honest nodes whose finality stalls and whose network then splits.

    Here I1 is hunted too: nothing in the rules promises it once finality has stood still. Who is
    absent, alone, slow and cut off, for how many turns each, is drawn; nothing else is known.
    """
    nodes = rng.choice((4, 4, 4, 5, 7))
    draft = _frame(profile, nodes, rng)
    hosts = list(draft["chain"].pop("x-hosts"))
    turn = _turn(profile, rng, 3, 4)
    draft["chain"]["blocks_per_turn"] = turn
    absent = rng.sample(hosts, nodes - 2 * nodes // 3)
    alone, back, present = absent[:1], absent[1:], _without(hosts, absent)
    first = nodes * turn * rng.randint(1, 3)
    fork = first + turn * rng.randint(2 * nodes, 5 * nodes)
    joined = fork + turn * rng.randint(0, 3 * nodes)
    heal = joined + turn * rng.randint(1, 2 * nodes)
    end = min(SLOTS - 30, heal + turn * rng.randint(2 * nodes, 5 * nodes))
    slow, again = rng.randint(1, max(1, turn - 1)), rng.randint(1, turn)
    severed = [rng.choice(_without(hosts, alone))]
    timeline = [
        _fault(draft, "silent", first, fork - first, on=alone),
        _fault(draft, "silent", first, joined - first, on=back),
        _fault(draft, "partition", fork, heal - fork, shape=[alone, _without(hosts, alone)]),
        _fault(draft, "silent", fork, heal - fork, on=present, keep=slow),
        _fault(draft, "silent", joined, heal - joined, on=back, keep=again),
        _fault(draft, "partition", heal, end - heal, shape=[severed, _without(hosts, severed)]),
    ]
    return _settle(draft, timeline)


def text(draft: Draft) -> str:
    """Return the campaign file of a draft, one line a fault."""
    head = {key: value for key, value in draft.items() if key != "timeline"}
    lines = [f"{key}: {_line(value)}" for key, value in head.items()]
    faults = [f"  - {_line(fault)}" for fault in draft["timeline"]]
    return "\n".join([*lines, "timeline:" if faults else "timeline: []", *faults]) + "\n"


def _line(value: Any) -> str:
    plain = yaml.dump(value, Dumper=_Plain, sort_keys=False, default_flow_style=True, width=10_000)
    return plain.removesuffix("\n").removesuffix("\n...")


class _Plain(yaml.SafeDumper):
    """YAML that repeats itself rather than point to itself."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


_Maker = Callable[[list[str], Draft, random.Random], Draft]


def _frame(profile: str, nodes: int, rng: random.Random) -> Draft:
    chain: Draft = {
        "profile": profile,
        "producers": nodes,
        "slot": f"{_slot_ms(profile)}ms",
        "blocks_per_turn": _turn(profile, rng, 1, 2, 3, 6),
        "x-hosts": [f"n{i}" for i in range(1, nodes + 1)],
    }
    return {
        "schema": SCHEMA,
        "title": "a drawn schedule of faults",
        "seed": rng.getrandbits(32),
        "chain": chain,
        "load": {"rate": f"{1000 // _slot_ms(profile)}/s", "size": "200B"},  # One a slot.
        "warmup": "0s",
        "cooldown": "10s",
        "timeline": [],
    }


def _slot_ms(profile: str) -> int:
    return profiles.SYSTEMS[profile].shortest_slot_ns // 1_000_000


def _turn(profile: str, rng: random.Random, *turns: int) -> int:
    return rng.choice(turns) if profiles.SYSTEMS[profile].has_turns else 1


def _settle(draft: Draft, timeline: list[Draft]) -> Draft:
    """Put the faults in, without two of one kind on the same hosts at once, all within SLOTS."""
    kept: list[Draft] = []
    for fault in sorted(timeline, key=lambda f: f["x-from"]):
        if fault["x-to"] < SLOTS - 20 and not any(_collide(fault, other) for other in kept):
            kept.append(fault)
    slot_ms = _slot_ms(draft["chain"]["profile"])
    last = max((fault["x-to"] for fault in kept), default=0)
    draft["cooldown"] = f"{(SLOTS - last) * slot_ms}ms"
    draft["timeline"] = [
        {key: value for key, value in fault.items() if not key.startswith("x-")} for fault in kept
    ]
    return draft


def _ended(draft: Draft) -> Draft:
    """Let a draft with acts end as soon as it would without them."""
    end_ms = SLOTS * _slot_ms(draft["chain"]["profile"])
    acts = [int(each["at"].removesuffix("ms")) for each in draft["timeline"] if "act" in each]
    last_ms = max(acts, default=0)
    draft["cooldown"] = f"{min(int(draft['cooldown'].removesuffix('ms')), end_ms - last_ms)}ms"
    return draft


def _collide(a: Draft, b: Draft) -> bool:
    if a["fault"] != b["fault"] or a["x-from"] >= b["x-to"] or b["x-from"] >= a["x-to"]:
        return False
    return bool(a["fault"] == "partition" or set(a["x-hit"]) & set(b["x-hit"]))


def _fault(draft: Draft, fault: str, first: int, slots: int, **more: Any) -> Draft:
    """A fault from slot `first` on; x-keys are for _settle only."""
    slot_ms = _slot_ms(draft["chain"]["profile"])
    slots = max(1, slots)
    made: Draft = {"at": f"{first * slot_ms}ms", "fault": fault}
    lasting = "restart_after" if fault == "crash" else "for"
    made[lasting] = f"{slots * slot_ms}ms"
    hit = (
        more.get("on") or more.get("from") or [h for pair in more.get("between", []) for h in pair]
    )
    return {**made, **more, "x-from": first, "x-to": first + slots, "x-hit": hit}


def _when(rng: random.Random) -> tuple[int, int]:
    first = rng.randint(5, SLOTS - 120)
    return first, min(rng.choice((2, 5, 12, 30, 80)), SLOTS - 40 - first)


def _some(hosts: list[str], rng: random.Random) -> list[str]:
    return sorted(rng.sample(hosts, rng.randint(1, len(hosts) - 1)))


def _without(hosts: list[str], gone: list[str]) -> list[str]:
    return [host for host in hosts if host not in gone]


def _lie(liar: str, draft: Draft, rng: random.Random) -> Draft:
    first = rng.randint(5, 100)
    strategy = rng.choice(tuple(STRATEGIES))
    by_ms = rng.choice((300, 900, 3000, 8000))
    return _fault(
        draft, "byzantine", first, SLOTS - 40 - first, on=[liar], strategy=strategy, by=f"{by_ms}ms"
    )


def _silent(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    keep = rng.randint(0, draft["chain"]["blocks_per_turn"] - 1)
    return _fault(draft, "silent", *_when(rng), on=_some(hosts, rng), keep=keep)


def _pause(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    return _fault(draft, "pause", *_when(rng), on=_some(hosts, rng))


def _crash(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    loses = rng.choice(("nothing", "uncommitted"))
    on = hosts if rng.random() < 0.2 else _some(hosts, rng)
    return _fault(draft, "crash", *_when(rng), on=on, loses=loses)


def _partition(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    side = _some(hosts, rng)
    return _fault(draft, "partition", *_when(rng), shape=[side, _without(hosts, side)])


def _cut(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    source = _some(hosts, rng)
    ends: dict[str, Any] = {"from": source, "to": _without(hosts, source)}
    return _fault(draft, "cut", *_when(rng), **ends)


def _sides(hosts: list[str], rng: random.Random) -> list[list[str]]:
    side = _some(hosts, rng)
    return [side, _without(hosts, side)]


def _delay(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    delay = rng.choice((20, 150, 400, 1100, 3000))
    return _fault(
        draft, "delay", *_when(rng), between=_sides(hosts, rng), delay=f"{delay}ms",
        jitter=f"{delay // 4}ms",
    )  # fmt: skip


def _share(rng: random.Random) -> str:
    return f"{rng.choice((1, 5, 20, 50))}%"


def _loss(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    return _fault(draft, "loss", *_when(rng), between=_sides(hosts, rng), share=_share(rng))


def _duplicate(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    return _fault(draft, "duplicate", *_when(rng), between=_sides(hosts, rng), share=_share(rng))


def _reorder(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    return _fault(
        draft, "reorder", *_when(rng), between=_sides(hosts, rng), share=_share(rng),
        by=f"{rng.choice((100, 700))}ms",
    )  # fmt: skip


def _clock_step(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    by_ms = rng.choice((-8000, -900, -100, -40, 40, 100, 300, 2000, 8000))
    return _fault(draft, "clock_step", *_when(rng), on=_some(hosts, rng), by=f"{by_ms}ms")


def _clock_drift(hosts: list[str], draft: Draft, rng: random.Random) -> Draft:
    ppm = rng.choice((-5000, -200, 200, 5000))
    return _fault(draft, "clock_drift", *_when(rng), on=_some(hosts, rng), by=f"{ppm}ppm")


HUNTS: Mapping[str, Callable[[str, random.Random], Draft]] = {"inside": inside, "beyond": beyond}
"""Where the hunt goes, by name."""
