"""The three systemd units the agent may start and stop, by fixed names only."""

from faults.host.runner import output
from faults.model.fault import FaultError

UNITS = {
    "node": "slotlab-node.service",
    "probe": "slotlab-probe.service",
    "client": "slotlab-client.service",
}
SYSTEMCTL_TIMEOUT_S = 170.0
"""systemd gives a unit up after 180 s: on an emulated machine beside others a node takes 60."""


def start(names: list[str]) -> None:
    """Start the units and wait until they run.

    Raises:
        FaultError: unknown_unit, or unit_failed with what systemd or the unit's log says.
    """
    units = units_of(names)
    output(("systemctl", "reset-failed", *units))
    code, _, error = output(("systemctl", "start", *units), timeout_s=SYSTEMCTL_TIMEOUT_S)
    if code:
        raise FaultError("unit_failed", _why(units) or error.strip()[:300])


def stop(names: list[str]) -> None:
    """Stop the units and forget their failures.

    Raises:
        FaultError: unknown_unit, unit_failed.
    """
    units = units_of(names)
    code, _, error = output(("systemctl", "stop", *units), timeout_s=SYSTEMCTL_TIMEOUT_S)
    output(("systemctl", "reset-failed", *units))
    if code and "not loaded" not in error:
        raise FaultError("unit_failed", error.strip()[:300])


def _why(units: list[str]) -> str:
    """Return the last line of each failed unit's own process; systemd's words about it say less."""
    failed = [unit for unit in units if output(("systemctl", "is-failed", "-q", unit))[0] == 0]
    logs = {
        unit: output(("journalctl", "-n", "1", "-o", "cat", f"_SYSTEMD_UNIT={unit}"))[1].strip()
        for unit in failed
    }
    return "; ".join(f"{unit}: {log}" for unit, log in logs.items() if log)[:600]


def units_of(names: list[str]) -> list[str]:
    """Return the units by their short names.

    Raises:
        FaultError: unknown_unit.
    """
    unknown = [name for name in names if name not in UNITS]
    if unknown or not names:
        raise FaultError("unknown_unit", f"{unknown or 'none'}; known: {', '.join(UNITS)}")
    return [UNITS[name] for name in names]
