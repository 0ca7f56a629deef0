"""plan.json (slotlab.plan/v1): what will happen when, to whom; offsets are ns from T0.

Written once, before anything starts, and read by the metrics room and by whoever repeats a run.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from harness import consensus

SCHEMA = "slotlab.plan/v1"


class PlanHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host of the plan and the producers dealt to it (none: an observer)."""

    host: str
    address: str
    interface: str
    zone: str
    node_port: int
    probe_port: int
    producers: list[str] = []
    observer: bool = False
    """Gets no producers dealt."""
    ntp: list[str] = []
    management: str = ""
    """Where SSH reaches it; empty in the simulator."""
    ssh_port: int = 22
    power: list[str] = []
    """What its slotlab_power has commands for: off, on, state, ..."""


class PlannedFault(msgspec.Struct, frozen=True, kw_only=True):
    """One fault with its targets drawn; how names the mechanism that will do it.

    for_ns None: it has no deadline of its own, so it ends with the trial. end_ns is when it is
    over in either case; whoever needs the end reads that.
    """

    id: str
    fault: str
    at_ns: int
    for_ns: int | None
    targets: list[str]
    asked: dict[str, Any]
    how: str
    end_ns: int = 0
    pairs: list[tuple[str, str]] | None = None
    groups: list[list[str]] | None = None

    @property
    def acting(self) -> list[str]:
        """Hosts that something is done on, which may be more than the targets.

        A cut is made where packets arrive; other faults of links on both ends.
        """
        if self.groups is not None:
            return [host for group in self.groups for host in group]
        if self.pairs is None:
            return self.targets
        named = [b for _, b in self.pairs]
        if self.fault != "cut":
            named += [a for a, _ in self.pairs]
        return list(dict.fromkeys(named))

    def ending(self, trial_end_ns: int) -> PlannedFault:
        """Return the fault with its end, in a trial that ends at trial_end_ns."""
        over_ns = trial_end_ns if self.for_ns is None else self.at_ns + self.for_ns
        return msgspec.structs.replace(self, end_ns=min(trial_end_ns, over_ns))


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A named stretch of a trial; `recovery` may occur several times."""

    name: str
    start_ns: int
    end_ns: int


class Quorum(msgspec.Struct, frozen=True, kw_only=True):
    """Producer weight able to act together in a stretch of time, beside what finality needs."""

    from_ns: int
    to_ns: int
    live: int
    needed: int
    finality_expected: bool


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition of one cell."""

    n: int
    cell: int
    seed: int
    faults: list[PlannedFault]
    phases: list[Phase]
    quorum: list[Quorum]


class PlanCell(msgspec.Struct, frozen=True, kw_only=True):
    """One combination of matrix values, as written, and its load."""

    n: int
    params: dict[str, Any]
    rate_milli: int = 0
    size_bytes: int = 0


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the run will cost: wall time, and bytes of raw events before compression."""

    seconds: int
    raw_bytes: int


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The whole plan; contracts for every field are in the module's schema name."""

    schema: str = SCHEMA
    campaign: str
    title: str
    lab: str
    seed: int
    profile: Literal["eosio", "bitshares"]
    slot_ns: int
    blocks_per_turn: int
    clock_limit_ns: int
    warmup_ns: int
    end_ns: int
    hosts: list[PlanHost]
    producers: list[str]
    timing: Literal["fio", "eosio2", "leap"] = "fio"
    lock_on_proposed: bool = False
    enable_stale_production: list[str] = []
    """Hosts whose nodes may sign on a head however old (PROTOCOL A.9)."""
    bitshares: dict[str, Any] | None = None
    expect: dict[str, Any]
    lease: str | int
    cells: list[PlanCell]
    trials: list[Trial]
    prediction: dict[str, dict[str, int]]
    estimate: Estimate

    @property
    def quorum_needed(self) -> int:
        """Producers whose blocks finality needs."""
        return consensus.quorum(self.profile, len(self.producers))


def encode(plan: Plan) -> bytes:
    """Return plan.json, indented for people."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n"


def decode(data: bytes) -> Plan:
    """Return the plan in data.

    Raises:
        msgspec.DecodeError, msgspec.ValidationError: not a plan of this version.
    """
    return msgspec.json.decode(data, type=Plan)
