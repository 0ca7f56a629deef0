"""The invariants as pure functions: each breach is found, each lawful neighbour is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from metrics.intake.intervals import steady
from metrics.safety.invariants import (
    conflicting_finality,
    different_states,
    double_signatures,
    final_block_changes,
    lib_decreases,
    overlapping_confirmations,
)
from metrics.safety.liveness import Stretch, early_blocks, progress, slots_for, stall_limit
from metrics.safety.node_log import (
    different_facts,
    repeated_transactions,
    restart_breaks,
    schedule_breaks,
)
from metrics.safety.promises import kept
from metrics.safety.supply import unbalanced

SECOND = 1_000_000_000


def line(kind: str, host: str = "n1", t_ns: float = 0.0, **fields: Any) -> Any:
    return SimpleNamespace(kind=kind, host=host, t_ns=t_ns, **fields)


def signed(num: int, id_: str, *, slot: int, confirmed: int = 0) -> Any:
    return line("produced", num=num, id=id_, slot=slot, producer="producera", confirmed=confirmed)


def final(host: str, num: int, id_: str, t_ns: float) -> Any:
    return line("irreversible", host, t_ns, num=num, id=id_)


def executed(host: str, state_digest: str) -> Any:
    return line("applied", host, num=8, id="aa", state_digest=state_digest)


def applied(num: int, previous: str) -> Any:
    return line("applied", num=num, id=f"h{num}", previous=previous, state_digest="s")


def started(num: int = 0, lib: int = 0) -> Any:
    return line("started", resumed_num=num, resumed_lib=lib)


def chain(producers: int, quorum: int, blocks_per_turn: int, *, two_stage: bool) -> Any:
    """Return what a plan says of finality."""
    return SimpleNamespace(
        quorum=quorum, blocks_per_turn=blocks_per_turn, two_stage=two_stage,
        round_slots=producers * blocks_per_turn, round_blocks=producers * blocks_per_turn,
    )  # fmt: skip


def stretch(limit: int, *, from_s: int = 0, to_s: int = 100) -> Stretch:
    """Return a stretch of half-second slots that only blocks can limit."""
    return Stretch(
        from_ns=from_s * SECOND, to_ns=to_s * SECOND, limit_blocks=limit, limit_slots=1_000
    )


def test_two_ids_at_one_height_conflict_and_the_evidence_names_who_when_and_what() -> None:
    finals = [final("n1", 8, "aa", 3e9), final("n2", 8, "bb", 5e9), final("n3", 8, "bb", 4e9)]
    (found,) = conflicting_finality([*finals, final("n2", 7, "cc", 1e9)])
    assert (found.nums, found.ids, found.hosts) == ((8,), ("aa", "bb"), ("n1", "n2", "n3"))
    assert found.text == "block 8 is final with 2 ids: aa at n1 (3.000 s); bb at n2, n3 (4.000 s)"


def test_hosts_that_agree_do_not_conflict() -> None:
    assert conflicting_finality([final("n1", 8, "aa", 0.0), final("n2", 8, "aa", 9.0)]) == []


def falls(*lines: Any) -> list[tuple[int, ...]]:
    """Return from where to where the last irreversible block of a node fell."""
    return [found.nums for found in lib_decreases({"n1": lines})]


def test_a_lib_that_falls_is_seen_and_one_that_stays_is_not() -> None:
    due = [line("slot_due", lib_num=num) for num in (5, 5, 4)]
    assert lib_decreases({"n1": due[:2], "n2": [line("slot_due", lib_num=3)]}) == []
    assert falls(*due) == [(5, 4)]


def test_what_a_crash_left_unsaid_may_be_told_below_where_the_node_started_again() -> None:
    told, begun, due = (line("irreversible", num=21), started(lib=23), line("slot_due", lib_num=23))
    later = [line("irreversible", num=num) for num in (22, 23, 24)]
    assert falls(told, begun, due, *later) == []
    assert falls(told, begun, *later, line("irreversible", num=23)) == [(24, 23)]
    assert falls(told, begun, *later, line("slot_due", lib_num=23)) == [(24, 23)]


def test_a_host_that_replaces_a_final_block_undid_it() -> None:
    (found,) = final_block_changes([final("n1", 8, "aa", 0.0), final("n1", 8, "bb", 1.0)])
    assert found.ids == ("aa", "bb")


def test_one_block_with_two_states_is_seen() -> None:
    same = [executed("n1", "s"), executed("n2", "s")]
    assert different_states(same) == []
    assert len(different_states([*same, executed("n3", "t")])) == 1


def test_one_block_that_did_different_things_on_two_hosts_is_found() -> None:
    def log(host: str, *states: str) -> list[Any]:
        said = [line("schedule", host, version=1, state=state, num=8, producers=["a"])
                for state in states]  # fmt: skip
        return [executed(host, "s"), *said, line("txs", host, id="t", num=8)]

    both = log("n2", "pending", "proposed")
    assert different_facts({"n1": log("n1", "pending", "proposed"), "n2": both}) == []
    cut = [*log("n1", "pending")[:-1], started(8)]
    assert different_facts({"n1": cut, "n2": both}) == []
    (found,) = different_facts({"n1": log("n1", "pending"), "n2": both})
    assert found.text == "block 8 aa did different things at n1, n2"
    assert (found.nums, found.ids, found.hosts) == ((8,), ("aa",), ("n1", "n2"))


def test_two_blocks_of_one_slot_are_double_signed_whatever_their_height() -> None:
    assert double_signatures([signed(8, "aa", slot=3), signed(9, "bb", slot=4)]) == []
    (found,) = double_signatures([signed(8, "aa", slot=3), signed(9, "bb", slot=3)])
    assert found.nums == (8, 9)


def test_confirmed_ranges_may_touch_and_must_not_overlap_on_any_branch() -> None:
    first = signed(8, "aa", slot=3, confirmed=2)
    assert overlapping_confirmations([first, signed(12, "bb", slot=9, confirmed=3)]) == []
    (found,) = overlapping_confirmations([first, signed(12, "bb", slot=9, confirmed=4)])
    assert found.text.startswith("producera confirmed blocks 8..12")
    assert len(overlapping_confirmations([first, signed(8, "cc", slot=4)])) == 1


def test_a_transaction_may_come_again_only_after_its_block_was_undone() -> None:
    held = {"h5": ["t", "u"], "h6": ["v"], "h9": ["t"], "i5": ["t"]}

    def repeats(*lines: Any) -> list[tuple[int, ...]]:
        return [found.nums for found in repeated_transactions({"n1": lines}, held)]

    first, again, other = applied(5, "h4"), applied(9, "h8"), line("applied", num=5, id="i5")
    assert repeats(first, applied(6, "h5"), again) == [(5, 9)]
    assert repeats(first, line("switched", ancestor_num=4), again) == []
    assert repeats(first, line("switched", ancestor_num=5), again) == [(5, 9)]
    assert repeats(first, started(4), other) == []
    assert repeats(first, started(5), again) == [(5, 9)]
    assert [v.nums for v in repeated_transactions({"n1": [first]}, {"h5": ["t", "t"]})] == [(5, 5)]


def lost(chains: dict[str, dict[int, str]], *told: tuple[str, int], **held: list[str]) -> Any:
    """Return what is lost where nodes have these blocks final, of what n1's client was told."""
    return kept(chains, [line("txs", id=id_, num=num) for id_, num in told], [], held, 2)


