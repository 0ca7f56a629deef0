"""Judges a simulated trial in memory, by the same functions that judge the events of a real run."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from metrics.measure.delegation.facts import FACTS
from metrics.model.run_folder import Violation
from metrics.safety.invariants import (
    conflicting_finality,
    different_states,
    double_signatures,
    final_block_changes,
    lib_decreases,
    overlapping_confirmations,
)
from metrics.safety.liveness import early_blocks
from metrics.safety.node_log import (
    different_facts,
    repeated_transactions,
    restart_breaks,
    schedule_breaks,
)
from metrics.safety.supply import unbalanced

KINDS = ("started", "produced", "applied", "irreversible", "switched", "supply", *FACTS)
"""Kinds of events that the invariants are judged from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """An invariant that did not hold, and the first violation of it in words."""

    invariant: str
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """A line of a node's log: its record, and who wrote it when (since T0)."""

    host: str
    kind: str
    t_ns: float
    record: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.record, name)

    @property
    def hi_ns(self) -> float:
        """Return the latest time at which it was written: virtual time is exact."""
        return self.t_ns


@dataclass(slots=True, kw_only=True)
class Witness:
    """Mutable: takes events as a simulation writes them; keeps what the invariants ask for.

    Fills the simulator's `Sink`. Liars' events are not taken: nobody vouches for them.
    epoch_ns: when slot 0 was; t0_ns: the first slot's time, known once the world is built.
    """

    epoch_ns: int
    slot_ns: int
    liars: frozenset[str]
    t0_ns: int = 0
    told: list[Told] = field(default_factory=list)

    def write(self, now_ns: int, host: str, role: str, clock: Any, record: msgspec.Struct) -> None:
        """Take one event."""
        kind = str(record.__struct_config__.tag)
        if host not in self.liars and role == "node" and kind in KINDS:
            self.told.append(Told(host, kind, float(now_ns - self.t0_ns), record))

    def write_bursts(self, host: str, clock: Any, told: Any) -> None:
        """Leave probes: no invariant asks for them."""

    def of(self, kind: str) -> list[Told]:
        """Return the lines of a kind, in order of time."""
        return [line for line in self.told if line.kind == kind]

    def judge(self, *, tolerance_ns: float, two_stage: bool, units: int) -> list[Breach]:
        """Return the invariants that did not hold, I5, I7 and I11 aside.

        units: how many there are at genesis.
        """
        logs: dict[str, list[Told]] = {}
        for line in self.told:
            logs.setdefault(line.host, []).append(line)
        finals, signed = self.of("irreversible"), self.of("produced")
        held = {line.id: line.transactions for line in self.of("applied")}
        zero_ns = self.epoch_ns - self.t0_ns
        found: dict[str, list[Violation]] = {
            "I1": conflicting_finality(finals),
            "I2": [*lib_decreases(logs), *final_block_changes(finals)],
            "I3": [*different_states(self.of("applied")), *different_facts(logs)],
            "I4": double_signatures(signed),
            "I6": repeated_transactions(logs, held),
            "I8": early_blocks(signed, lambda n: zero_ns + n * self.slot_ns, tolerance_ns),
            "I9": schedule_breaks(logs),
            "I10": restart_breaks(logs)[0],
            "I12": unbalanced([(line, line.held) for line in self.of("supply")], units),
        }
        if two_stage:
            found["I4"] += overlapping_confirmations(signed)
        return [Breach(invariant=name, text=v[0].text) for name, v in found.items() if v]
