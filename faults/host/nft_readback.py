"""What nft shows of a table of ours: members and their time left, rules, packets dropped."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from faults.host.boottime import boottime_ns
from faults.host.flow_table import families_of, halves
from faults.host.runner import output
from faults.model.fault import SECOND_NS, Evidence, verdict

ENDS_EARLY_NS = 20_000_000
"""The kernel counts timeouts in ticks of up to 10 ms; an element may show this much too little."""

ENDS_LATE_NS = SECOND_NS
"""The kernel's own end of the fault may come this much behind the deadline."""

_SET = re.compile(r"set (\w+) \{(.*?)\n\t\}", re.DOTALL)
_ELEMENT = re.compile(r"([0-9a-f.:]+)(?: timeout (\w+))?(?: expires (\w+))?(?=[,\s}])")
_PART = re.compile(r"(\d+)(ms|d|h|m|s)")
_UNITS_NS = {
    "d": 86_400 * SECOND_NS, "h": 3_600 * SECOND_NS, "m": 60 * SECOND_NS, "s": SECOND_NS,
    "ms": 1_000_000,
}  # fmt: skip


def read_table(
    table: str, members: Mapping[str, Sequence[str]], rules: int, deadline_ns: int | None
) -> Evidence:
    """Return whether every member is in force until the deadline, and every rule in its place.

    rules: how many there are for each family.
    """
    begun_ns = boottime_ns()
    code, text, _ = output(("nft", "list", "table", *table.split()))
    read_ns = (begun_ns, boottime_ns())
    if code:
        return verdict(f"table {_name(table)} is not there", {})
    sets = listed_sets(text)
    data: dict[str, object] = {
        "sets": {
            name: [{"address": address, "expires_ns": left} for address, left in found.items()]
            for name, found in sets.items()
        },
        "rules": _verdicts(text),
        "dropped": dropped(table),
        "read_in_ns": read_ns[1] - read_ns[0],
    }
    ends = "" if deadline_ns is None else wrong_end(sets, deadline_ns, read_ns)
    return verdict(_wrong(sets, members) or ends or _rules(table, text, rules), data)


def gone(
    table: str, members: Mapping[str, Sequence[str]], rules: int, deadline_ns: int | None
) -> str:
    """Return what of a fault in force is missing now, "" when nothing is, or when it is due to
    end.
    """
    code, text, _ = output(("nft", "list", "table", *table.split()))
    wrong = f"table {_name(table)} was gone" if code else ""
    wrong = wrong or _wrong(listed_sets(text), members) or _rules(table, text, rules)
    over = deadline_ns is not None and boottime_ns() >= deadline_ns - ENDS_EARLY_NS
    return "" if over else wrong


def rules_gone(table: str, rules: int) -> str:
    """Return what of the table's rules is missing, whatever its sets hold; "" when nothing is."""
    code, text, _ = output(("nft", "list", "table", *table.split()))
    return f"table {_name(table)} was gone" if code else _rules(table, text, rules)


def listed_sets(text: str) -> dict[str, dict[str, int | None]]:
    """Return from nft's listing of a table, by set, each element and the time it has left."""
    return {
        name: {
            address: None if left is None else duration_ns(left)
            for address, _, left in _ELEMENT.findall(body.partition("elements = {")[2])
        }
        for name, body in _SET.findall(text)
    }


def duration_ns(text: str) -> int | None:
    """Return a time as nft prints it (1m2s500ms) in nanoseconds, None for none."""
    parts = _PART.findall(text)
    return sum(int(count) * _UNITS_NS[unit] for count, unit in parts) if parts else None


def dropped(table: str) -> dict[str, int]:
    """Return the packets each chain's last counters have seen: those that met the verdict."""
    return {chain: met for chain, (_, met) in counted(table).items()}


def counted(table: str, verdict: str = "") -> dict[str, tuple[int, int]]:
    """Return by chain the packets of the flows picked, and those of them that met the verdict.

    verdict: only of rules that end in it.
    """
    total: dict[str, tuple[int, int]] = {}
    for each in listing("table", *table.split()):
        rule = each.get("rule", {})
        parts = rule.get("expr", [])
        packets = [int(part["counter"]["packets"]) for part in parts if "counter" in part]
        if packets and verdict in (*parts[-1], ""):
            seen, met = total.get(rule["chain"], (0, 0))
            total[rule["chain"]] = (seen + packets[0], met + packets[-1])
    return total


def listing(*words: str) -> list[dict[str, Any]]:
    """Return what nft lists, as objects; empty when there is no such thing, or no JSON of it."""
    code, text, _ = output(("nft", "-j", "list", *words))
    if code or not text.strip():
        return []
    try:
        return [each for each in json.loads(text)["nftables"] if "metainfo" not in each]
    except (ValueError, KeyError, TypeError):
        return []


def wrong_end(
    sets: Mapping[str, Mapping[str, int | None]], deadline_ns: int, read_ns: tuple[int, int]
) -> str:
    """Return which element ends at another time than the deadline, "" when none does for certain.

    read_ns: between these two moments (boot time) the kernel said how long each has left; on a host
    that is overloaded they may be seconds apart.
    """
    for found in sets.values():
        for address, left_ns in found.items():
            least_ns, most_ns = (read + (left_ns or 0) - deadline_ns for read in read_ns)
            if most_ns < -ENDS_EARLY_NS or least_ns > ENDS_LATE_NS:
                off_ns = most_ns if most_ns < 0 else least_ns
                return f"{address} ends {off_ns / SECOND_NS:+.3f} s from the deadline"
    return ""


def _wrong(
    sets: Mapping[str, Mapping[str, int | None]], members: Mapping[str, Sequence[str]]
) -> str:
    asked = halves(members)
    want = sum(len(set(values)) for values in asked.values())
    have = sum(len(set(values) & set(sets.get(name, ()))) for name, values in asked.items())
    listed = sum(map(len, sets.values()))
    return "" if have == listed == want else f"{have} of {want} elements in force, {listed} listed"


def _name(table: str) -> str:
    return table.split()[-1]


def _verdicts(text: str) -> int:
    return len(re.findall(r"counter packets \d+ bytes \d+ (?:drop|queue|dup|reject)", text))


def _rules(table: str, text: str, rules: int) -> str:
    have, want = _verdicts(text), rules * len(families_of(table))
    return "" if have == want else f"{have} of {want} rules in place"
