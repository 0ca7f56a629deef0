"""The invariants of a run, each decided from the raw lines by a few lines of its own.

Only hosts that the plan lets be honest are asked. A node whose disk a fault took away comes back as
another one: nothing is held against it.
"""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from tests.sim.second.agree import OneOf
from tests.sim.second.blocks import chain, skipped
from tests.sim.second.record import Line, Second

HOLDS, VIOLATED, UNKNOWN = "holds", "violated", "unknown"
WIDE_S = 0.005
"""What the first analysis' bounds of clocks may leave open, see finality."""
RECONNECT_S = 2.0
SILENCING = ("kill", "crash", "pause", "silent", "partition")
"""Faults that only take producers away: what is left is whole."""
RESTARTING = ("kill", "crash", "power_cut")
LIE_LINGERS_S = 60.0
UNJUDGED = {"units"}
"""What is told of a host's own processes: killed ones may stay down."""


def verdicts(trials: list[Second]) -> dict[str, Any]:
    """Return each invariant's verdict over trials: the worst counts."""
    found = {name: [judge(s) for s in trials] for name, judge in JUDGES.items()}
    if all(s.plan["lab"] == "sim" for s in trials):
        del found["host_state_restored"]
    return {name: _worst(each) for name, each in found.items()}


def _worst(each: list[Any]) -> Any:
    for verdict in (VIOLATED, UNKNOWN, HOLDS):
        if verdict in each:
            return verdict
        unsure = [x for x in each if isinstance(x, OneOf) and verdict in x.words]
        if unsure:
            return OneOf((VIOLATED, UNKNOWN, HOLDS))
    return UNKNOWN


def _broken(broken: Callable[[Second], bool]) -> Callable[[Second], Any]:
    return lambda s: VIOLATED if broken(s) else HOLDS


def _liars(s: Second) -> set[str]:
    return {h for f in s.planned["faults"] if f["fault"] == "byzantine" for h in f["targets"]}


def _honest(s: Second, kind: str) -> list[Line]:
    return [line for line in s.every(kind) if line["host"] not in _liars(s)]


def _nodes(s: Second) -> Iterator[list[Line]]:
    """Yield what each honest node wrote, in order; one with a wiped disk is another one."""
    wiped = {
        host
        for f in s.planned["faults"]
        if f["asked"].get("loses") == "everything"
        for host in f["targets"]
    }
    for host, lines in s.lines.items():
        if host in _liars(s):
            continue
        own: list[Line] = []
        for line in lines:
            born = line["kind"] == "started" and line.get("resumed_num", 0) <= 1
            if line["node"] == host and born and own and host in wiped:
                yield own
                own = []
            if line["node"] == host:
                own.append(line)
        yield own


def _conflict(s: Second) -> Any:
    ids: dict[int, set[str]] = defaultdict(set)
    for line in _honest(s, "irreversible"):
        ids[line["num"]].add(line["id"])
    if not ids:
        return UNKNOWN
    return VIOLATED if any(len(found) > 1 for found in ids.values()) else HOLDS


def _decreases(s: Second) -> bool:
    """Return whether a node's last final block ever fell, or one of its final blocks changed."""
    said = {"irreversible": "num", "started": "resumed_lib", "slot_due": "lib_num"}
    for own in _nodes(s):
        libs = [(x["kind"] == "irreversible", x[said[x["kind"]]]) for x in own if x["kind"] in said]
        level = announced = 0
        for is_announced, num in libs:  # A crash may leave blocks to be told of later.
            if num < (announced if is_announced else level):
                return True
            announced, level = num if is_announced else announced, max(level, num)
        final: dict[int, str] = {}
        for line in own:
            told = line["kind"] == "irreversible"
            if told and final.setdefault(line["num"], line["id"]) != line["id"]:
                return True
    return False


def _digests_differ(s: Second) -> bool:
    digests: dict[str, set[str]] = defaultdict(set)
    for line in _honest(s, "applied"):
        digests[line["id"]].add(line["state_digest"])
    return any(len(found) > 1 for found in digests.values())


def _signed_twice(s: Second) -> bool:
    """Return whether a producer signed two blocks of a slot, or stood twice behind one height."""
    theirs = {p for h in s.plan["hosts"] if h["host"] in _liars(s) for p in h["producers"]}
    signed: dict[tuple[int, str], set[str]] = defaultdict(set)
    behind: dict[tuple[int, str], set[str]] = defaultdict(set)
    for kind in ("produced", "applied"):
        for line in _honest(s, kind):
            if line["producer"] in theirs:
                continue
            signed[line["slot"], line["producer"]].add(line["id"])
            if kind == "produced" and s.plan["finality"]["stages"] == 2:
                for num in range(line["num"] - line["confirmed"], line["num"] + 1):
                    behind[num, line["producer"]].add(line["id"])
    return any(len(ids) > 1 for ids in (*signed.values(), *behind.values()))


