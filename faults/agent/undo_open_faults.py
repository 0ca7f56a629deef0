"""Undoing from the ledger alone: what a dead agent, a crash or a reboot left behind. Safe to
repeat.
"""

import msgspec

from faults.agent.arming import Host, left_behind
from faults.agent.driver import boots_soon
from faults.durable.ledger import Entry, verdict_of_undone
from faults.host.boottime import boot_id, boottime_ns
from faults.host.runner import output
from faults.model.kind import kind
from faults.model.record import State

UNDO_TIMEOUT_S = 20.0


def undo_open_faults(host: Host, reason: str, keep: frozenset[str] = frozenset()) -> list[str]:
    """Return the ids of the faults taken back, one for each entry still open in the ledger.

    What an earlier boot left is closed as host_rebooted; tokens in keep are left alone. What cannot
    be undone stays open.
    """
    return [
        entry.fault_id
        for entry in host.ledger.open_entries()
        if entry.token not in keep and _undo(host, entry, reason)
    ]


def _undo(host: Host, entry: Entry, reason: str) -> bool:
    """Return whether the entry is closed now."""
    ledger, journal = host.ledger, host.journal
    same_boot = entry.boot == boot_id()
    if same_boot and boots_soon(kind(entry.kind), entry.state, reason):
        return False
    if same_boot:
        host.timers.disarm(entry.token)
    else:
        reason = "host_rebooted"
    undone_ns = ledger.undone_ns(entry.token) if same_boot else None
    before_ns = boottime_ns()
    error = ""
    state: State
    untouched = entry.state == "armed" or (not same_boot and kind(entry.kind).restarts_unit)
    if not untouched:
        script = str(ledger.script(entry.token))
        code, _, text = output(("/bin/sh", script), timeout_s=UNDO_TIMEOUT_S)
        error = text.strip()[:200] if code else ""
        left = left_behind(entry, host) if same_boot and not error else ""
        error = f"left over: {left}" if left else error
    between: tuple[int, int] | None = (before_ns, boottime_ns())
    if entry.state == "armed":
        state, why, between = "skipped", reason, None
    elif not same_boot and kind(entry.kind).ends_by_boot:
        state, why = "healed", ""
    elif undone_ns is not None:
        state, why = verdict_of_undone(entry, undone_ns, reason)
        between = (min(entry.deadline_ns or undone_ns, undone_ns), undone_ns)
    else:
        state, why = "failed", reason
    journal.follow(entry.trial, entry.t0_boottime_ns if same_boot else None)
    journal.write(
        "failed" if error else state, fault=entry.fault_id, kind=entry.kind, how=entry.how,
        between=between, asked=entry.asked, reason=f"heal: {error}" if error else why,
        read_back=None if same_boot else {"boot_before": entry.boot, "boot": boot_id()},
    )  # fmt: skip
    if not error:
        ledger.record(msgspec.structs.replace(entry, state="closed", reason=why))
    return not error