def test_a_promise_binds_every_node_whose_final_chain_is_as_high() -> None:
    held = {"a5": ["t1", "t2"], "a6": [], "b5": ["t1"]}
    good, low, bad = {5: "a5", 6: "a6"}, {4: "a4"}, {5: "b5", 6: "a6"}
    told = ("t1-more", 5), ("t2-more", 5)
    assert lost({"n1": good, "n2": good, "n3": low}, *told, **held, a4=[]).violations == []
    (found,) = lost({"n1": good, "n2": bad}, *told, **held).violations
    assert found.text == (
        "transaction t2-more, irreversible in block 5 as the client of n1 was told (0.000 s), is in"
        " no irreversible block of n2"
    )
    assert (found.nums, found.ids, found.hosts) == ((5,), ("b5",), ("n1", "n2"))
    assert len(lost({"n1": good}, ("t3", 6), **held).violations) == 1


def test_a_block_that_a_client_was_told_is_final_is_so_wherever_there_is_one_as_high() -> None:
    finals = {"n1": {5: "a5"}, "n2": {4: "a4"}}
    assured = [line("assured", "n3", num=5, id="a5"), line("assured", "n3", num=6, id="a6")]
    assert kept(finals, [], assured, {}, 2).violations == []
    (found,) = kept({"n1": {6: "b6"}}, [], assured, {}, 2).violations
    assert found.text == (
        "block 6 a6, irreversible as the client of n3 was told (0.000 s), is b6 at n1"
    )


def test_what_a_final_block_holds_that_nobody_told_loses_nothing() -> None:
    found = lost({"n1": {5: "a5", 6: "a6"}}, ("t1", 5), ("t2", 5), a5=["t1"])
    assert (found.violations, found.untold, found.nodes) == ([], ["a6"], 1)


