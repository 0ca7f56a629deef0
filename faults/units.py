"""The three systemd units the agent may start and stop, by fixed names only."""

from __future__ import annotations

from faults.fault import FaultError
from faults.runner import output

UNITS = {
    "node": "slotlab-node.service",
    "probe": "slotlab-probe.service",
    "client": "slotlab-client.service",
}
START_TIMEOUT_S = 60.0


def start(names: list[str]) -> None:
    """Return when the units run.

    Raises:
        FaultError: unknown_unit, or unit_failed with what systemd or the unit's log says.
    """
    units = _units(names)
    output(("systemctl", "reset-failed", *units))
    code, _, error = output(("systemctl", "start", *units), timeout_s=START_TIMEOUT_S)
    if code:
        log = output(("journalctl", "-n", "3", "-o", "cat", *(f"-u{unit}" for unit in units)))[1]
        said = error.strip().splitlines()[:1]
        detail = " | ".join([*said, *log.splitlines()])
        raise FaultError("unit_failed", detail[:600])


def stop(names: list[str]) -> None:
    """Return when the units are down and no failure is remembered.

    Raises:
        FaultError: unknown_unit, unit_failed.
    """
    units = _units(names)
    code, _, error = output(("systemctl", "stop", *units), timeout_s=START_TIMEOUT_S)
    output(("systemctl", "reset-failed", *units))
    if code and "not loaded" not in error:
        raise FaultError("unit_failed", error.strip()[:300])


def _units(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in UNITS]
    if unknown or not names:
        raise FaultError("unknown_unit", f"{unknown or 'none'}; known: {', '.join(UNITS)}")
    return [UNITS[name] for name in names]
