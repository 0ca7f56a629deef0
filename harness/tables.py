"""Plans, summaries and checks as tables for a terminal; every figure comes from files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from harness.units import text_of_ns
from metrics.model.plan import Plan, PlannedFault, PlannedTrial
from metrics.model.printable import printable, printable_lines
from metrics.model.quantiles import NEEDED
from metrics.report import fault_text

_VERDICT_STYLE = {
    "pass": "green", "holds": "green", "ok": "green",
    "fail": "red", "violated": "red",
    "invalid": "yellow", "unknown": "yellow", "warn": "yellow",
}  # fmt: skip


def said(text: str) -> str:
    """Return what a host says for where markup counts: no control character, no markup in it."""
    return escape(printable_lines(text))


def styled(word: str) -> str:
    """Return a verdict word in its colour."""
    style = _VERDICT_STYLE.get(word, "")
    return f"[{style}]{escape(word)}[/{style}]" if style else escape(word)


def hosts_of(plan: Plan) -> Table:
    """Return who runs which producers."""
    table = Table(title="hosts", title_justify="left")
    for name in ("host", "address", "producers"):
        table.add_column(name)
    for host in plan.hosts:
        table.add_row(host.host, host.address, ", ".join(host.producers) or "observer")
    return table


def trial_of(plan: Plan, trial: PlannedTrial) -> Table:
    """Return one trial of a plan: when, what, to whom, for how long, live weight against quorum."""
    cell = next(cell for cell in plan.cells if cell.n == trial.cell)
    params = "".join(f", {name}={value}" for name, value in cell.params.items())
    table = Table(title=f"trial {trial.n} (cell {cell.n}{params})", title_justify="left")
    for name in ("from", "phase", "what", "who", "how long", "how", "live/needed"):
        table.add_column(name)
    for phase in trial.phases:
        faults = [fault for fault in trial.faults if fault.id in phase.name.split("+")]
        quorum = [q for q in trial.quorum if q.from_ns < phase.end_ns and q.to_ns > phase.start_ns]
        least = min(quorum, key=lambda q: q.live)
        note = "" if least.finality_expected else "  no finality expected"
        table.add_row(
            text_of_ns(phase.start_ns),
            phase.name,
            "\n".join(escape(_asked(fault)) for fault in faults),
            "\n".join(escape(_who(fault)) for fault in faults),
            text_of_ns(phase.end_ns - phase.start_ns),
            "\n".join(fault.how for fault in faults),
            f"{least.live}/{least.needed}{note}",
        )
    return table


def totals_of(plan: Plan) -> str:
    """Return the plan's cost and prediction in two lines."""
    lag = plan.prediction.finality_lag_blocks
    return (
        f"{len(plan.trials)} trial(s) of {text_of_ns(plan.end_ns)}; about"
        f" {plan.estimate.seconds // 60} min {plan.estimate.seconds % 60} s in all,"
        f" {plan.estimate.raw_bytes / 1e6:.0f} MB of raw events before compression\n"
        f"predicted finality lag undisturbed: {lag.min} to {lag.max} blocks;"
        f" quorum {plan.quorum} of {len(plan.producers)}"
    )


def phases_of(summary: Mapping[str, Any]) -> Iterable[Table]:
    """Return one table a cell: finality, missed slots and forks by phase."""
    for cell in summary["cells"]:
        params = ", ".join(f"{name}={value}" for name, value in cell["params"].items())
        table = Table(title=f"cell {params}" if params else "phases", title_justify="left")
        table.add_column("phase")
        for name in ("lag", "finality", "p95", "not final", "slots", "missed", "switches"):
            table.add_column(name, justify="right")
        for name, m in cell["phases"].items():
            lag, latency, slots = m["finality_lag_blocks"], m["finality_latency_s"], m["slots"]
            table.add_row(
                name,
                _figure(lag, "p50", ""),
                _figure(latency, "p50", " s"),
                _figure(latency, "p95", " s"),
                str(latency.get("censored") or 0),
                str(slots["expected"]),
                str(slots["missed"]),
                str(m["forks"].get("switches", 0)),
            )
        yield table


def faults_of(summary: Mapping[str, Any]) -> Table:
    """Return what was asked of each fault beside what was measured, in words."""
    table = Table(title="faults", title_justify="left", show_lines=True)
    table.add_column("fault", overflow="fold")
    table.add_column("asked, measured, when and how")
    many = len({fault["trial"] for fault in summary["faults"]}) > 1
    for fault in summary["faults"]:
        trial = f"\ntrial {fault['trial']}" if many else ""
        lines = [
            fault_text.asked(fault),
            fault_text.measured(fault),
            f"{fault_text.timing(fault)}; by {fault['how'] or 'nobody'}",
            *([str(fault["reason"])] if fault["reason"] else []),
        ]
        table.add_row(
            f"{said(fault['id'])}{trial}\n{styled(fault['state'])}",
            "\n".join(said(line) for line in lines),
        )
    return table


def checks_of(summary: Mapping[str, Any]) -> Table:
    """Return the expectations and whether they hold; what holds takes one line."""
    table = Table(title="checks", title_justify="left")
    table.add_column("check", overflow="fold")
    table.add_column("verdict", no_wrap=True)
    table.add_column("evidence")
    for check in summary["checks"]:
        holds = check["verdict"] == "holds"
        evidence = Text(
            printable(check["evidence"]), no_wrap=holds, overflow="ellipsis" if holds else "fold"
        )
        table.add_row(said(check["name"]), styled(check["verdict"]), evidence)
    return table


def _asked(fault: PlannedFault) -> str:
    asked = fault.asked
    match fault.fault:
        case "delay":
            jitter = f" ± {text_of_ns(asked['jitter_ns'])}" if asked["jitter_ns"] else ""
            return f"delay {text_of_ns(asked['delay_ns'])}{jitter} one way"
        case "clock_step":
            return f"{_clock(asked)} off by {text_of_ns(asked['by_ns'])} ({asked['level']})"
        case "clock_drift":
            return f"{_clock(asked)} fast by {asked['by_ppb'] / 1000:g} ppm ({asked['level']})"
        case "ntp_offset":
            return f"NTP answers off by {text_of_ns(asked['by_ns'])}"
        case "ntp_cut":
            return "NTP answers do not arrive"
        case "loss":
            return f"{asked['share'] * 100:.4g} % of the packets lost"
        case "power_cut" | "freeze_host" | "link_down":
            return f"{fault.fault} (with management)"
        case "kill":
            back = asked["restart_after_ns"]
            return "kill" + (f", back after {text_of_ns(back)}" if back else ", for good")
        case "byzantine":
            return f"lies: {asked['strategy']}"
        case "silent":
            return f"signs only the first {asked['keep_slots']} slots of a turn"
    return fault.fault


def _clock(asked: Mapping[str, Any]) -> str:
    return "clock" if asked["level"] == "process" else "HOST CLOCK"


def _who(fault: PlannedFault) -> str:
    if fault.groups:
        return " | ".join(", ".join(group) for group in fault.groups)
    if fault.pairs and fault.fault == "cut":
        return f"{', '.join(fault.targets)} -> {', '.join(fault.acting)}"
    if fault.pairs:
        return f"{len(fault.pairs)} pairs of {', '.join(fault.targets)}"
    return ", ".join(fault.targets)


def _figure(quantiles: Mapping[str, Any], key: str, unit: str) -> str:
    value = quantiles.get(key)
    if quantiles["n"] and key in quantiles["few"]:
        return f"n < {NEEDED[key]}"
    return "-" if value is None else f"{value:.3g}{unit}"
