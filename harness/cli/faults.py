"""The command faults: what can be done to a lab, how a campaign says it, and which hosts can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from faults.model.columns import Key, Kind
from faults.model.kind import KINDS
from harness.cli.options import AsJson, Limit, MaybeInventory, lab_at
from harness.controller.console import Show, console_of, said, table_of
from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.plan.planner import LabView

DONE_BY = {"host": "hosts, simulator", "provider": "provider, simulator", "sim": "simulator only"}
HOSTS_ONLY = "hosts only"
_WHOM = {
    "hosts": "on: n1", "pairs": "[between: all]", "arrows": "from: n1, [to: all]",
    "groups": "shape: minority",
}  # fmt: skip
_WRITTEN = {
    "duration": "5s", "offset": "5ms", "signed duration": "-300ms", "share": "5%",
    "ppm": "200ppm", "slots": "2", "size": "1MB", "count": "5", "bit rate": "1mbit",
    "names": "[usera]", "trace": "rtts.csv",
}  # fmt: skip
"""How whom a fault hits, and each value, looks in a campaign."""

Row = dict[str, Any]
"""A kind of fault at one level of it, as --json prints it."""


def faults(
    inventory_path: MaybeInventory = None, limit: Limit = "", as_json: AsJson = False
) -> None:
    if limit and inventory_path is None:
        raise UsageError("faults: --limit needs hosts; add -i INVENTORY")
    show = Show(console_of(stderr=as_json))
    rows = rows_of(None if inventory_path is None else _asked(inventory_path, limit, show))
    show.quiet()
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    show.console.print(kinds_of(rows) if inventory_path is None else support_of(rows))


def rows_of(view: LabView | None) -> list[Row]:
    """Return each kind at each of its levels; of a lab also how its hosts do it, or why not."""
    return [
        {
            "fault": row.word, "level": level, "does": row.does.partition("\n")[0],
            "by": row.by, "unsimulated": row.unsimulated,
            "whom": _WHOM[row.targets], "keys": keys_of(row),
            "hosts": {} if view is None else _hosts(row, level, view),
        }
        for row in KINDS.values()
        for level in _levels(row)
    ]  # fmt: skip


def kinds_of(rows: list[Row]) -> Table:
    """Return what there is to do, where, and how a campaign says it."""
    table = table_of("fault", "what it does", "done by", "keys, as written", lines=True)
    for word, row in {row["fault"]: row for row in rows}.items():
        keys = ", ".join((row["whom"], *row["keys"]))
        where = HOSTS_ONLY if row["unsimulated"] else DONE_BY[row["by"]]
        table.add_row(word, said(row["does"]), where, said(keys))
    return table


def support_of(rows: list[Row]) -> Table:
    """Return how the hosts of a lab do each kind, and why some do not."""
    table = table_of("fault", "on", "how", "why not")
    for row in rows:
        name = row["fault"] + (f" (level: {row['level']})" if row["level"] else "")
        alike: dict[tuple[str, str], list[str]] = {}
        for host, found in row["hosts"].items():
            alike.setdefault((found["how"], found["why"]), []).append(host)
        for (how, why), hosts in alike.items():
            where = "all hosts" if len(alike) == 1 else ", ".join(hosts)
            table.add_row(name, said(where), how or "–", said(why))
    return table


def keys_of(row: Kind) -> list[str]:
    """Return the keys of a kind in a campaign, each with a value; in brackets what may be left
    out, with what it is then.
    """
    lasting = [] if row.lasts in {key.name for key in row.keys} else [f"{row.lasts}: 5s"]
    return lasting + [_key(key) for key in row.keys]


def _key(key: Key) -> str:
    words = _WRITTEN.get(str(key.written)) or " or ".join(key.written)
    usual = f", else {key.default}" if isinstance(key.default, str) else ""
    text = f"{key.name}: {words}{usual}"
    return text if key.default is ... else f"[{text}]"


def _levels(row: Kind) -> tuple[str, ...]:
    """Return the levels at which a campaign may ask for a kind."""
    return next((tuple(key.written) for key in row.keys if key.name == "level"), ("",))


def _hosts(row: Kind, level: str, view: LabView) -> dict[str, dict[str, str]]:
    from harness.plan.fault_support import of_host

    found = {}
    for host in view.hosts:
        how, why = of_host(row, level, host, lab=view.lab, capabilities=view.capabilities)
        found[host.host] = {"how": how, "why": why}
    return found


def _asked(inventory_path: Path, limit: str, show: Show) -> LabView:
    """Return the lab as its hosts describe themselves."""
    from harness.orchestrator.fleet import Fleet, view
    from harness.remote.fan_out import Remote

    lab = lab_at(inventory_path, limit)
    with Remote(lab) as remote:
        fleet = Fleet(remote)
        return view(lab, fleet.deployed(), fleet.hello(show.tick))
