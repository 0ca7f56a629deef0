"""report.html: one self-contained file that needs no network; every text from hosts is escaped."""

from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from metrics.fault_checks.clocks import injected
from metrics.intake import timeline
from metrics.measure import clocks, propagation, slots, transactions
from metrics.measure.hosts import costs, machines
from metrics.measure.metric import PHASE_TABLES
from metrics.measure.propagation import Hops
from metrics.measure.registry import SHOWN
from metrics.model import number_text, run_folder
from metrics.model.cell_load import load_text
from metrics.model.cell_text import cell_text
from metrics.model.plan import WARMUP, Plan
from metrics.model.printable import printable
from metrics.model.run_folder import load_json
from metrics.report import (
    charts,
    differences,
    fault_text,
    heat_maps,
    methods,
    outline,
    sweep,
    systems,
    tails,
)
from metrics.report.alike import gathered
from metrics.report.durations import stages, survival
from metrics.report.flat import flat
from metrics.report.governance import decisions, delegation, pay
from metrics.report.in_order import counted, in_order
from metrics.report.of_trial import chronology, confidence, rows, slot_grid
from metrics.report.of_trial.machines import in_short
from metrics.results.analysis import Analysis

CONTAINER_LABS = ("container",)
PLOTLY = "plotly-cartesian.min.js"
"""plotly.js with the traces that charts here are made of (scatter, bar, heatmap): a third of what
the package plotly carries, which has all. Of the version it was written for; as published."""
SCRIPT = "page.js"
LONG_MS = 1000
SHOWN_MAX = 2000
"""Characters of what a host said of its queues or filters that are shown."""


def render(run: Path, plan: Plan, summary: dict[str, Any], analyses: list[Analysis]) -> str:
    """Return the whole page; run gives provenance.json and lab.json where they exist."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        finalize=_harmless,
    )  # fmt: skip
    for function in (
        fault_text.asked, fault_text.measured, fault_text.timing, fault_text.where,
        number_text.beside, number_text.figure, number_text.known, number_text.moment,
        number_text.number, number_text.of_figure, number_text.percent, number_text.predicted,
        number_text.span, number_text.title,
        cell_text, frozen, spread,
    ):  # fmt: skip
        environment.globals[function.__name__] = function
    context = _context(environment, run, plan, summary, analyses)
    here = Path(__file__).parent
    return environment.get_template("report.html.j2").render(
        **context,
        sections=outline.sections(environment, context),
        plotly_js=(here / PLOTLY).read_text(),
        template=charts.embedded(charts.TEMPLATE),
        page_js=(here / SCRIPT).read_text(),
    )


def _context(
    environment: jinja2.Environment,
    run: Path,
    plan: Plan,
    summary: dict[str, Any],
    analyses: list[Analysis],
) -> dict[str, Any]:
    """Return what templates are given, by name."""
    hosts = [host.host for host in plan.hosts]
    return {
        "invalid": gathered(summary["invalid"], hosts),
        "notes": gathered(summary["notes"], hosts),
        "phase_tables": _phase_tables(environment),
        "plan": plan,
        "summary": summary,
        "cells": [(cell, _windows(cell, analyses)) for cell in summary["cells"]],
        "differences": [
            {"name": cell_text(cell["params"]), "found": found}
            for cell in summary["cells"]
            if (found := differences.shown(cell))["same"] or found["tables"]
        ],
        "tails": _tails(summary, analyses),
        "chains": systems.chains(plan),
        "systems": systems.sides(plan, summary, analyses),
        "zones": {trial.n: plan.cell_of(trial).zones for trial in plan.trials},
        "sweep": sweep.shown(summary["sweep"]),
        "stages": stages.shown(summary, analyses),
        "survival": survival.shown(summary["survival"]),
        "trials": [_trial(analysis, summary) for analysis in analyses],
        "methods": methods.of_run(summary),
        "shared_clock": plan.lab in CONTAINER_LABS,
        "bent": _bent_clocks(plan),
        "provenance": flat(load_json(run / "provenance.json")),
        "lab": flat(load_json(run / "lab.json")),
        "found_hosts": _found_hosts(run, plan),
        "run_name": run.resolve().name,
    }


def _tails(summary: dict[str, Any], analyses: list[Analysis]) -> list[tuple[str, str]]:
    """Return (cell in words, chart) of the cells that have samples."""
    found = []
    for cell in summary["cells"]:
        own = {trial["n"] for trial in cell["trials"]}
        key = f"tails-{cell['n']}"
        html = tails.finality_tails(
            list(cell["phases"]), [a for a in analyses if a.data.file.n in own], key
        )
        found.append((cell_text(cell["params"]), html))
    return [(name, html) for name, html in found if html]


def _found_hosts(run: Path, plan: Plan) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return (hosts, rows) of what hosts were like before the first trial, those alike together."""
    alike: dict[str, list[str]] = {}
    rows_of = {}
    for host in in_order(host.host for host in plan.hosts):
        folder = run_folder.trial_folder(run, plan.trials[0].n) / "hosts" / host
        found = flat(load_json(folder / "before.json"))
        own = [(key, str(value)[:SHOWN_MAX]) for key, value in found]
        if own:
            alike.setdefault(repr(own), []).append(host)
            rows_of[repr(own)] = own
    return [(", ".join(hosts), rows_of[key]) for key, hosts in alike.items()]


