"""Judges a simulated trial in memory, by the same functions that judge the events of a real run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from metrics.safety.invariants import (
    Executed,
    Final,
    LibStep,
    Signed,
    Violation,
    conflicting_finality,
    different_states,
    double_signatures,
    final_block_changes,
    lib_decreases,
    overlapping_confirmations,
)
from metrics.safety.liveness import Made, early_blocks
from metrics.safety.node_log import Step, repeated_transactions, restart_breaks, schedule_breaks


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """An invariant that did not hold, and the first violation of it in words."""

    invariant: str
    text: str


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
    finals: list[Final] = field(default_factory=list)
    lib_steps: list[LibStep] = field(default_factory=list)
    executed: list[Executed] = field(default_factory=list)
    signed: list[Signed] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    logs: dict[str, list[Step]] = field(default_factory=dict)
    headers: dict[str, tuple[str, Any]] = field(default_factory=dict)
    switches: int = 0

    def write(self, now_ns: int, host: str, role: str, clock: Any, record: msgspec.Struct) -> None:
        """Take one event."""
        kind = str(record.__struct_config__.tag)
        if host in self.liars or (role != "node" and kind != "tx"):
            return
        t_ns = float(now_ns - self.t0_ns)
        item: Any = record
        match kind:
            case "produced":
                self._produced(host, t_ns, item)
            case "applied":
                self._applied(host, t_ns, item)
            case "irreversible":
                self.finals.append(Final(host, item.num, item.id, t_ns))
                self.lib_steps.append(LibStep(host, item.num, t_ns, announced=True))
                self._log(host, Step(kind, t_ns, num=item.num, id=item.id))
            case "switched":
                self.switches += 1
                self._log(host, Step(kind, t_ns, num=item.ancestor_num))
            case "started":
                self.lib_steps.append(LibStep(host, item.resumed_lib, t_ns))
                self._log(host, Step(kind, t_ns, num=item.resumed_num, lib=item.resumed_lib))
            case "schedule":
                self._log(
                    host,
                    Step(kind, t_ns, num=item.num, version=item.version, state=item.state,
                         producers=str(item.producers)),
                )  # fmt: skip
            case "tx" if role == "node" and item.state == "included":
                self._log(host, Step("included", t_ns, num=item.num, id=item.id))

    def judge(self, *, tolerance_ns: float, two_stage: bool) -> list[Breach]:
        """Return the invariants that did not hold, I5 and I7 aside."""
        states: dict[str, set[str]] = {}
        for item in self.executed:
            states.setdefault(item.id, set()).add(item.state_digest)
        found: dict[str, list[Violation]] = {
            "I1": conflicting_finality(self.finals),
            "I2": [*lib_decreases(self.lib_steps), *final_block_changes(self.finals)],
            "I3": different_states(self.executed),
            "I4": double_signatures(self.signed),
            "I6": repeated_transactions(self.logs),
            "I8": early_blocks(self.made, tolerance_ns),
            "I9": schedule_breaks(self.logs),
            "I10": restart_breaks(self.logs, states)[0],
        }
        if two_stage:
            found["I4"] += overlapping_confirmations(self.signed)
        return [Breach(invariant=name, text=v[0].text) for name, v in found.items() if v]

    def _produced(self, host: str, t_ns: float, item: Any) -> None:
        at_ns = float(self.epoch_ns + item.slot * self.slot_ns - self.t0_ns)
        self.signed.append(
            Signed(item.producer, item.slot, item.num, item.id, item.confirmed or 0, host, t_ns)
        )
        self.made.append(Made(item.producer, host, item.num, item.id, at_ns, t_ns))
        self._log(host, Step("produced", t_ns, num=item.num, id=item.id))

    def _applied(self, host: str, t_ns: float, item: Any) -> None:
        self.executed.append(Executed(host, item.num, item.id, item.state_digest, t_ns))
        self.headers.setdefault(item.id, (host, item))
        self._log(
            host,
            Step("applied", t_ns, num=item.num, id=item.id, previous=item.previous,
                 state_digest=item.state_digest),
        )  # fmt: skip

    def _log(self, host: str, step: Step) -> None:
        self.logs.setdefault(host, []).append(step)
