"""What a campaign file may say of its chain: the `chain` part, as pydantic models."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from faults.model.fault import SECOND_NS
from harness.campaign.fault_spec import Selector
from harness.campaign.rules_spec import (
    BITSHARES_PARTS,
    FioSpec,
    HardFork,
    rules_of,
    with_bitshares_parts,
)
from harness.campaign.values import Duration, Share, Size, Strict
from harness.notation import units
from node.chain import profiles
from node.chain.model.fio_rules import FioRules
from node.chain.model.schedule import MAX_PRODUCERS
from node.chain.model.windows import Windows

SLOT_MIN_NS = 10_000_000
"""Shorter ones no network and no timer of an operating system keeps."""


class _BitsharesSpec(Strict):
    """What only the bitshares profile has, and how its accounts govern it."""

    block_interval: Duration | None = None
    """How many of the chain's seconds there are from a block to the next, 1 to 30, at the start;
    left out, as long as a slot lasts."""
    maintenance_interval: Duration = 86_400_000_000_000
    """How far apart maintenances are, which count votes and change parameters."""
    maintenance_skip_slots: Annotated[int, Field(ge=0, le=100)] = 3
    """How many slots are left empty after a maintenance."""
    required_participation: Share = 0.33
    """The share of the last 128 slots below which nobody produces."""
    undo_limit: Annotated[int, Field(ge=2)] = 10_000
    """How many blocks without finality halt the chain."""
    fork_choice: Literal["longest", "participation", "literal_s0"] = "longest"
    """Which of two branches is followed: the longer, the better attended, or the one better
    attended since its own last change of the interval, which a minority can abuse."""
    faithful_window: bool = False
    """Whether the last irreversible block itself can be undone, as upstream; for simulation
    only."""
    tapos_zero: Literal["refused", "upstream"] = "refused"
    """Whether prefix 0 passes for a block number that nobody has used yet, as upstream, so also (0,
    0)."""
    strict_slot_alignment: bool = True
    """Whether a block's time is its slot's; else, as upstream, any second inside the slot."""

    def check(self, slot_ns: int) -> None:
        """Check that a chain with slots so long can have these.

        Raises:
            ValueError: it cannot.
        """
        interval_ns = self.block_interval or slot_ns
        if interval_ns % SECOND_NS or not 1 <= interval_ns // SECOND_NS <= 30:
            raise ValueError(
                "slot must be 1s to 30s in whole seconds under bitshares; write that, or give"
                " bitshares.block_interval and any slot"
            )
        second_ns, rest = divmod(slot_ns, interval_ns // SECOND_NS)
        if rest or second_ns < SLOT_MIN_NS:
            least = units.text_of_ns(SLOT_MIN_NS)
            raise ValueError(
                f"slot must let each second of bitshares.block_interval last {least} or more, all"
                f" alike; write a multiple of {least} and of the interval's seconds"
            )
        if self.maintenance_interval % SECOND_NS or self.maintenance_interval < interval_ns:
            raise ValueError(
                "bitshares.maintenance_interval must be in whole seconds, not less than the block"
                " interval"
            )


BitsharesSpec = with_bitshares_parts(_BitsharesSpec, "BitsharesSpec")


def _account_name(name: str) -> str:
    if not re.fullmatch(r"[a-z1-5.]{0,11}[a-z1-5]", name):
        raise ValueError(
            f"{name or repr(name)} is no name on a chain; write 1 to 12 of a to z, 1 to 5 and .,"
            " which is not the last"
        )
    return name


AccountName = Annotated[str, AfterValidator(_account_name)]


class AccountSpec(Strict):
    """An account that is there from the start: what it has, and the host that has its key."""

    balance: Annotated[int, Field(ge=0, lt=1 << 62)]
    """What it has, in units of the core asset."""
    on: str | None = None
    """The host that has its key; left out, a host's own account is that host's, a producer's its
    producer's, any other the first host's."""


class HealthSpec(Strict):
    """When a node calls the network degraded or halted: by the filled share of its latest slots."""

    window: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many slots are looked at; left out, those of two rounds."""
    degraded_below: Share = 0.9
    """Below which share of them filled the network is degraded."""
    halted_below: Share = 0.33
    """Below which share of them filled it is halted."""

    @model_validator(mode="after")
    def _in_order(self) -> HealthSpec:
        if self.halted_below > self.degraded_below:
            raise ValueError("halted_below must not be above degraded_below; lower it")
        return self


