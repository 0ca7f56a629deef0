"""plan.json (slotlab.plan/v1): what will happen when, to whom; offsets are ns from T0.

Written once, before anything starts; the orchestrator writes these values, metrics reads them, and
so does whoever repeats a run. Bounds hold for what is read: a plan may have been damaged.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from faults.model.columns import Kind
from faults.model.kind import kind
from metrics.model.cell_text import cell_text
from metrics.model.zones import PlannedZones
from node.events.load_shape import LoadShape

SIM = "sim"
"""The lab that has no hosts: nodes on virtual time."""
WARMUP, BASELINE = "warmup", "baseline"
"""Phases before the first fault: what is not counted, and what no fault disturbs."""
ABSENT = "absent"
"""How a fault is done whose strength is zero in its cell: not at all."""
SEED_MAX = 2**62
Count = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
Positive = Annotated[int, msgspec.Meta(gt=0, le=2**62)]


class PlannedHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host of the lab and the producers dealt to it (none: an observer)."""

    host: str
    address: str
    interface: str
    zone: str
    node_port: Count
    probe_port: Count
    producers: list[str] = []
    observer: bool = False
    """Gets no producers dealt."""
    ntp: list[str] = []
    management: str = ""
    """Where SSH reaches it; empty in the simulator."""
    ssh_port: Count = 22
    power: list[str] = []
    """What its slotlab_power has commands for: off, on, state, ..."""


class PlannedFault(msgspec.Struct, frozen=True, kw_only=True):
    """A fault with its targets drawn, in force from at_ns to end_ns; how names what will do it.

    for_ns None: it has no deadline of its own, so it ends with the trial. end_ns is when it is
    over in either case; whoever needs the end reads that.
    """

    id: str
    fault: str
    at_ns: Count
    end_ns: Count = 0
    for_ns: Count | None
    targets: list[str]
    asked: dict[str, Any]
    how: str
    pairs: list[tuple[str, str]] | None = None
    groups: list[list[str]] | None = None

    @property
    def kind(self) -> Kind:
        """Return what all rooms agree on about this kind of fault."""
        return kind(self.fault)

    @property
    def open(self) -> bool:
        """Return whether nothing ends it but the end of the trial."""
        return self.for_ns is None

    @property
    def acting(self) -> list[str]:
        """Return the hosts that something is done on, which may be more than the targets.

        A cut is made where packets arrive; other faults of links on both ends.
        """
        if self.groups is not None:
            return [host for group in self.groups for host in group]
        if self.pairs is None:
            return self.targets
        named = [b for _, b in self.pairs]
        if self.kind.targets != "arrows":
            named += [a for a, _ in self.pairs]
        return list(dict.fromkeys(named))

    def ending(self, trial_end_ns: int) -> PlannedFault:
        """Return the fault with its end, in a trial that ends at trial_end_ns."""
        over_ns = trial_end_ns if self.for_ns is None else self.at_ns + self.for_ns
        return msgspec.structs.replace(self, end_ns=min(trial_end_ns, over_ns))


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A named stretch of a trial, [start_ns, end_ns); `recovery` may occur several times."""

    name: str
    start_ns: Count
    end_ns: Count


class Quorum(msgspec.Struct, frozen=True, kw_only=True):
    """Producer weight able to act together in a stretch of time, beside what finality needs."""

    from_ns: Count
    to_ns: Count
    hosts: list[str]
    """Whose producers those are."""
    live: Count
    needed: Count
    finality_expected: bool


class PlannedAct(msgspec.Struct, frozen=True, kw_only=True):
    """An operation that account `by` asks its host's node for at_ns from T0.

    act: its word; fields: the rest of it, as people write it.
    """

    at_ns: Count
    act: str
    by: str
    host: str
    fields: dict[str, Any] = {}


class PlannedTrial(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition of one cell."""

    n: int
    cell: int
    seed: int
    faults: list[PlannedFault]
    phases: list[Phase]
    quorum: list[Quorum]
    acts: list[PlannedAct] = []
    """In order of time."""
    absent: list[PlannedFault] = []
    """Faults of no strength in its cell: nothing is done, and only their phases are there."""

    @property
    def liars(self) -> frozenset[str]:
        """Return the hosts that are made to break the rules: no claim covers them."""
        return frozenset(host for f in self.faults if f.kind.victim == "lies" for host in f.targets)


