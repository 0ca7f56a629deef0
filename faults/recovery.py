"""Undoing from the ledger alone: what a dead agent, a crash or a reboot left behind. Safe to
repeat.
"""

from __future__ import annotations

import msgspec

from faults import deadman
from faults.boottime import boot_id
from faults.journal import Journal, State
from faults.ledger import Entry, Ledger
from faults.runner import output

UNDO_TIMEOUT_S = 20.0


def recover(
    ledger: Ledger, journal: Journal, reason: str, *, systemd: bool, boot: bool = False
) -> list[str]:
    """Return the ids of the faults taken back, one for each entry still open in the ledger.

    boot: the machine has just started, so a killed unit is left to whoever starts units, and only
    what survives a reboot can need undoing.
    """
    return [
        entry.fault_id
        for entry in ledger.open_entries()
        if _undo(ledger, journal, entry, reason, systemd=systemd, boot=boot)
    ]


def _undo(
    ledger: Ledger, journal: Journal, entry: Entry, reason: str, *, systemd: bool, boot: bool
) -> bool:
    """Return whether the entry is closed now."""
    deadman.disarm_token(entry.token, systemd=systemd)
    undone_ns = ledger.undone_ns(entry.token)
    error = ""
    untouched = entry.state == "armed" or (boot and entry.kind == "kill")
    if not untouched:
        script = str(ledger.script(entry.token))
        code, _, text = output(("/bin/sh", script), timeout_s=UNDO_TIMEOUT_S)
        error = text.strip()[:200] if code else ""
    state, why = _verdict(entry, undone_ns, reason)
    same_boot = entry.boot == boot_id()
    journal.trial = entry.trial
    journal.t0_boottime_ns = entry.t0_boottime_ns if same_boot else None
    between = (undone_ns - 10_000_000, undone_ns) if undone_ns and state == "healed" else None
    journal.write(
        "failed" if error else state, fault=entry.fault_id, kind=entry.kind, how=entry.how,
        between=between, asked=entry.asked, reason=f"heal: {error}" if error else why,
    )  # fmt: skip
    if not error:
        ledger.record(msgspec.structs.replace(entry, state="closed", reason=why))
    return not error


def _verdict(entry: Entry, undone_ns: int | None, reason: str) -> tuple[State, str]:
    """Return what to write: healed on time by the dead man's timer, never applied, or ended
    early.
    """
    if entry.state == "armed":
        return "skipped", reason
    deadline_ns = entry.deadline_ns
    if undone_ns is not None and deadline_ns is not None and undone_ns >= deadline_ns:
        return "healed", "dead_man"
    return "failed", reason
