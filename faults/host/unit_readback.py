"""What systemd and the kernel show of our units: killed, stopped, or running."""

from __future__ import annotations

import time
from pathlib import Path

from faults.host.runner import output
from faults.model.evidence import Evidence, verdict

DEAD = ("failed", "inactive", "deactivating")
SETTLE_DEADLINE_S = 0.5
SETTLE_POLL_S = 0.02


def unit_state(unit: str) -> dict[str, str]:
    """Return ActiveState, SubState, MainPID and Result of a systemd unit; {} without systemd."""
    names = "ActiveState,SubState,MainPID,Result,NRestarts"
    code, text, _ = output(("systemctl", "show", f"--property={names}", unit))
    pairs = (line.partition("=") for line in text.splitlines()) if code == 0 else ()
    return {key: value for key, _, value in pairs}


def read_killed(unit: str) -> Evidence:
    """Return whether the unit is down, once systemd has reaped the process, in its own time."""
    until = time.monotonic() + SETTLE_DEADLINE_S
    state = unit_state(unit)
    while state.get("ActiveState") not in DEAD and time.monotonic() < until:
        time.sleep(SETTLE_POLL_S)
        state = unit_state(unit)
    dead = state.get("ActiveState") in DEAD
    return verdict("" if dead else "the unit still runs", {"unit": state})


def read_paused(unit: str) -> Evidence:
    """Return whether the unit's main process is stopped."""
    until = time.monotonic() + SETTLE_DEADLINE_S
    found = process_state(unit)
    while found.get("process") != "T" and time.monotonic() < until:
        time.sleep(SETTLE_POLL_S)
        found = process_state(unit)
    wrong = "" if found.get("process") == "T" else f"the process is {found['process'] or 'gone'}"
    return verdict(wrong, {"unit": found})


def process_state(unit: str) -> dict[str, str]:
    """Return the unit's state with `process`: the kernel's letter for its main process, or ""."""
    state = unit_state(unit)
    letter = ""
    try:
        text = Path(f"/proc/{int(state.get('MainPID', '0'))}/stat").read_text()
        letter = text.rpartition(")")[2].split()[0]
    except (OSError, ValueError, IndexError):
        letter = ""
    return {**state, "process": letter}
