"""Plans, summaries and checks as tables for a terminal; every figure comes from files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.markup import escape
from rich.table import Table

from harness.plan_model import Plan, PlannedFault, Trial
from harness.units import text_of_ns

_DETAILS = (
    "pairs", "probes", "start_error_ms", "end_error_ms", "healed_late", "resumed",
)  # fmt: skip
_VERDICT_STYLE = {
    "pass": "green", "holds": "green", "ok": "green",
    "fail": "red", "violated": "red",
    "invalid": "yellow", "unknown": "yellow", "warn": "yellow",
}  # fmt: skip


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


def trial_of(plan: Plan, trial: Trial) -> Table:
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
    lag = plan.prediction["finality_lag_blocks"]
    return (
        f"{len(plan.trials)} trial(s) of {text_of_ns(plan.end_ns)}; about"
        f" {plan.estimate.seconds // 60} min {plan.estimate.seconds % 60} s in all,"
        f" {plan.estimate.raw_bytes / 1e6:.0f} MB of raw events before compression\n"
        f"predicted finality lag undisturbed: {lag['min']} to {lag['max']} blocks;"
        f" quorum {plan.quorum_needed} of {len(plan.producers)}"
    )


def phases_of(summary: Mapping[str, Any]) -> Iterable[Table]:
    """Return one table a cell: finality, missed slots and forks by phase."""
    for cell in summary["cells"]:
        params = ", ".join(f"{name}={value}" for name, value in cell["params"].items())
        table = Table(title=f"cell {params}" if params else "phases", title_justify="left")
        table.add_column("phase")
        for name in ("lag p50", "finality p50", "p95", "not final", "slots", "missed", "switches"):
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
    """Return what was asked of each fault beside what was measured."""
    table = Table(title="faults", title_justify="left")
    for name in ("fault", "trial", "state", "how", "asked", "measured"):
        table.add_column(name)
    for fault in summary["faults"]:
        table.add_row(
            fault["id"],
            str(fault["trial"]),
            styled(fault["state"]),
            str(fault["how"]),
            escape(_pairs(fault["asked"])),
            escape(_pairs(_headline(fault["measured"]))),
        )
    return table


def checks_of(summary: Mapping[str, Any]) -> Table:
    """Return the expectations and whether they hold."""
    table = Table(title="checks", title_justify="left")
    for name in ("check", "verdict", "evidence"):
        table.add_column(name)
    for check in summary["checks"]:
        table.add_row(escape(check["name"]), styled(check["verdict"]), escape(check["evidence"]))
    return table


def _headline(measured: object) -> object:
    """Return the figures a terminal has room for; the report has them all."""
    if not isinstance(measured, dict):
        return measured
    return {key: value for key, value in measured.items() if key not in _DETAILS}


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
            return f"{asked['share']:.4g} of the packets lost"
        case "power_cut" | "freeze_host" | "link_down":
            return f"{fault.fault} (whole host, management too)"
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
    return "-" if value is None else f"{value:.3g}{unit}"


def _pairs(values: object) -> str:
    if not isinstance(values, dict):
        return "" if values is None else str(values)
    return ", ".join(f"{_name(key)} {_value(key, value)}" for key, value in values.items())


def _name(key: str) -> str:
    return key.removesuffix("_ns").replace("_", " ")


def _value(key: str, value: object) -> str:
    if key.endswith("_ns") and isinstance(value, int | float):
        return f"{value / 1e6:.4g} ms" if abs(value) < 1e9 else f"{value / 1e9:.4g} s"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return f"({_pairs(value)})"
    return str(value)
