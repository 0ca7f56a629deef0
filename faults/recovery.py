"""Undoing from the ledger alone: what a dead agent, a crash or a reboot left behind. Safe to
repeat.
"""

from __future__ import annotations

import msgspec

from faults.boottime import boot_id, boottime_ns
from faults.deadman import DeadMan
from faults.journal import Journal, State
from faults.ledger import Entry, Ledger, verdict_of_undone
from faults.runner import output

UNDO_TIMEOUT_S = 20.0


def recover(
    ledger: Ledger, journal: Journal, timers: DeadMan, reason: str, keep: frozenset[str]
) -> list[str]:
    """Return the ids of the faults taken back, one for each entry still open in the ledger.

    What an earlier boot left is closed as host_rebooted; tokens in keep are left alone.
    """
    return [
        entry.fault_id
        for entry in ledger.open_entries()
        if entry.token not in keep and _undo(ledger, journal, timers, entry, reason)
    ]


def _undo(ledger: Ledger, journal: Journal, timers: DeadMan, entry: Entry, reason: str) -> bool:
    """Return whether the entry is closed now."""
    same_boot = entry.boot == boot_id()
    if same_boot:
        timers.disarm(entry.token)
    else:
        reason = "host_rebooted"
    undone_ns = ledger.undone_ns(entry.token) if same_boot else None
    before_ns = boottime_ns()
    error = ""
    state: State
    untouched = entry.state == "armed" or (not same_boot and entry.kind == "kill")
    if not untouched:
        script = str(ledger.script(entry.token))
        code, _, text = output(("/bin/sh", script), timeout_s=UNDO_TIMEOUT_S)
        error = text.strip()[:200] if code else ""
    between: tuple[int, int] | None = (before_ns, boottime_ns())
    if entry.state == "armed":
        state, why, between = "skipped", reason, None
    elif undone_ns is not None:
        state, why = verdict_of_undone(entry, undone_ns, reason)
        between = (min(entry.deadline_ns or undone_ns, undone_ns), undone_ns)
    else:
        state, why = "failed", reason
    journal.trial = entry.trial
    journal.t0_boottime_ns = entry.t0_boottime_ns if same_boot else None
    journal.write(
        "failed" if error else state, fault=entry.fault_id, kind=entry.kind, how=entry.how,
        between=between, asked=entry.asked, reason=f"heal: {error}" if error else why,
    )  # fmt: skip
    if not error:
        ledger.record(msgspec.structs.replace(entry, state="closed", reason=why))
    return not error
