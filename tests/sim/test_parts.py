"""Virtual time, clocks, links and stores: the parts of the simulator, each by itself."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.sim.host.clock import ClockSpec, HostClock, refusal
from harness.sim.host.engine import Engine, stream
from harness.sim.host.memory import Loss, MemoryStore
from harness.sim.network.link import LAN, Links, Shape
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Effect, Persist
from node.chain.model.watermark import Watermark
from tests.sim.worlds import SECOND_NS, lab

MS = 1_000_000


def test_what_is_due_at_one_time_happens_in_the_order_it_was_put_in() -> None:
    engine, seen = Engine(0), list[str]()
    engine.at(5, seen.append, "late")
    engine.at(3, seen.append, "first")
    engine.at(3, seen.append, "second")
    engine.at(9, seen.append, "never")
    engine.run(9)
    assert (seen, engine.now_ns) == (["first", "second", "late"], 9)


def test_what_is_past_is_done_at_once_and_time_never_goes_back() -> None:
    engine, seen = Engine(100), list[int]()
    engine.at(50, lambda: seen.append(engine.now_ns))
    engine.run(200)
    assert seen == [100]


def test_a_stream_depends_on_its_labels_and_seed_alone() -> None:
    assert stream(1, "a", "b").random() == stream(1, "a", "b").random()
    assert len({stream(seed, name).random() for seed in (1, 2) for name in "ab"}) == 4


@given(
    offset_ns=st.integers(-(10**10), 10**10),
    drift_ppb=st.integers(-(10**6), 10**6),
    skew_ppb=st.integers(-(10**6), 10**6),
    ahead_ns=st.integers(0, 10**13),
)
def test_a_clock_is_asked_when_it_will_show_a_time_and_then_shows_it(
    offset_ns: int, drift_ppb: int, skew_ppb: int, ahead_ns: int
) -> None:
    spec = ClockSpec(offset_ns=offset_ns, drift_ppb=drift_ppb)
    clock = HostClock(spec, start_ns=0, mono_base_ns=0)
    clock.skew(1000, offset_ns=5, drift_ppb=skew_ppb)
    wall_ns = clock.wall_ns(2000) + ahead_ns
    true_ns = clock.true_ns(wall_ns, 2000)
    assert clock.wall_ns(true_ns) >= wall_ns
    assert true_ns == 2000 or clock.wall_ns(true_ns - 2) < wall_ns


def test_a_skew_taken_back_leaves_nothing_and_never_touches_the_monotonic_clock() -> None:
    clock = HostClock(ClockSpec(mono_ppb=1000), start_ns=0, mono_base_ns=7)
    clock.skew(10, offset_ns=300 * MS, drift_ppb=50_000)
    assert clock.offset_ns(10 + SECOND_NS) == 300 * MS + 50_000
    assert clock.mono_ns(SECOND_NS) == 7 + SECOND_NS + 1000
    clock.skew(2 * SECOND_NS)
    assert clock.offset_ns(3 * SECOND_NS) == 0


@pytest.mark.parametrize(
    ("offset_ns", "word"),
    [(0, None), (89, None), (90, "clock_bound"), (99, "clock_bound"), (100, "clock_offset"),
     (-89, None), (-90, "clock_bound"), (-100, "clock_offset")],
)  # fmt: skip
def test_production_is_held_back_at_the_limit(offset_ns: int, word: str | None) -> None:
    assert refusal(offset_ns, 10, 100) == word
    assert refusal(offset_ns, 10, None) is None


def test_messages_of_one_direction_stay_in_order_under_jitter() -> None:
    links = Links(stream(1, "links"), LAN)
    links.add("delay-1", "a", "b", Shape(delay_ns=50 * MS, jitter_ns=40 * MS))
    times = [links.arrivals("a", "b", now_ns)[0] for now_ns in range(0, 100 * MS, MS)]
    assert times == sorted(times)
    assert min(times) >= 10 * MS
    assert links.arrivals("b", "a", 0)[0] < MS, "the other direction is not delayed"


def test_reordered_messages_are_overtaken() -> None:
    links = Links(stream(1, "links"), LAN)
    links.add("reorder-1", "a", "b", Shape(reorder=0.5, reorder_ns=20 * MS))
    times = [links.arrivals("a", "b", now_ns)[0] for now_ns in range(0, 50 * MS, MS)]
    assert times != sorted(times)


def test_a_cut_has_one_direction_and_ends_with_its_fault() -> None:
    links = Links(stream(1, "links"), LAN)
    links.add("cut-1", "a", "b", Shape(cut=True))
    links.add("delay-1", "a", "b", Shape(delay_ns=MS))
    assert (links.arrivals("a", "b", 0), links.is_cut("a", "b")) == ((), True)
    assert links.arrivals("b", "a", 0)
    links.clear("cut-1")
    assert links.arrivals("a", "b", 0)[0] > MS
    links.clear("delay-1")
    assert not links.shaped


def test_loss_and_duplication_hit_about_their_share() -> None:
    links = Links(stream(1, "links"), LAN)
    links.add("loss-1", "a", "b", Shape(loss=0.2, duplicate=0.1))
    counts = [len(links.arrivals("a", "b", now_ns)) for now_ns in range(5000)]
    assert 0.17 < counts.count(0) / 5000 < 0.23
    assert 0.06 < counts.count(2) / 5000 < 0.10


def blocks(count: int) -> list[SignedBlock]:
    """Return the first blocks of a lab with one producer."""
    world, made = lab(1, 12), list[SignedBlock]()

    def note(effects: list[Effect], rng: random.Random) -> list[Effect]:
        made.extend(effect.block for effect in effects if isinstance(effect, Persist))
        return effects

    world.hosts["n1"].rewriter = note
    world.run(count * SECOND_NS)
    return made[:count]


@pytest.mark.parametrize(
    ("loss", "nums", "marks"),
    [("nothing", [2, 3, 4], True), ("uncommitted", [2, 3], True), ("watermarks", [2, 3], False),
     ("everything", [], False)],
)  # fmt: skip
def test_a_crash_leaves_what_was_durable(loss: Loss, nums: list[int], marks: bool) -> None:
    store, (first, second, third) = MemoryStore(), blocks(3)
    store.put(first, None)
    store.put(second, Watermark(producer="producera", num=3, slot=second.slot))
    store.put(third, None)
    store.crash(loss)
    assert [block.num for block, _ in store.restore()] == nums
    assert bool(store.watermarks) == marks


def test_finalizing_marks_the_line_and_drops_other_branches() -> None:
    store, (first, second, third) = MemoryStore(), blocks(3)
    for block in (first, second, third):
        store.put(block, None)
    store.finalize(3, second.id)
    assert [(b.num, final) for b, final in store.restore()] == [(2, True), (3, True), (4, False)]
    assert store.irreversible_num(first.id) == 2
    assert [block.num for block in store.irreversible_after(2, 10)] == [3]
    store.crash("uncommitted")
    assert store.block(third.id) == third, "finalize is a commit"