def _headers(s: Second) -> Any:
    """Return what was found when headers were computed again, by who knows the rules."""
    path = s.folder / "verify.json"
    return json.loads(path.read_text())["verdict"] if path.exists() else UNKNOWN


def _repeated(s: Second) -> bool:
    """Return whether a branch holds a transaction twice, by what blocks hold."""
    blocks = {line["id"]: line for line in _honest(s, "applied")}
    for tip in blocks.keys() - {line["previous"] for line in blocks.values()}:
        held: set[str] = set()
        cursor = tip
        while cursor in blocks:
            for id_ in blocks[cursor].get("transactions", ()):
                if id_ in held:
                    return True
                held.add(id_)
            cursor = blocks[cursor]["previous"]
    return False


def _lost(s: Second) -> Any:
    """Return whether a node's final chain is without what a client was told is final."""
    told = [x for x in _honest(s, "txs") if x["state"] == "irreversible"]
    assured = _honest(s, "assured")
    if not told and not assured:
        return UNKNOWN
    blocks = {line["id"]: line["transactions"] for line in _honest(s, "applied")}
    for own in _nodes(s):
        final = {x["num"]: x["id"] for x in own if x["kind"] == "irreversible"}
        has = {short for id_ in final.values() for short in blocks.get(id_, ())}
        if any(x["num"] in final and not {i[:16] for i in x["ids"]} <= has for x in told):
            return VIOLATED
        if any(final.get(x["num"], x["id"]) != x["id"] for x in assured):
            return VIOLATED
    return HOLDS


def _supply(s: Second) -> Any:
    """Return whether nodes ended with as many units as there were, of what the rules made too."""
    genesis = json.loads((s.folder / "genesis.json").read_text())
    options = genesis["bitshares"] or {}
    first = sum(own["balance"] for own in genesis["accounts"])
    first += options.get("money", {}).get("reserve", 0)
    told = _honest(s, "supply")
    if any(sum(x["held"].values()) != first + x["issued"] for x in told):
        return VIOLATED
    for own in _nodes(s):
        ended = [i for i, x in enumerate(own) if x["kind"] == "stopped"]
        if ended and own[ended[-1] - 1]["kind"] != "supply":
            return UNKNOWN
    return HOLDS if told else UNKNOWN


def _early(s: Second) -> Any:
    """Return whether a block was signed before its slot by more than clock and timing allow."""
    genesis = json.loads((s.folder / "genesis.json").read_text())
    on_time = genesis.get("timing", "") in ("", "fio") and not genesis.get("last_block_ns")
    early_s = 0.0 if on_time else s.plan["slot_ns"] / 1e9
    allowed = early_s + s.plan["clock_limit_ns"] / 1e9
    ahead = [
        s.slot_t(line["slot"]) - s.t(line)
        for line in _honest(s, "produced")
        if not any(
            f["fault"] == "ntp_offset" and line["host"] in f["targets"]
            and f["at_ns"] / 1e9 <= s.slot_t(line["slot"]) < f["end_ns"] / 1e9 + LIE_LINGERS_S
            for f in s.planned["faults"]
        )
    ]  # fmt: skip
    if not ahead:
        return UNKNOWN
    if max(ahead) + s.slack_s <= allowed:
        return HOLDS
    return VIOLATED if max(ahead) - WIDE_S > allowed else OneOf((HOLDS, VIOLATED))


def _schedules_break(s: Second) -> bool:
    """Return whether versions did not rise one by one, or nodes held others after one block."""
    said: dict[tuple[str, str], set[tuple[int, str]]] = defaultdict(set)
    for own in _nodes(s):
        active: list[tuple[int, int]] = []
        at = ""
        for line in own:
            kind = line["kind"]
            if kind == "applied":
                at = line["id"]
            elif kind in ("switched", "started"):
                back_to = line["ancestor_num" if kind == "switched" else "resumed_num"]
                active = [entry for entry in active if entry[0] <= back_to]
            elif kind == "schedule" and line["state"] in ("pending", "active"):
                if at:
                    said[at, line["state"]].add((line["version"], str(line["producers"])))
                if line["state"] == "active":
                    if active and line["version"] != active[-1][1] + 1:
                        return True
                    active.append((line["num"], line["version"]))
    return any(len(found) > 1 for found in said.values())


def _forgets(s: Second) -> bool:
    """Return whether a node came back without a final block, or without its own last one, or went
    on from another block than it said.
    """
    for own in _nodes(s):
        lib = mine = 0
        had: dict[int, set[str]] = defaultdict(set)
        resumed: Line | None = None
        for i, line in enumerate(own):
            match line["kind"]:
                case "started" if i:
                    if line["resumed_lib"] < lib or line["resumed_num"] < mine:
                        return True
                    resumed = line
                case "switched":
                    mine, resumed = 0, None
                case "irreversible":
                    lib = max(lib, line["num"])
                case "produced":
                    mine = line["num"]
                case "applied":
                    if resumed and line["num"] != resumed["resumed_num"] + 1:
                        return True
                    if resumed and line["previous"] not in (
                        had[line["num"] - 1] or line["previous"]
                    ):
                        return True
                    had[line["num"]].add(line["id"])
                    resumed = None
    return False


