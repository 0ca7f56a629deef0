"""Several shapers of one host: each has its place, and none touches what another does.

A stand-in for the kernel carries tc's lines out, so that what is in force can be looked at.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults.kinds.packets.delay import Delay
from faults.kinds.shaping import netem
from faults.kinds.shaping.shape import Treated
from faults.kinds.shaping.shaper import APART_NS, placed
from faults.model.fault import Command, FaultError, HostContext
from faults.model.kind import LAYERS_MAX

S = 1_000_000_000
MS = 1_000_000
NODES = {"n2": "10.0.0.2", "n3": "10.0.0.3", "n4": "fd00::4"}
ADD = re.compile(r"qdisc add dev eth0 (parent \S+ handle \S+) netem limit \d+")
CHANGE = re.compile(
    r"qdisc change dev eth0 (parent \S+ handle \S+) netem limit \d+ delay (\d+)us.*"
)


def delay(fault_id: str, at_s: int, for_s: int, **ms: int) -> Delay:
    peers = [
        Treated(host=host, address=NODES[host], delay_ns=value * MS) for host, value in ms.items()
    ]
    return Delay(
        id=fault_id, at_ns=at_s * S, for_ns=for_s * S, interface="eth0", node_port=9000,
        peers=peers, how="netem",
    )  # fmt: skip


def test_layers_at_one_time_have_places_of_their_own_and_a_place_is_given_again_later() -> None:
    faults = [delay("a", 0, 10, n2=1), delay("b", 5, 10, n3=1), delay("c", 30, 5, n2=1)]
    found = placed(faults)
    assert [fault.layer for fault in found] == [0, 1, 0]
    assert all(fault.flows == ["10.0.0.2", "10.0.0.3"] for fault in found)
    soon = delay("d", 10 + APART_NS // S - 1, 1, n2=1)
    assert placed([faults[0], soon])[1].layer == 1


def test_one_layer_too_many_is_refused() -> None:
    faults = [delay(f"d{n}", n, 100, n2=1) for n in range(LAYERS_MAX + 1)]
    assert [fault.layer for fault in placed(faults[:-1])] == list(range(LAYERS_MAX))
    with pytest.raises(FaultError, match=f"too_many_layers: d{LAYERS_MAX}"):
        placed(faults)


class Kernel:
    """What tc has been told: the delay of each netem, by where it stands."""

    def __init__(self) -> None:
        self.delays: dict[str, int] = {}

    def carry_out(self, steps: tuple[Any, ...]) -> None:
        for step in steps:
            assert isinstance(step, Command)
            for line in step.stdin.splitlines():
                if added := ADD.fullmatch(line):
                    self.delays.setdefault(added[1], 0)
                elif changed := CHANGE.fullmatch(line):
                    assert changed[1] in self.delays, "a layer changes what the tree has"
                    self.delays[changed[1]] = int(changed[2])

    def one_way_ms(self, fault: Delay, address: str) -> float:
        """Return how long a packet to that address waits in all the netems of its flow."""
        flow = netem.flow_of(fault.flows, address)
        places = [netem.place(flow, layer) for layer in range(LAYERS_MAX)]
        return sum(self.delays[place] for place in places) / 1000


HERE = HostContext(
    token="ab12cd34", run_dir=Path("/run/slotlab"), skew_file=Path("/run/slotlab/skew"),
    capabilities=frozenset({"netem"}), deadline_ns=9 * S,
)  # fmt: skip
_LAYERS = st.lists(
    st.dictionaries(st.sampled_from(sorted(NODES)), st.integers(1, 60), min_size=1),
    min_size=1, max_size=LAYERS_MAX,
)  # fmt: skip


@given(_LAYERS, st.data())
def test_delays_add_up_and_each_ends_without_the_others(
    asked: list[dict[str, int]], data: st.DataObject
) -> None:
    faults = placed([delay(f"d{n}", n, 100, **ms) for n, ms in enumerate(asked)])
    kernel = Kernel()
    recipes = {fault.id: fault.recipe(HERE) for fault in faults}
    for fault in faults:
        kernel.carry_out(recipes[fault.id].prepare)
    assert not any(kernel.delays.values()), "a tree that nobody has begun with does nothing"
    for fault in faults:
        kernel.carry_out(recipes[fault.id].inject)
    ended = data.draw(st.sets(st.sampled_from([fault.id for fault in faults])))
    for fault_id in ended:
        kernel.carry_out(recipes[fault_id].undo)
        kernel.carry_out(recipes[fault_id].undo)
    for address in faults[0].flows:
        left = [
            peer.delay_ns / MS
            for fault in faults
            if fault.id not in ended
            for peer in fault.peers
            if peer.address == address
        ]
        assert kernel.one_way_ms(faults[0], address) == sum(left)


def test_no_two_netems_of_a_host_have_one_handle_and_each_stands_in_the_one_before() -> None:
    flows = [f"10.0.{n // 250}.{n % 250}" for n in range(1_000)]
    big = msgspec.structs.replace(delay("a", 0, 1), flows=flows)
    places = [match[1] for line in netem.tree_lines(big) if (match := ADD.fullmatch(line))]
    handles = [place.split()[3] for place in places]
    assert len(set(handles)) == len(handles) == 1_000 * LAYERS_MAX
    assert all(int(handle[:-1], 16) < 0xFFFF for handle in handles)
    parents = [place.split()[1] for place in places]
    assert all(
        parent == f"{before}1"
        for n, (parent, before) in enumerate(zip(parents[1:], handles, strict=False), start=1)
        if n % LAYERS_MAX
    )
