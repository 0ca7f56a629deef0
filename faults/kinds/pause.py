"""Pause: stop the node's process for a while, so that it lives and does nothing; then resume it."""

from pathlib import Path

from faults.host.settled import settled
from faults.kinds.ended_unit import KILLABLE, Shown, unit_state
from faults.model.fault import Command, Evidence, Fault, HostContext, Recipe, verdict


class Pause(Fault, frozen=True, kw_only=True, tag="pause"):
    """SIGSTOP to every process of unit; SIGCONT is the undo, and harmless to one that runs."""

    unit: KILLABLE

    def recipe(self, _context: HostContext) -> Recipe:
        """Return: stop the unit's processes; let them go on."""
        signal = ("systemctl", "kill")
        return Recipe(
            how="signal",
            inject=(Command((*signal, "--signal=SIGSTOP", self.unit)),),
            release=(Command((*signal, "--signal=SIGCONT", self.unit), may_fail=True),),
        )

    def read_back(self, _context: HostContext) -> Evidence:
        """Return whether the unit's main process is stopped."""
        found, stands = settled(lambda: process_state(self.unit), _stands)
        wrong = "" if stands else f"the process is {found['process'] or 'gone'}"
        return verdict(wrong, {"unit": found})

    def counters(self, _context: HostContext) -> dict[str, object]:
        """Return the unit's state, and its process's."""
        return {"unit": process_state(self.unit)}

    def ended_early(self, _context: HostContext) -> str:
        """Return what the process does instead of standing still, "" when it does."""
        found = process_state(self.unit)
        return "" if _stands(found) else f"the process was {found['process'] or 'gone'}"

    def left_over(self, _context: HostContext) -> str:
        """Return whether the process still stands."""
        return "a stopped process" if _stands(process_state(self.unit)) else ""


def process_state(unit: str) -> Shown:
    """Return the unit's state with `process`: the kernel's letter for its main process, or ""."""
    state = unit_state(unit)
    try:
        text = Path(f"/proc/{int(state.get('MainPID', '0'))}/stat").read_text()
        letter = text.rpartition(")")[2].split()[0]
    except (OSError, ValueError, IndexError):
        letter = ""
    return {**state, "process": letter}


def _stands(found: Shown) -> bool:
    return found["process"] == "T"
