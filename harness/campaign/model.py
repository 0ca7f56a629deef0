"""What a campaign file may say (schema slotlab.campaign/v1), as pydantic models.

Only shape and units are checked here; what needs an inventory (hosts, weights, safety) is the
plan's work. Values are in `values`, the chain in `chain_spec`, faults in `fault_spec`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from faults.model.kind import KINDS
from harness.campaign.act_spec import ActSpec
from harness.campaign.chain_spec import ChainSpec
from harness.campaign.fault_spec import AnyFault, FaultSpec
from harness.campaign.load_spec import LoadSpec
from harness.campaign.matrix import Range
from harness.campaign.values import Lease, Offset, Share, Strict
from harness.campaign.zones_spec import ZonesSpec
from metrics.model.plan import SEED_MAX

SCHEMA = "slotlab.campaign/v1"


class TrialsSpec(Strict):
    """How often each cell is run, and in which order."""

    repeat: Annotated[int, Field(ge=1, le=1000)] = 1
    """Trials of each cell."""
    order: Literal["random", "blocked", "listed"] = "random"
    """Whether all trials are shuffled by the seed, or each repeat of all cells by itself before the
    next, so that what drifts meanwhile hits all cells alike; or run as listed."""


if TYPE_CHECKING:
    Dangerous = str
else:
    Dangerous = Literal[tuple(word for word, row in KINDS.items() if row.asks_leave)]


class SafetySpec(Strict):
    """Limits the plan keeps: hosts out of reach at once, life of a lab without its controller."""

    lease: Lease = "trial"
    """How long hosts go on without the controller: to the trial's end, or what it renews."""
    max_unreachable: Annotated[int, Field(ge=0)] | None = None
    """Hosts that may be cut off or down at once; left out, as many as finality can spare."""
    allow: list[Dangerous] = Field(default=[])
    """Kinds of faults that hosts do only where they are named here."""


class WorseSpec(Strict):
    """By how much a figure may get worse from one run of the campaign to another."""

    worse_by: Share
    """Of what it was in the first run; of a share (`slots.missed_ratio`) added to that."""


def _entry(value: Any) -> str:
    is_act = "act" in value if isinstance(value, dict) else isinstance(value, ActSpec)
    return "act" if is_act else "fault"


Entry = Annotated[
    Annotated[AnyFault, Tag("fault")] | Annotated[ActSpec, Tag("act")], Discriminator(_entry)
]
"""What a timeline is made of."""


class Campaign(Strict):
    """A whole campaign file, of one cell: `${name}` is already replaced."""

    schema_: Literal["slotlab.campaign/v1"] = Field(alias="schema")
    """What the file is, and in which version of its language."""
    title: str
    """What the report is headed with."""
    seed: Annotated[int, Field(ge=0, le=SEED_MAX)] = 0
    """What all that is drawn is drawn from."""
    chain: ChainSpec = ChainSpec()
    """The system under test, and how its nodes are set up; hosts and simulator alike."""
    load: LoadSpec | None = None
    """Transactions of the whole lab, shared evenly by its hosts; left out, there are none."""
    zones: ZonesSpec | None = None
    """Zones that hosts stand in, and how far these are apart all the time; left out, none is."""
    trials: TrialsSpec = TrialsSpec()
    """How often each cell is run, and in which order."""
    warmup: Offset | None = None
    """The start, which counts for its own phase only; left out, 10 s or twice finality's lag."""
    cooldown: Offset | None = None
    """How long it goes on after the last fault; left out, as long as the warm-up would be."""
    matrix: dict[str, Annotated[list[Any], Field(min_length=1)] | Range] = Field(default={})
    """Values by name, as a list (of maps, too: `${net.delay}`) or a range: one cell for each
    combination, in which `${name}` is replaced. A fault whose strength is zero is absent there."""
    safety: SafetySpec = SafetySpec()
    """Limits that the plan keeps."""
    expect: dict[str, Any] = Field(default={})
    """What the run is judged by: `always` invariants, `each_fault`, and limits by phase."""
    regression: dict[str, WorseSpec] = Field(default={})
    """What `slotlab compare` judges: by figure (`finality_latency_s.p95`) how much worse it may
    get."""
    timeline: list[Entry] = Field(default=[])
    """Faults and acts, each at a time from T0, the start of the first full round."""

    @model_validator(mode="after")
    def _load_fits_profile(self) -> Campaign:
        if self.load is not None:
            self.load.check_mix(self.chain.profile, elects=self.chain.elects)
        return self

    @model_validator(mode="after")
    def _acts_fit_profile(self) -> Campaign:
        for i, act in self.acts.items():
            try:
                act.operation(self.chain.profile)
            except ValueError as error:
                raise ValueError(f"timeline[{i}].{error}") from error
        return self

    @property
    def faults(self) -> dict[int, FaultSpec]:
        """The faults of the timeline, by place."""
        return {i: each for i, each in enumerate(self.timeline) if isinstance(each, FaultSpec)}

    @property
    def fault_ids(self) -> dict[int, str]:
        """What each fault is called, by place: its id, else its word and which of these it is."""
        named: dict[int, str] = {}
        seen: Counter[str] = Counter()
        for i, fault in self.faults.items():
            seen[fault.row.word] += 1
            named[i] = fault.id or f"{fault.row.word}-{seen[fault.row.word]}"
        return named

    @property
    def acts(self) -> dict[int, ActSpec]:
        """The acts of the timeline, by place."""
        return {i: each for i, each in enumerate(self.timeline) if isinstance(each, ActSpec)}
