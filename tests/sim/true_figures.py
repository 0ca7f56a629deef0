"""What the figures of a run really are, held against the rows that metrics wrote of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from tests.sim.drifting import Original, Truth

STAMP_NS = 4.0
"""Stamps are whole nanoseconds, and a simulated clock is taken back to true time as exactly."""
ROUNDED = 1e-6
VIEWS = {"": "quorum", "first_": "first", "median_": "median", "last_": "last"}
KEYS = {"min": 0.0, "p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999, "max": 1.0}
Row = tuple[Any, ...]


def rows(folder: Path, table: str, columns: str) -> list[Row]:
    """Return the columns of a table of a run."""
    path = str(folder / "tables" / f"{table}.parquet")
    with duckdb.connect() as db:
        return db.execute(f"SELECT {columns} FROM read_parquet(?)", [path]).fetchall()


def hops(folder: Path, truth: Truth) -> Iterator[tuple[str, bool]]:
    """Yield, for each hop, its name and whether the truth lies in its interval."""
    columns = "id, source, target, lo_ns, hi_ns"
    for id_, source, target, lo, hi in rows(folder, "propagation", columns):
        maker, made_ns = truth.made[id_]
        assert maker == source
        took_ns = truth.got[id_, target] - made_ns
        yield f"hop {id_[:8]} {source} {target}", _inside(took_ns, lo, hi)


def finals(folder: Path, truth: Truth) -> Iterator[tuple[str, bool]]:
    """Yield, for each block final at a host, its name and whether the truth lies within."""
    for id_, host, lo, hi in rows(folder, "finality", "id, host, lo_ns, hi_ns"):
        yield f"finality {id_[:8]} {host}", _inside(truth.final[id_, host], lo, hi)


def views(
    folder: Path, original: Original, truth: Truth, metrics: dict[str, Any]
) -> Iterator[tuple[str, bool]]:
    """Yield, for each quantile of each view of finality, whether the true one lies within."""
    blocks = {
        id_: slot
        for id_, slot, phase in rows(folder, "finality", "id, slot, phase")
        if phase not in ("warmup", "outside")
    }
    weights = {host["host"]: len(host["producers"]) for host in original.plan["hosts"]}
    for word, view in VIEWS.items():
        needed = _needed(view, original)
        found = []
        for id_, slot in blocks.items():
            at = [
                (truth.final[id_, host], weights[host] if view == "quorum" else 1)
                for host in weights
                if (id_, host) in truth.final
            ]
            found.append(_reached(at, needed) - original.slot_ns(slot))
        q = metrics[f"finality_latency_{word}s"]
        found = sorted(ns for ns in found if ns < math.inf)
        assert len(found) == q["n"] - q["censored"]
        for key, share in KEYS.items():
            if q[key] is not None:
                true_s = found[max(math.ceil(share * q["n"] - 1e-9), 1) - 1] / 1e9
                low, high = q["error"][key]
                yield f"{view} {key}", low - ROUNDED <= true_s <= high + ROUNDED


def recoveries(folder: Path, original: Original, truth: Truth) -> Iterator[tuple[str, bool]]:
    """Yield, for each host after each fault, whether each true moment lies within."""
    columns = "fault, host, " + ", ".join(
        f"{what}_{end}" for what in ("healed", "first_final", "back") for end in ("lo_ns", "hi_ns")
    )
    ends = {fault["id"]: float(fault["end_ns"]) for fault in original.trial["faults"]}
    limit = _limit(original, truth)
    for fault, host, *told in rows(folder, "recovery", columns):
        healed_ns = ends[fault]
        name = f"{fault} {host}"
        yield f"{name} healed", _inside(healed_ns, *told[:2])
        first_ns = min(
            (at for (id_, where), at in truth.final.items()
             if where == host and original.slot_ns(truth.slots[id_]) >= healed_ns),
            default=math.nan,
        )  # fmt: skip
        yield f"{name} first final", _inside(first_ns, *told[2:4])
        since_ns, back_ns = _back(original, truth, host, healed_ns, limit)
        yield f"{name} back", _inside(since_ns, *told[4:]) and _inside(back_ns, *told[4:])


def outside(found: Iterable[tuple[str, bool]], counts: Counter[str]) -> list[str]:
    """Return the names of what does not hold the truth, and count all by their kind."""
    wrong = []
    for name, holds in found:
        counts[name.split()[0]] += 1
        if not holds:
            wrong.append(name)
    return wrong


def _inside(true: float, lo: float | None, hi: float | None) -> bool:
    """Return whether the truth lies in an interval; both may be nothing (nan)."""
    if lo is None or hi is None or math.isnan(lo) or math.isnan(hi):
        return math.isnan(true)
    return lo - STAMP_NS <= true <= hi + STAMP_NS


def _needed(view: str, original: Original) -> int:
    hosts, producers = len(original.hosts), len(original.plan["producers"])
    quorum = (
        producers * 2 // 3 + 1
        if original.plan["profile"] == "eosio"
        else producers - 3 * producers // 10
    )
    return {"first": 1, "median": (hosts + 1) // 2, "last": hosts, "quorum": quorum}[view]


def _reached(at: list[tuple[float, int]], needed: int) -> float:
    weight = 0
    for moment, own in sorted(at):
        weight += own
        if weight >= needed:
            return moment
    return math.inf


def _lags(truth: Truth, host: str) -> list[tuple[float, int, int]]:
    """Return (when, lag, last irreversible block) at each slot of a host, in true time."""
    every = sorted((at, head) for due in truth.due.values() for at, head, _ in due)
    times = np.asarray([at for at, _ in every])
    top = np.maximum.accumulate(np.asarray([head for _, head in every]))
    found = []
    for at, _, lib in truth.due[host]:
        seen = int(top[int(np.searchsorted(times, at, side="right")) - 1])
        found.append((at, seen - lib, lib))
    return found


def _limit(original: Original, truth: Truth) -> int:
    """Return the worst lag of the baseline and one block."""
    (phase,) = (p for p in original.trial["phases"] if p["name"] == "baseline")
    return 1 + max(
        lag
        for host in original.hosts
        for at, lag, _ in _lags(truth, host)
        if phase["start_ns"] <= at < phase["end_ns"]
    )


def _back(
    original: Original, truth: Truth, host: str, healed_ns: float, limit: int
) -> tuple[float, float]:
    """Return the last true sample that was not, and the first that was, of a normal round."""
    plan = original.plan
    stay = len(plan["producers"]) * plan["blocks_per_turn"]
    found = _lags(truth, host)
    for i in range(len(found) - stay + 1):
        part = found[i : i + stay]
        if part[0][0] < healed_ns or part[-1][0] - part[0][0] > (stay + 3) * plan["slot_ns"]:
            continue
        if all(lag <= limit for _, lag, _ in part) and part[-1][2] > part[0][2]:
            return max(found[i - 1][0], healed_ns), part[0][0]
    return math.nan, math.nan