def _phase_tables(environment: jinja2.Environment) -> list[tuple[str, str, jinja2.Template]]:
    """Return (title, heads in HTML, cells of a row) of each table of phases."""
    found = []
    for title in PHASE_TABLES:
        columns = [metric.columns for metric in SHOWN if metric.columns.table == title]
        cells = environment.from_string("".join(own.cells for own in columns))
        found.append((title, "".join(own.heads for own in columns), cells))
    return found


def _harmless(value: Any) -> Any:
    """Return what an expression of the page gives, text of hosts made printable; no markup."""
    return printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def _bent_clocks(plan: Plan) -> list[str]:
    """Return a line for each fault that bends a whole host's clock, or what it is told."""
    return list(
        dict.fromkeys(
            f"{fault.id} on {', '.join(fault.targets)}"
            for trial in plan.trials
            for fault in trial.faults
            if timeline.bends_truth(fault)
        )
    )


def _windows(cell: dict[str, Any], analyses: list[Analysis]) -> dict[str, str]:
    """Return the time of each phase of a cell, by name: that of its first trial."""
    own = {trial["n"] for trial in cell["trials"]}
    first = next(a for a in analyses if a.data.file.n in own)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in cell["phases"]}
    for phase in first.data.phases:
        found.setdefault(phase.name, []).append((phase.start_ns / 1e9, phase.end_ns / 1e9))
    return {name: _stretches(stretches) for name, stretches in found.items()}


def frozen(moved: dict[str, int]) -> str:
    """Return the hosts where nothing became final, where it did elsewhere; how many, if many."""
    hosts = [host for host, n in moved.items() if n == 0]
    return "" if len(hosts) == len(moved) else rows.few(hosts)


def _stretches(found: list[tuple[float, float]]) -> str:
    """Return the time of a phase: each of its stretches, or how many if these would fill a page."""
    if len(found) > rows.FEW:
        return f"{len(found)} stretches in {_window(found[0][0], found[-1][1])} s"
    return ", ".join(_window(start, end) for start, end in found) + " s"


def _window(start_s: float, end_s: float) -> str:
    return f"{round(start_s, 2):g} – {round(end_s, 2):g}"


def spread(moved: dict[str, int]) -> str:
    """Return from how many to how many blocks became final at a host, and where the fewest did."""
    low, high = min(moved.values(), default=0), max(moved.values(), default=0)
    if low == high:
        return f"{low}"
    least = [host for host, n in moved.items() if n == low]
    who = f" ({least[0]})" if len(least) == 1 and low else ""
    return f"{low}{who} – {high}"


def _trial(analysis: Analysis, summary: dict[str, Any]) -> dict[str, Any]:
    """Return what the trial's section shows."""
    data = analysis.data
    n = data.file.n
    cell = next(c for c in summary["cells"] if n in [t["n"] for t in c["trials"]])
    clients = analysis.of(transactions.METRIC)
    clock = analysis.of(clocks.METRIC)
    spent, hosts = analysis.of(costs.METRIC), analysis.of(machines.METRIC)
    validity = _validity(analysis, cell["metrics"])
    words = {word for _, _, word in validity}
    planned = data.plan.cell_of(data.planned)
    return {
        "n": n,
        "asset": data.plan.asset.name,
        "state": data.file.state,
        "schedules": delegation.schedules(analysis),
        "ballots": delegation.ballots(analysis),
        "pay": pay.pay(analysis),
        "doubts": delegation.doubts(analysis),
        "proposals": decisions.proposals(analysis),
        "in_force": decisions.in_force(analysis),
        "hard_forks": decisions.hard_forks_of(analysis),
        "confidence": confidence.shown(analysis),
        "finality": charts.finality(analysis, f"finality-{n}"),
        "grid": slot_grid.pages(analysis, f"grid-{n}"),
        "slot_words": list(slot_grid.words(analysis.of(slots.METRIC))),
        "maps": _maps(cell, n),
        "clock": charts.clock_offsets(analysis, f"clock-{n}"),
        "positions": rows.positions_of(analysis),
        "misses": rows.misses_of(analysis.of(slots.METRIC)),
        "forks": rows.forks_of(analysis),
        "recovery": rows.recovery_of(analysis),
        "chronology": chronology.shown(analysis),
        "pairs": sorted(clock.pairs, key=lambda p: (counted(p["a"]), counted(p["b"]))),
        "hosts": clock.hosts,
        "costs": sorted(spent, key=lambda cost: counted(cost["node"])),
        "machines": sorted(hosts, key=lambda host: counted(host.host)),
        "asked": transactions.beside_asked(data, clients) if planned.shape else None,
        "load": load_text(planned),
        "transactions": transactions.counts(
            [item for item in clients.sent if item.t_ns == item.t_ns], known=clients.known
        ),
        "story": analysis.story,
        "validity": validity,
        "worst": next((word for word in ("bad", "warn") if word in words), "ok"),
    }