_FOREIGN = (
    "bitshares", "lock_on_proposed", "timing", "processing", "propagation", "last_block",
    "watermark", "system_account", "fio", "supports", "urgent",
)  # fmt: skip
"""Keys of a chain that not every profile knows."""
OF_HOSTS = (
    "producers", "assign", "enable_stale_production", "light", "trusted_producers", "spare_keys",
    "supports", "urgent",
)  # fmt: skip
"""Keys of a chain that say who its hosts are, and what is told to some of them alone."""


def foreign(profile: object) -> frozenset[str]:
    """Return the keys of a chain that a profile does not know; none of one that is not there."""
    system = profiles.SYSTEMS.get(str(profile))
    if system is None:
        return frozenset()
    turns = () if system.has_turns else ("blocks_per_turn",)
    return frozenset((*(key for key in _FOREIGN if key not in system.options), *turns))


class ChainSpec(Strict):
    """The consensus system under test.

    Under bitshares a slot is 5 s and a turn one block, unless said otherwise; a slot that is not
    the chain's block_interval runs the same chain at another speed.
    """

    profile: profiles.Name = "eosio"
    """Which consensus system."""
    contracts: Literal["fio"] = "fio"
    """Which contracts; there are no others."""
    timing: Literal["fio", "eosio2", "leap"] = "fio"
    """When in its slot a block is built and finished."""
    processing: Duration | None = None
    """How long the transactions of a block may take; left out, 200ms of a slot of 500ms."""
    propagation: Duration | None = None
    """What is left of a slot at least for its block to travel; left out, 300ms of 500ms."""
    last_block: Duration | None = None
    """How long before its time the last block of a turn is out; left out, as timing has it."""
    producers: Annotated[int, Field(ge=1, le=MAX_PRODUCERS)] = 4
    """How many there are in the whole lab: `producera` to `producerz`, then `producerba` and so on.
    Hosts' own accounts are called alike, `usera` the first host's. Schedules are in the order of
    the alphabet."""
    slot: Duration = 500_000_000
    """How long a slot is."""
    blocks_per_turn: Annotated[int, Field(ge=1, le=100)] = 12
    """Slots in a row that one producer has."""
    assign: dict[str, list[str]] = Field(default={})
    """The producers of each host; left out, they are dealt round-robin."""
    lock_on_proposed: bool = False
    """Whether a node keeps to the branch on which it has pre-committed (experimental)."""
    enable_stale_production: Selector = Field(default=[])
    """Hosts whose nodes sign on an old head, as after a restart of the whole net."""
    light: Selector = Field(default=[])
    """Hosts without producers whose nodes take what transactions of blocks sign on trust."""
    trusted_producers: list[str] | dict[str, list[str]] = Field(default=[])
    """Producers whose blocks are taken so: by every node, or by host."""
    watermark: Literal["num_and_slot", "num"] = "num_and_slot"
    """What keeps a producer from signing twice; with num it may sign a slot on two branches."""
    max_block_size: Size = 1_048_576
    """A larger block is refused."""
    max_transaction_lifetime: Duration = 3_600_000_000_000
    """How far ahead a transaction may expire."""
    max_irreversible_block_age: Duration | None = None
    """Nobody signs once the last irreversible block is so old; left out, whatever its age."""
    health: HealthSpec = HealthSpec()
    """What a node's monitor of the network calls degraded, and what halted."""
    system_account: bool = False
    """Whether there is an account that may propose schedules; an act of it makes it."""
    accounts: dict[AccountName, AccountSpec] = Field(default={})
    """Accounts by name: further ones, and what those of hosts have."""
    supports: dict[str, list[HardFork]] = Field(default={})
    """Hard forks that nodes are ready for, by host; left out, all there are."""
    urgent: list[HardFork] | dict[str, list[HardFork]] = Field(default=[])
    """Hard forks that nodes want at once, as an emergency: all of them, or by host."""
    spare_keys: dict[str, list[AccountName]] = Field(default={})
    """By host, names of further keys, for when its producers change theirs."""
    fio: FioSpec | None = None  # type: ignore[valid-type]
    """FIO's delegation: accounts vote for who produces; every producer has an account."""
    bitshares: BitsharesSpec | None = None  # type: ignore[valid-type]
    """What only a BitShares chain has, and how its accounts govern it."""

    @model_validator(mode="before")
    @classmethod
    def _lengths_of_profile(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("profile") not in list(profiles.SYSTEMS):
            return data
        system = profiles.SYSTEMS[data["profile"]]
        slot = units.text_of_ns(system.slot_ns)
        return {"slot": slot, "blocks_per_turn": system.blocks_per_turn, **data}

    @model_validator(mode="after")
    def _fits_profile(self) -> ChainSpec:
        if self.slot < SLOT_MIN_NS:
            least = units.text_of_ns(SLOT_MIN_NS)
            raise ValueError(f"slot must be at least {least}, not {units.text_of_ns(self.slot)}")
        system, fields = profiles.SYSTEMS[self.profile], ChainSpec.model_fields
        if self.blocks_per_turn != 1 and not system.has_turns:
            raise ValueError(f"blocks_per_turn must be 1 under {self.profile}; remove it")
        for key in _FOREIGN:
            if key not in system.options and getattr(self, key) != fields[key].default:
                able = [name for name, each in profiles.SYSTEMS.items() if key in each.options]
                raise ValueError(f"{key} is for profile {', '.join(able)}; remove it or set that")
        if self.max_transaction_lifetime % SECOND_NS:
            raise ValueError("max_transaction_lifetime must be in whole seconds")
        if self._bitshares is not None:
            self._bitshares.check(self.slot)
            self._refuse_forks_turned_off(self._bitshares)
        windows = Windows.of(
            self.timing, self.slot, processing_ns=self.processing,
            propagation_ns=self.propagation, last_block_ns=self.last_block,
        )  # fmt: skip
        problem = windows.problem(self.slot)
        if problem is not None:
            raise ValueError("{} {}".format(*problem))
        return self

    def _refuse_forks_turned_off(self, spec: _BitsharesSpec) -> None:
        """Check that no node stands for a hard fork that no block of the chain may speak of."""
        known = spec.hard_forks  # type: ignore[attr-defined]
        for key in ("supports", "urgent"):
            asked = getattr(self, key)
            for names in asked.values() if isinstance(asked, dict) else (asked,):
                off = [name for name in names if getattr(known, name) is None]
                if off:
                    remedy = f"write bitshares.hard_forks.{off[0]}: 60s, or remove it"
                    raise ValueError(f"{key}: {off[0]} is turned off in this chain; {remedy}")

    @property
    def scheduled(self) -> int:
        """Return how many producers a full schedule has; on BitShares while nobody votes."""
        elected: int = self.producers
        if self.fio is not None:
            elected = self.fio.elected
        elif self._bitshares is not None:
            elected = self._bitshares.voting.min_witness_count or elected  # type: ignore[attr-defined]
        return min(self.producers, elected)

    @property
    def elects(self) -> bool:
        """Return whether accounts elect who produces; each producer has one then."""
        return self.fio is not None or self._bitshares is not None

    @property
    def can_have_system_account(self) -> bool:
        """Return whether the profile knows an account that may propose schedules."""
        return "system_account" in profiles.SYSTEMS[self.profile].options

    @property
    def interval_slots(self) -> int:
        """Return how many slots of the chain there are from a block to the next, at its start."""
        spec = self._bitshares
        return 1 if spec is None else (spec.block_interval or self.slot) // SECOND_NS

    @property
    def _bitshares(self) -> _BitsharesSpec | None:
        known = "bitshares" in profiles.SYSTEMS[self.profile].options
        spec = self.bitshares or BitsharesSpec() if known else None
        assert spec is None or isinstance(spec, _BitsharesSpec)
        return spec

    def fio_options(self) -> dict[str, Any] | None:
        """Return the `fio` part of the genesis file, None where nobody is elected."""
        return None if self.fio is None else rules_of(self.fio, FioRules)

    def bitshares_options(self) -> dict[str, Any] | None:
        """Return the `bitshares` part of the genesis file, None under another profile."""
        spec = self._bitshares
        if spec is None:
            return None
        return {
            "block_interval_s": (spec.block_interval or self.slot) // SECOND_NS,
            "maintenance_interval_s": spec.maintenance_interval // SECOND_NS,
            "maintenance_skip_slots": spec.maintenance_skip_slots,
            "required_participation": round(spec.required_participation * 10_000),
            "undo_limit": spec.undo_limit,
            "fork_choice": spec.fork_choice,
            "faithful_window": spec.faithful_window,
            "tapos_zero": spec.tapos_zero,
            "strict_slot_alignment": spec.strict_slot_alignment,
            **{part: rules_of(getattr(spec, part), of) for part, of in BITSHARES_PARTS.items()},
        }
