"""The monitor's word is that of the latest slots of the head's branch: a naive recount agrees."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.config import HealthConfig
from node.events import Applied, Health, SlotDue, Switched
from node.local.client_answers import Requests
from node.local.local_api import Request
from node.timing.health import HealthMonitor

NAMES = ("producera", "producerb", "producerc")
WORDS = ("healthy", "degraded", "halted")


def due(slot: int, producer: str | None = None) -> SlotDue:
    """Return that a slot is due, by default of the producer whose turn it is."""
    name = NAMES[slot % 3] if producer is None else producer
    return SlotDue(slot=slot, producer=name, due_ns=0, wake_error_ns=0, head_num=0, lib_num=0)


def applied(num: int, slot: int) -> Applied:
    return Applied(
        num=num, id="", previous="", slot=slot, producer=NAMES[slot % 3], header="",
        state_digest="", tx_count=0,
    )  # fmt: skip


def switched(ancestor_num: int) -> Switched:
    return Switched(
        old="", new="", old_num=0, new_num=0, depth=0, ancestor="", ancestor_num=ancestor_num
    )


def monitor(**config: int) -> HealthMonitor:
    return HealthMonitor(HealthConfig(**config), producers=3, blocks_per_turn=1)


def run(watching: HealthMonitor, filled: str, first: int = 1) -> list[Health]:
    """Return what is told while slots pass, `x` those with a block, which comes in time."""
    told = []
    for slot, mark in enumerate(filled, start=first):
        told.append(watching.see(due(slot)))
        if mark == "x":
            watching.see(applied(slot, slot))
    told.append(watching.see(due(first + len(filled))))
    return [record for record in told if record is not None]


def test_a_network_that_uses_its_slots_is_never_spoken_of() -> None:
    watching = monitor()
    assert run(watching, "x" * 50) == []
    assert (watching.word, watching.participation.share) == ("healthy", 10_000)


def test_a_missed_slot_shows_with_the_next_one_and_is_forgiven_after_three_rounds() -> None:
    watching = monitor()
    assert run(watching, "xxx.xxxxxxxxx") == [
        Health(slot=4, state="degraded", participation=8333, window=6, missed={"producerb": 1}),
        Health(slot=12, state="healthy", participation=10_000, window=6),
    ]


def test_missed_slots_are_counted_from_the_start_and_the_count_never_falls() -> None:
    watching = monitor()
    run(watching, "xx..x.xxxxxxxxx")
    assert (watching.missed_total, watching.participation.missed.total()) == (3, 0)
    run(watching, "..", first=17)
    assert watching.missed_total == 6
    watching.see(applied(17, 17))
    assert watching.missed_total == 6
    run(watching, ".", first=20)
    assert watching.missed_total == 7, "3 4 6, 16 18 19 20: the block of 17 came late"


def test_it_gets_worse_at_once_and_better_when_a_round_was_better() -> None:
    watching = monitor()
    states = [(told.slot, told.state) for told in run(watching, "xx......xxxxxxxxxxx")]
    assert states == [(3, "degraded"), (7, "halted"), (12, "degraded"), (16, "healthy")]


def test_a_block_that_comes_late_fills_its_slot_and_one_that_is_left_empties_it() -> None:
    watching = monitor()
    run(watching, "xxxx..")
    for num in (5, 6):
        watching.see(applied(num, num))
    assert watching.participation.missed.total() == 0
    watching.see(switched(4))
    assert watching.participation.missed == {"producerc": 1, "producera": 1}


def test_a_slot_whose_block_is_here_before_it_is_due_counts_as_well() -> None:
    watching = monitor()
    for slot in range(1, 8):
        watching.see(applied(slot, slot))
        watching.see(due(slot, ""))
    watching.see(switched(5))
    watching.see(due(8))
    assert watching.participation.missed == {"producera": 1, "producerb": 1}


def test_a_slot_that_is_nobodys_is_no_slot() -> None:
    watching = monitor()
    for slot in range(1, 40):
        assert watching.see(due(slot, "producera" if slot % 5 == 0 else "")) is None
        if slot % 5 == 0:
            watching.see(applied(slot, slot))


@pytest.mark.parametrize(("limits", "word"), [((7000, 3000), "healthy"), ((9000, 8400), "halted")])
def test_limits_and_window_are_the_configurations(limits: tuple[int, int], word: str) -> None:
    watching = monitor(window_slots=6, degraded_below=limits[0], halted_below=limits[1])
    run(watching, "xxx.xx")
    assert (watching.word, watching.participation.share) == (word, 8333)


steps = st.lists(
    st.tuples(st.sampled_from(("block", "late", "none", "none", "block")), st.integers(0, 3)),
    min_size=1,
    max_size=60,
)


@given(script=steps, window=st.integers(1, 9))
def test_the_share_is_that_of_a_naive_recount(script: list[tuple[str, int]], window: int) -> None:
    watching = monitor(window_slots=window)
    branch: list[tuple[int, int]] = []
    slots: list[int] = []
    ranks: list[int] = []
    told = "healthy"

    def add(slot: int) -> None:
        branch.append((len(branch) + 1, slot))
        watching.see(applied(*branch[-1]))

    for slot, (what, undone) in enumerate(script, start=1):
        record = watching.see(due(slot))
        slots.append(slot)
        if len(slots) > 1:
            looked_at = slots[-window - 1 : -1]
            missed = [s for s in looked_at if s not in {own for _, own in branch}]
            share = 10_000 * (window - len(missed)) // window
            assert watching.participation.share == share
            assert watching.participation.missed.total() == len(missed)
            ranks.append((share < 9_000) + (share < 3_300))
            word = WORDS[max(ranks[-max(window // 2, 1) :])]
            assert (record is not None) == (word != told)
            assert watching.word == word
            told = word
        if undone and what == "block":
            del branch[max(len(branch) - undone, 0) :]
            watching.see(switched(len(branch)))
        if what == "block":
            add(slot)
        elif what == "late" and slot > 1 and (not branch or branch[-1][1] < slot - 1):
            add(slot - 1)


def test_a_client_is_told_the_word_the_share_and_who_missed() -> None:
    watching = monitor()
    run(watching, "xxx..x")
    chain: Any = SimpleNamespace(head=SimpleNamespace(num=4), lib=SimpleNamespace(num=1))
    nothing: Any = None
    requests = Requests(
        host="n1", chain=chain, net=nothing, check=nothing, health=watching, stored=nothing,
        submit=nothing, lying=nothing,
    )  # fmt: skip
    assert requests.answer(Request(op="health")) == {
        "ok": True, "state": "degraded", "participation": 0.6666, "window_slots": 6,
        "missed": {"producerb": 1, "producerc": 1}, "head_num": 4, "lib_num": 1,
    }  # fmt: skip
