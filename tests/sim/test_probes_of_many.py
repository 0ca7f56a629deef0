"""Probes are drawn and judged many at once: the same to the byte as one by one, as a node would."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sim.host.bursts import Bursts
from harness.sim.host.clock import ClockSpec, HostClock, Stamps
from harness.sim.host.engine import many, stream
from harness.sim.host.records import Lines, boot_id
from harness.sim.network.link import LAN, Shape
from harness.sim.network.probes import ANSWER_NS, FLOWS
from harness.sim.world import LEAD_NS, World
from node import events
from node.events import Probe
from node.timing.probe_frame import ANSWER_WITHIN_NS, APART_NS, BURST, Burst, Exchange, Flow
from tests.sim.worlds import SECOND_NS, Facts, lab

MS = 1_000_000
SHAPES: dict[str, dict[tuple[str, str], Shape]] = {
    "nothing": {},
    "a delay": {("n1", "n2"): Shape(delay_ns=40 * MS, jitter_ns=10 * MS)},
    "losses": {("n2", "n1"): Shape(loss=0.3), ("n1", "n4"): Shape(loss=0.9, jitter_ns=MS)},
    "a cut": {("n1", "n3"): Shape(cut=True), ("n4", "n1"): Shape(delay_ns=3 * SECOND_NS)},
}
BASES = {
    "a switch": LAN,
    "without jitter": Shape(delay_ns=MS),
    "more jitter than delay": Shape(delay_ns=1000, jitter_ns=5000),
    "losses everywhere": Shape(delay_ns=MS, jitter_ns=MS // 2, loss=0.1),
}


@given(
    ppbs=st.lists(st.integers(-(10**8), 10**8), min_size=1, max_size=4),
    base_ns=st.integers(0, 10**15),
    after_ns=st.lists(st.integers(0, 10**16), min_size=3, max_size=3),
)
def test_clocks_read_many_at_once_show_what_each_shows(
    ppbs: list[int], base_ns: int, after_ns: list[int]
) -> None:
    start_ns = 1_767_225_600 * SECOND_NS
    clocks = [
        HostClock(ClockSpec(mono_ppb=ppb), start_ns=start_ns, mono_base_ns=base_ns + n)
        for n, ppb in enumerate(ppbs)
    ]
    times = [[start_ns + ns + n for ns in after_ns] for n in range(len(ppbs))]
    shown = Stamps(clocks).mono_ns(np.array([times])).tolist()
    assert shown[0] == [
        [clock.mono_ns(ns) for ns in row] for clock, row in zip(clocks, times, strict=True)
    ]


@given(
    seed=st.integers(), before=st.integers(0, 700), counts=st.lists(st.integers(1, 700), max_size=3)
)
def test_numbers_drawn_many_at_once_are_those_drawn_one_by_one(
    seed: int, before: int, counts: list[int]
) -> None:
    one, other = stream(seed, "a"), stream(seed, "a")
    for _ in range(before):
        assert one.random() == other.random()
    drawn = many(other)
    assert [drawn.random(count).tolist() for count in counts] == [
        [one.random() for _ in range(count)] for count in counts
    ]


@pytest.mark.parametrize("base", BASES.values(), ids=BASES)
@pytest.mark.parametrize("shapes", SHAPES.values(), ids=SHAPES)
def test_bursts_are_those_of_a_node_whose_probes_are_drawn_one_by_one(
    shapes: dict[tuple[str, str], Shape], base: Shape
) -> None:
    sink = Facts(frozenset({"probe"}))
    clocks = {f"n{i}": {"clock": ClockSpec(mono_ppb=9_000 * i - 20_000)} for i in range(1, 5)}
    world = lab(4, 2, sink=sink, hosts=clocks, link=base, probes=True)
    for pair, shape in shapes.items():
        world.shape("fault", [pair], shape)
    until_ns = world.t0_ns + SECOND_NS
    rng = many(stream(world.spec.seed, "probes", "n1"))
    drawn = one_by_one(world, rng, world.t0_ns - LEAD_NS, until_ns)
    expected = [row for row in drawn if row[0] < until_ns]
    world.run(SECOND_NS)
    found = [(ns, record) for ns, host, record in sink.rows if host == "n1"]
    assert found == sorted(expected, key=lambda row: row[0])
    assert len(found) > 12


def test_a_fault_acts_on_probes_from_when_it_begins_until_it_ends() -> None:
    sink, parts = Facts(frozenset({"probe"})), []
    world = lab(4, 2, sink=sink, probes=True)
    rng, shape = many(stream(world.spec.seed, "probes", "n1")), Shape(delay_ns=40 * MS, loss=0.5)
    for first_s, end_s in ((-LEAD_NS // SECOND_NS, 2), (2, 4), (4, 6)):
        if first_s == 2:
            world.shape("fault", [("n1", "n2")], shape)
        of_ns = (world.t0_ns + s * SECOND_NS for s in (first_s, end_s))
        parts += one_by_one(world, rng, *of_ns)
        world.clear("fault")
    world.at(1500 * MS, world.shape, "fault", [("n1", "n2")], shape)
    world.at(3600 * MS, world.clear, "fault")
    world.run(9 * SECOND_NS)
    found = [record for _, host, record in sink.rows if host == "n1"]
    assert found[: len(parts)] == [record for _, record in sorted(parts, key=lambda row: row[0])]
    assert any(record.received < BURST for _, record in parts)


class Twice:
    """Writes lines as the simulator does, and of the same records one by one."""

    def __init__(self) -> None:
        self.many, self.each = Lines(1), Lines(1)

    def write(
        self, now_ns: int, host: str, role: str, clock: HostClock, record: msgspec.Struct
    ) -> None:
        """Take one event."""
        for lines in (self.many, self.each):
            lines.write(now_ns, host, role, clock, record)

    def write_bursts(self, host: str, clock: HostClock, told: Bursts) -> None:
        """Take events of a host's prober."""
        self.many.write_bursts(host, clock, told)
        for now_ns, record in told.records():
            self.each.write(now_ns, host, "probe", clock, record)