def _restored(s: Second) -> Any:
    """Return whether each host's network and clock are after the trial as they were before."""
    for host in s.hosts:
        paths = [s.folder / "hosts" / host / f"{word}.json" for word in ("before", "after")]
        if not all(path.exists() for path in paths):
            return UNKNOWN
        before, after = (json.loads(path.read_text()) for path in paths)
        keys = (before.keys() | after.keys()) - UNJUDGED
        if any(before.get(key) != after.get(key) for key in keys):
            return VIOLATED
    return HOLDS


def _resumes(s: Second) -> Any:
    """Return whether finality went on wherever a quorum was connected, with times moved either way
    by what is not known of the clocks.
    """
    known = chain(s)
    made = sorted(s.slot_t(known.blocks[id_]["slot"]) for id_ in known.whole & known.blocks.keys())
    steps = sorted((s.t(x), x["num"]) for x in _honest(s, "irreversible"))
    tops = itertools.accumulate((num for _, num in steps), max)
    rising = [
        t for (t, num), top, before in zip(steps, tops, _before(steps), strict=True)
        if num == top and num > before
    ]  # fmt: skip
    nobodys = skipped(s, known)
    ways = {
        _progress(s, made, [t + off for t in rising], nobodys) for off in (-s.slack_s, 0, s.slack_s)
    }
    return ways.pop() if len(ways) == 1 else OneOf(tuple(ways))


def _before(steps: list[tuple[float, int]]) -> list[int]:
    return [0, *itertools.accumulate((num for _, num in steps), max)][:-1]


def _progress(s: Second, made: list[float], rising: list[float], nobodys: list[float]) -> str:
    """Return whether finality went on; nobodys: times of slots that count for nothing."""

    def taken(a: float, b: float) -> float:
        return s.pace.place(b) - s.pace.place(a) - sum(a <= t < b for t in nobodys)

    n, r = len(s.plan["producers"]), int(s.plan["blocks_per_turn"])
    two, needed = s.plan["finality"]["stages"] == 2, s.plan["finality"]["quorum"]
    restarts = [f["end_ns"] / 1e9 for f in s.planned["faults"] if f["fault"] in RESTARTING]
    judged = 0
    for start, end, live in _stretches(s):
        # PROTOCOL A.13: I7, and two rounds more after a mass restart.
        limit = (2 * (needed - 1) + 1) * r if two else 2 * n * r
        rounds = 2 * s.round_slots
        if any(
            at - RECONNECT_S < start and taken(at, start - RECONNECT_S + 1e-9) < rounds
            for at in (0.0, *restarts)
        ):
            limit += rounds
        slots = (math.ceil(limit / (max(live, 1) * r)) + 1) * n * r
        begin = start + RECONNECT_S * (start > 0)
        if begin >= end:
            continue
        inside = [t for t in rising if begin <= t < end]
        for a, b in itertools.pairwise([begin, *inside, end]):
            blocks = sum(a <= t < b for t in made)
            if blocks > limit or int(taken(a, b) + 1e-9) > slots:
                return VIOLATED
        judged += bool(inside)
    return HOLDS if judged else UNKNOWN


def _stretches(s: Second) -> Iterator[tuple[float, float, int]]:
    """Yield (from, to, live producers) of the time with a quorum whose links are whole."""
    faults = [
        (f["at_ns"] / 1e9, f["end_ns"] / 1e9)
        for f in s.planned["faults"]
        if f["fault"] not in SILENCING
    ]
    for window in s.planned["quorum"]:
        if not window["finality_expected"]:
            continue
        cursor, stop = window["from_ns"] / 1e9, min(window["to_ns"] / 1e9, s.end_s)
        for at, over in sorted(faults):
            if over <= cursor or at >= stop:
                continue
            if at > cursor:
                yield cursor, at, window["live"]
            cursor = over
        if cursor < stop:
            yield cursor, stop, window["live"]


JUDGES: dict[str, Callable[[Second], Any]] = {
    "no_conflicting_finality": _conflict,
    "lib_never_decreases": _broken(_decreases),
    "same_state_digest": _broken(_digests_differ),
    "no_double_sign": _broken(_signed_twice),
    "headers_valid": _headers,
    "transactions_once": _broken(_repeated),
    "finality_resumes": _resumes,
    "no_early_block": _early,
    "schedule_versions": _broken(_schedules_break),
    "restart_keeps_state": _broken(_forgets),
    "nothing_irreversible_lost": _lost,
    "supply_conserved": _supply,
    "host_state_restored": _restored,
}