class PlannedAccount(msgspec.Struct, frozen=True, kw_only=True):
    """An account of the genesis, and the host that has its key."""

    name: str
    host: str
    balance: Count


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Smallest and largest value of something."""

    min: Count
    max: Count


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules predict for a chain that nothing disturbs."""

    finality_lag_blocks: Bounds
    by_scheduled: list[Bounds] = []
    """The same with one producer in the schedule, with two, and so on to all."""

    def lag_of(self, scheduled: int) -> Bounds:
        """Return the lag where so many producers are scheduled."""
        known = 0 < scheduled <= len(self.by_scheduled)
        return self.by_scheduled[scheduled - 1] if known else self.finality_lag_blocks


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What nodes call degraded and halted; shares are parts of 10,000.

    window_slots: how many of the latest slots they look at, 0 for those of two rounds.
    """

    window_slots: Count = 0
    degraded_below: Count = 9_000
    halted_below: Count = 3_300


class Finality(msgspec.Struct, frozen=True, kw_only=True):
    """What finality takes: producers that must stand behind a block, in one stage or in two.

    quorum: of a full schedule; by_scheduled: the same of one producer, of two, and so on to as many
    as there may ever be.
    """

    stages: Positive
    quorum: Positive
    by_scheduled: list[Positive] = []


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """The chain's core asset: 10 ** digits of its units are one."""

    name: str = "FIO"
    digits: Annotated[int, msgspec.Meta(ge=0, le=18)] = 9


class PlannedChain(msgspec.Struct, frozen=True, kw_only=True):
    """The chain of a cell: its consensus system, what its genesis says, and what that predicts."""

    profile: str
    slot_ns: Positive
    blocks_per_turn: Positive
    interval_slots: Positive = 1
    """How many slots there are from a block to the next: a slot of BitShares is a second."""
    clock_limit_ns: Count
    timing: Literal["fio", "eosio2", "leap"] = "fio"
    processing_ns: Positive | None = None
    propagation_ns: Positive | None = None
    last_block_ns: Positive | None = None
    """How blocks are built (PROTOCOL F28, F29); null: as upstream, scaled to the slot."""
    lock_on_proposed: bool = False
    watermark: Literal["num_and_slot", "num"] = "num_and_slot"
    max_block_bytes: Positive = 1_048_576
    max_transaction_lifetime_s: Positive = 3600
    max_irreversible_block_age_ns: Positive | None = None
    health: Health = Health()
    system_account: bool = False
    """Whether there is an account that may propose schedules."""
    accounts: list[PlannedAccount] = []
    """Those of the genesis, the system account aside."""
    fio: dict[str, Any] | None = None
    """FIO's delegation, as the genesis has it."""
    bitshares: dict[str, Any] | None = None
    asset: Asset = Asset()
    """What votes, fees and pay are said in."""
    scheduled: Positive | None = None
    """How many producers a full schedule has; null: all."""
    finality: Finality
    prediction: Prediction