def _maps(cell: dict[str, Any], n: int) -> list[tuple[str, dict[str, Any]]]:
    """Return (phase, its maps) of a cell, which the first of its trials shows."""
    if n != cell["trials"][0]["n"]:
        return []
    found = [
        (name, heat_maps.shown(metrics, f"heat-{n}-{i}"))
        for i, (name, metrics) in enumerate(cell["phases"].items())
        if name != WARMUP
    ]
    return [(name, maps) for name, maps in found if maps]


def _validity(analysis: Analysis, metrics: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the figures that say whether the rest may be believed, with a word of verdict."""
    data = analysis.data
    error = _uncertain(analysis.of(propagation.METRIC).hops)
    wall = data.timeline.wall
    clock = analysis.of(clocks.METRIC)
    hops = [q for row in metrics["propagation_ms"].values() for q in row.values()]
    negative = sum(q["negative"] for q in hops)
    impossible = sum(q["impossible"] for q in hops)
    lost = sum(loss.count for loss in data.intake.losses)
    rejected = sum(data.intake.rejected.values())
    rows = [
        ("Clock error of a latency between hosts", error or "no latency", "ok" if error else "bad"),
        ("Wall time against the time line",
         f"± {wall.median_half_ns / 1e6:.3f} ms (median)" if wall else number_text.UNKNOWN,
         "ok" if wall else "warn"),
        ("Triangle closure (consistency only)",
         "–" if clock.closure_ns is None else f"{clock.closure_ns / 1e6:.3f} ms", "ok"),
        ("Negative latencies", f"{negative}, of which outside their error {impossible}",
         "bad" if impossible else "ok"),
        ("Events taken in", f"{data.intake.lines:,} from {len(data.intake.hosts)} hosts", "ok"),
        ("Events lost (gaps in numbering)", str(lost), "bad" if lost else "ok"),
        ("Broken lines rejected", str(rejected), "warn" if rejected else "ok"),
    ]  # fmt: skip
    if hosts := analysis.of(machines.METRIC):
        rows.append(("Hosts", *in_short(hosts)))
    if data.plan.lab in CONTAINER_LABS:
        word = "ok" if clock.zero == clock.bursts else "bad"
        text = f"{clock.zero} of {clock.bursts} probe bursts"
        rows.append(("True offset (zero) inside the bound", text, word))
        inside, total = injected.told(data, clock.checks)
        word = "ok" if inside == total else "bad"
        about = "What a node's clock was put off by, inside the bound"
        rows.append((about, f"{inside} of {total} NTP checks", word))
    return rows


def _uncertain(hops: Hops) -> str:
    """Return the middle and the widest error of hops, and of which block that is; "" for none.

    Hops between clocks that are not related are left out: they have no figure either.

    A block that is fetched late has the widest, as two clocks may part on its way.
    """
    widths = hops.hi_ns - hops.lo_ns
    placed = np.flatnonzero(~np.isnan(hops.mid_ns))
    if not len(placed):
        return ""
    widest = placed[widths[placed] == widths[placed].max()]
    worst = max(widest.tolist(), key=lambda i: (hops.source[i], hops.target[i]))
    half_ms, worst_ms = float(np.median(widths[placed])) / 2e6, widths[worst] / 2e6
    took_ms = float(hops.mid_ns[worst]) / 1e6
    took = f"{took_ms / 1e3:.1f} s" if took_ms >= LONG_MS else f"{number_text.number(took_ms)} ms"
    why = ": the longer it takes, the more two clocks may part" if took_ms >= LONG_MS else ""
    return (
        f"± {half_ms:.3f} ms (median); the widest ± {worst_ms:.3f} ms, of block {hops.num[worst]}, "
        f"which {hops.target[worst]} had {took} after {hops.source[worst]} made it{why}"
    )
