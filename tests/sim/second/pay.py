"""Fees and pay, from what hosts wrote behind the blocks of the final chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.sim.second.deeds import Deed

KINDS = ("paid", "fees_paid", "fee_changed", "pay_schedule", "budgeted")


def of_trial(deeds: list[Deed]) -> dict[str, Any]:
    """Return what a summary says of one trial's pay; nothing where there is none."""
    own = [deed for deed in deeds if deed.line["kind"] in KINDS]
    if not own:
        return {}
    parts: dict[str, list[dict[str, Any]]] = {
        "payments": [], "fees": [], "earned": [], "fee_changes": [], "schedules": [], "budgets": []
    }  # fmt: skip
    of_workers: list[dict[str, Any]] = []
    for deed in own:
        line, shown = deed.line, deed.shown
        match line["kind"]:
            case "paid":
                one = {"what": line["what"], "account": line["account"], "units": line["amount"]}
                parts["payments"].append({**shown, **one})
            case "fees_paid":
                parts["fees"] += _sums(shown, "fees", line["by_account"])
            case "fee_changed":
                one = {key: line[key] for key in ("endpoint", "before", "votes")}
                parts["fee_changes"].append({**shown, **one, "units": line["amount"]})
            case "pay_schedule":
                one = {"producers": line["producers"], "pot": line["pot"]}
                parts["schedules"].append({**shown, **one})
            case "budgeted":
                one = {key: line[key] for key in ("reserve", "spendable", "for_witnesses")}
                workers = sum(line["to_workers"].values())
                parts["budgets"].append({**shown, **one, "to_workers": workers})
                parts["earned"] += _sums(shown, "witness", line["earned"])
                of_workers += _sums(shown, "worker", line["to_workers"])
    # The first analysis tells of all witnesses before all workers.
    parts["earned"] += of_workers
    return {"pay": parts}


def figures(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what M says of pay, from the lines in the windows that count."""
    kinds = Counter(line["kind"] for line in lines)
    paid = [line for line in lines if line["kind"] == "paid"]
    changes = Counter(line["endpoint"] for line in lines if line["kind"] == "fee_changed")
    return {
        "payments": kinds["paid"],
        "schedules": kinds["pay_schedule"],
        "budgets": kinds["budgeted"],
        "fee_changes": kinds["fee_changed"],
        "by_what": _added({line["what"]: line["amount"]} for line in paid),
        "by_account": _added({line["account"]: line["amount"]} for line in paid),
        "fees_by_account": _added(x["by_account"] for x in lines if x["kind"] == "fees_paid"),
        "earned_by_account": _added(
            x[key] for x in lines if x["kind"] == "budgeted" for key in ("earned", "to_workers")
        ),
        "by_endpoint": dict(changes),
    }


def _sums(shown: dict[str, Any], what: str, amounts: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {**shown, "what": what, "account": account, "units": units}
        for account, units in amounts.items()
    ]


def _added(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        for name, units in part.items():
            found[name] = found.get(name, 0) + units
    return found