class PlannedCell(msgspec.Struct, frozen=True, kw_only=True):
    """One combination of matrix values, as written, its load, its chain, and where hosts stand.

    None: the chain is the plan's own, the first cell's; no zone is apart; the load is steady.
    """

    n: int
    params: dict[str, Any]
    rate_milli: Count = 0  # At T0.
    size_bytes: Count = 0
    shape: LoadShape | None = None
    chain: PlannedChain | None = None
    zones: PlannedZones | None = None

    @property
    def name(self) -> str:
        """Return what it is called: `cell 2: delay=50ms`; of the only one `cell 1`."""
        return ": ".join(filter(None, (f"cell {self.n}", cell_text(self.params))))


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the run will cost: wall time, and bytes of raw events before compression."""

    seconds: Count
    raw_bytes: Count


class Plan(PlannedChain, frozen=True, kw_only=True):
    """The whole plan; the chain that it is itself is that of its first cell."""

    schema: Literal["slotlab.plan/v1"] = "slotlab.plan/v1"
    campaign: str
    title: str
    lab: str
    seed: int
    warmup_ns: Count
    end_ns: Positive
    hosts: Annotated[list[PlannedHost], msgspec.Meta(min_length=1)]
    producers: Annotated[list[str], msgspec.Meta(min_length=1)]
    enable_stale_production: list[str] = []
    """Hosts whose nodes may sign on a head however old (PROTOCOL A.9)."""
    light: list[str] = []
    """Hosts whose nodes take the transactions of all blocks on trust (PROTOCOL A.10)."""
    trusted_producers: dict[str, list[str]] = {}
    """By host, producers whose blocks' transactions its node takes on trust."""
    supports: dict[str, list[str]] = {}
    """By host, the hard forks its node is ready for, where not for all of them (PROTOCOL C.15)."""
    urgent: dict[str, list[str]] = {}
    """By host, those that it wants at once."""
    newcomers: dict[str, list[str]] = {}
    """By host, accounts that acts may make producers: its node signs for them then."""
    spare_keys: dict[str, list[str]] = {}
    """By host, names of further keys that its node may sign with."""
    expect: dict[str, Any]
    regression: dict[str, float] = {}  # By figure, how much of itself it may get worse.
    lease: str | int
    max_unreachable: Count = 0
    """Hosts that may be cut off, down or dead at once."""
    cells: list[PlannedCell]
    trials: list[PlannedTrial]
    estimate: Estimate

    def of(self, trial: PlannedTrial) -> Plan:
        """Return the plan as a trial has it: with the chain of its cell."""
        return self.in_cell(self.cell_of(trial))

    def cell_of(self, trial: PlannedTrial) -> PlannedCell:
        """Return the cell that a trial is of."""
        return next(cell for cell in self.cells if cell.n == trial.cell)

    def in_cell(self, cell: PlannedCell) -> Plan:
        """Return the plan as the trials of a cell have it."""
        if cell.chain is None:
            return self
        return msgspec.structs.replace(self, **msgspec.structs.asdict(cell.chain))

    @property
    def simulated(self) -> bool:
        """Return whether there were no hosts: nodes on virtual time."""
        return self.lab == SIM

    @property
    def two_stage(self) -> bool:
        """Return whether finality takes a pre-commit and a commit, with confirmed ranges."""
        return self.finality.stages == 2

    @property
    def quorum(self) -> int:
        """Return how many producers must stand behind a block while a full schedule is active."""
        return self.finality.quorum

    def quorum_of(self, scheduled: int) -> int:
        """Return how many of so many scheduled producers must stand behind a block."""
        known = 0 < scheduled <= len(self.finality.by_scheduled)
        return self.finality.by_scheduled[scheduled - 1] if known else self.quorum

    @property
    def schedule_size(self) -> int:
        """Return how many producers a full schedule has."""
        return self.scheduled or len(self.producers)

    @property
    def round_slots(self) -> int:
        """Return the slots of one full round."""
        return self.round_blocks * self.interval_slots

    @property
    def round_blocks(self) -> int:
        """Return the blocks of one full round."""
        return len(self.producers) * self.blocks_per_turn

    @property
    def health_slots(self) -> int:
        """Return how many of the latest slots a node's monitor looks at."""
        return self.health.window_slots or 2 * self.round_blocks

    @property
    def interval_ns(self) -> int:
        """Return the time from a block to the next."""
        return self.slot_ns * self.interval_slots

    @property
    def early_ns(self) -> int:
        """Return how long before its slot a correct node may sign: by its timing and its clock."""
        on_time = self.timing == "fio" and self.last_block_ns is None
        return self.clock_limit_ns + (0 if on_time else self.slot_ns)

    def producer_for(self, slot: int) -> str:
        """Return whose slot it is (PROTOCOL A.1: an absolute mapping)."""
        return self.in_turn(slot // self.interval_slots)

    def in_turn(self, block: int) -> str:
        """Return whose turn a slot is of those that somebody has, counted on the absolute grid."""
        return self.producers[block % self.round_blocks // self.blocks_per_turn]

    def host_of(self, producer: str) -> str:
        """Return the host that signs for producer, or an empty word."""
        return next((h.host for h in self.hosts if producer in self.producers_of(h)), "")

    def producers_of(self, host: PlannedHost) -> list[str]:
        """Return whom the node of a host signs for, once they are scheduled."""
        return [*host.producers, *self.newcomers.get(host.host, ())]


def encode(plan: Plan) -> bytes:
    """Return plan.json, indented for people."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=1) + b"\n"


def decode(data: bytes) -> Plan:
    """Return the plan in data.

    Raises:
        msgspec.DecodeError, msgspec.ValidationError: not a plan of this version.
    """
    return msgspec.json.decode(data, type=Plan)