def test_units_that_nobody_issued_or_that_are_gone_break_the_supply() -> None:
    def told(issued: int, **held: int) -> Any:
        return line("supply", num=5, id="aa", issued=issued), held

    def breaks(*ends: Any) -> list[str]:
        return [found.text for found in unbalanced(ends, 100)]

    assert breaks(told(0, accounts=100), told(7, accounts=90, bucket=17)) == []
    assert breaks(told(0, accounts=99, bucket=0)) == [
        "n1: after block 5 there are 99 units (accounts 99), not 100: 100 of the genesis and 0"
        " issued (0.000 s)"
    ]
    assert len(breaks(told(7, accounts=100))) == 1
    assert len(breaks(told(0, accounts=101, bucket=-1))) == 1


def test_schedule_versions_rise_by_one_on_each_branch() -> None:
    def active(num: int, version: int) -> Any:
        return line("schedule", state="active", num=num, version=version, producers="a")

    assert schedule_breaks({"n1": [active(5, 1), active(9, 2)]}) == []
    assert len(schedule_breaks({"n1": [active(5, 1), active(9, 3)]})) == 1
    again = [active(5, 1), active(9, 2), line("switched", ancestor_num=8), active(10, 2)]
    assert schedule_breaks({"n1": again}) == []


def test_hosts_hold_one_schedule_after_one_block() -> None:
    def log(producers: str) -> list[Any]:
        change = line("schedule", state="active", num=5, version=1, producers=producers)
        return [line("applied", num=5, id="aa"), change]

    assert schedule_breaks({"n1": log("a"), "n2": log("a")}) == []
    (found,) = schedule_breaks({"n1": log("a"), "n2": log("b")})
    assert found.hosts == ("n1", "n2")


def test_a_restart_keeps_final_and_own_blocks_and_the_head() -> None:
    life = [started(), applied(8, "h7"), line("irreversible", num=4), signed(8, "h8", slot=9)]

    def breaks(resumed: Any, then: Any) -> int:
        found, judged = restart_breaks({"n1": [*life, resumed, then]})
        assert judged == 1
        return len(found)

    assert breaks(started(8, 4), applied(9, "h8")) == 0
    assert breaks(started(8, 3), applied(9, "h8")) == 1
    assert breaks(started(7, 4), applied(8, "h7")) == 1
    assert breaks(started(8, 4), applied(9, "x")) == 1
    assert breaks(started(8, 4), applied(10, "h9")) == 1


def test_the_stall_limit_is_the_formula_of_each_kind_of_finality() -> None:
    assert stall_limit(chain(21, 15, 12, two_stage=True)) == 348
    assert stall_limit(chain(4, 3, 2, two_stage=True)) == 10
    assert stall_limit(chain(21, 15, 1, two_stage=False)) == 42


def test_finality_may_stand_still_for_the_limit_and_not_for_one_block_more() -> None:
    blocks = [float(i * SECOND) for i in range(100)]
    before = [(float(SECOND * t), t) for t in range(21)]
    for limit, breaches in ((20, 0), (19, 1)):
        resumed = [*before, *((float(SECOND * t), t) for t in range(40, 101))]
        found = progress([stretch(limit)], blocks, resumed, steady(SECOND // 2))
        assert found.worst is not None
        assert (len(found.violations), found.judged, found.worst.blocks) == (breaches, 1, 20)


def test_finality_that_never_comes_back_is_a_breach_and_a_short_stretch_tells_nothing() -> None:
    blocks = [float(i * SECOND) for i in range(100)]
    assert len(progress([stretch(50, from_s=40)], blocks, [], steady(SECOND // 2)).violations) == 1
    short = progress([stretch(50, from_s=60)], blocks, [], steady(SECOND // 2))
    assert (short.violations, short.judged) == ([], 0)


def test_a_block_is_early_only_beyond_the_tolerance_and_for_certain() -> None:
    def early(hi_ns: float) -> int:
        made = line("produced", num=5, id="aa", slot=20, producer="producera", hi_ns=hi_ns)
        return len(early_blocks([made], lambda slot: slot * SECOND / 2, 0.1e9))

    assert [early(9.9e9), early(10.2e9), early(9.89e9)] == [0, 0, 1]


def test_a_chain_that_makes_no_block_stands_still_in_slots() -> None:
    still = Stretch(
        from_ns=10 * SECOND, to_ns=100 * SECOND, limit_blocks=12,
        limit_slots=slots_for(12, chain(4, 3, 2, two_stage=True), live=3),
    )  # fmt: skip
    assert still.limit_slots == 24
    advances = [(9.0 * SECOND, 7), (20.0 * SECOND, 8)]
    found = progress([still], [], advances, steady(SECOND // 2))
    (breach,) = found.violations
    assert breach.text == (
        "finality stood still for 80.000 s from 20.000 s on: 160 slots (at most 24) and 0"
        " blocks (at most 12), with a quorum connected"
    )
    calm = [(t * 10.0 * SECOND, t) for t in range(11)]
    assert progress([still], [], calm, steady(SECOND // 2)).violations == []
