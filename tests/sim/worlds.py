"""Builds simulated labs for tests: n producers on n hosts, observers, optional sparse links."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from harness.sim.host.bursts import Bursts
from harness.sim.host.clock import HostClock
from harness.sim.host.records import Sink
from harness.sim.world import HostSpec, World, WorldSpec
from node.chain.encoding.crypto import public_key
from node.chain.genesis import Genesis, GenesisAccount
from tests.unit.node_chain.builders import make_genesis, secret

SECOND_NS = 1_000_000_000
FIRST_SLOT = 1_650_000_000
STEPS = (1, 7, 19, 37)
"""Offsets of the neighbours in a sparse lab: eight peers a host, any other within a few hops."""


class Facts:
    """Keeps events of the wanted kinds in memory as (true time, host, record)."""

    def __init__(self, kinds: frozenset[str] | None = None) -> None:
        self.rows: list[tuple[int, str, msgspec.Struct]] = []
        self._kinds = kinds

    def write(
        self, now_ns: int, host: str, role: str, clock: HostClock, record: msgspec.Struct
    ) -> None:
        """Take one event."""
        if self._kinds is None or record.__struct_config__.tag in self._kinds:
            self.rows.append((now_ns, host, record))

    def write_bursts(self, host: str, clock: HostClock, told: Bursts) -> None:
        """Take events of a host's prober."""
        for now_ns, record in told.records():
            self.write(now_ns, host, "probe", clock, record)


def genesis_of(producers: int, turn: int, **changes: Any) -> Genesis:
    """Return a genesis whose first producible slot starts a full round; two users are rich."""
    rich = [GenesisAccount(name=name, key=public_key(secret(name)).hex(), balance=1_000_000)
            for name in ("usera", "userb")]  # fmt: skip
    first = FIRST_SLOT - FIRST_SLOT % (producers * turn)
    fields: dict[str, Any] = {"initial_slot": first - 1, "accounts": rich}
    return make_genesis(producers, turn, **{**fields, **changes})


def lab(
    producers: int = 4,
    turn: int = 2,
    *,
    observers: int = 0,
    sparse: bool = False,
    sink: Sink | None = None,
    hosts: Mapping[str, Mapping[str, Any]] | None = None,
    genesis: Mapping[str, Any] | None = None,
    **changes: Any,
) -> World:
    """Return a world of n1, n2, ...; hosts changes single HostSpecs, changes the WorldSpec."""
    start = genesis_of(producers, turn, **(genesis or {}))
    names = [f"n{i + 1}" for i in range(producers + observers)]
    specs = []
    for i, name in enumerate(names):
        fields: dict[str, Any] = {"name": name}
        if i < producers:
            fields["producers"] = (start.producers[i].name,)
        if sparse:
            near = {names[(i + sign * step) % len(names)] for step in STEPS for sign in (1, -1)}
            fields["neighbours"] = tuple(sorted(near))
        specs.append(HostSpec(**{**fields, **(hosts or {}).get(name, {})}))
    keys = {p.name: secret(p.name) for p in start.producers}
    keys |= {account.name: secret(account.name) for account in start.accounts}
    spec: dict[str, Any] = {
        "seed": 1, "genesis": start, "keys": keys, "hosts": tuple(specs),
        "relay": "push" if sparse else "announce",
    }  # fmt: skip
    return World(WorldSpec(**{**spec, **changes}), sink)


def heads(world: World) -> dict[str, int]:
    """Return each live host's head number."""
    return {name: h.chain.head.num for name, h in world.hosts.items() if h.chain is not None}


def finals(world: World) -> dict[str, int]:
    """Return each live host's last irreversible block number."""
    return {name: h.chain.lib.num for name, h in world.hosts.items() if h.chain is not None}


def agree(world: World) -> bool:
    """Return whether all hosts live and have one head."""
    chains = [host.chain for host in world.hosts.values()]
    return None not in chains and len({chain.head.id for chain in chains if chain}) == 1