def test_lines_made_at_once_are_those_made_one_by_one_by_the_clock_of_their_time() -> None:
    # When some of the bursts that n3 began 500 ms after T0 have ended, and others have not.
    sink, turned_ns, by_ns = Twice(), 535_430_000, -700 * MS
    clocks = {f"n{i}": {"clock": ClockSpec(offset_ns=i, wander_ppb=50)} for i in range(1, 5)}
    world = lab(4, 2, sink=sink, hosts=clocks, probes=True)
    world.at(turned_ns, lambda: world.skew("n3", offset_ns=by_ns))
    world.at(turned_ns, world.shape, "fault", [("n1", "n2")], Shape(loss=0.5))
    world.run(2 * SECOND_NS)
    turned_mono_ns = world.hosts["n3"].clock.mono_ns(world.t0_ns + turned_ns)
    found = {name: sink.many.take(name) for name in world.hosts}
    assert found == {name: sink.each.take(name) for name in world.hosts}
    told = [events.decode(line) for line in found["n3"].splitlines()]
    stamps = [(head.mono_ns, head.wall_ns) for head, record in told if isinstance(record, Probe)]
    ahead = [wall_ns - mono_ns for mono_ns, wall_ns in stamps]
    assert [ahead[0] - each > -by_ns // 2 for each in ahead] == [
        mono_ns >= turned_mono_ns for mono_ns, _ in stamps
    ]
    assert len({each > ahead[0] - SECOND_NS // 2 for each in ahead}) == 2


def one_by_one(
    world: World, rng: np.random.Generator, from_ns: int, until_ns: int
) -> list[tuple[int, Probe]]:
    """Return n1's bursts of then, and when each is told, in the order they are drawn in."""
    return [
        burst(world, rng, now_ns, peer, flow)
        for now_ns in range(from_ns, until_ns, SECOND_NS)
        for peer in world.net.neighbours["n1"]
        for flow in FLOWS
    ]


def burst(
    world: World, rng: np.random.Generator, now_ns: int, peer: str, flow: Flow
) -> tuple[int, Probe]:
    """Return the time of a burst's end and what n1 tells of it, by the node's own account."""
    links, here, there = world.links, world.hosts["n1"].clock, world.hosts[peer].clock
    told = Burst(peer, flow)
    sent_ns = last_ns = now_ns
    for number in range(BURST):
        sent_ns = now_ns + number * APART_NS
        told.t1s_ns.append(here.mono_ns(sent_ns))
        there_ns, back_ns = (
            int(links.plain_ns(rng, (1,))[0]) if flow == "clock" else links.sample_ns(*way, rng)
            for way in (("n1", peer), (peer, "n1"))
        )
        if there_ns is None or back_ns is None:
            continue
        at_ns = sent_ns + there_ns
        home_ns = at_ns + ANSWER_NS + back_ns
        told.answers[number] = Exchange(
            t1_ns=here.mono_ns(sent_ns), t2_ns=there.mono_ns(at_ns),
            t3_ns=there.mono_ns(at_ns + ANSWER_NS), t4_ns=here.mono_ns(home_ns),
            boot=boot_id(world.spec.seed, peer),
        )  # fmt: skip
        last_ns = max(last_ns, home_ns)
    return last_ns if told.complete else sent_ns + ANSWER_WITHIN_NS, told.record()
