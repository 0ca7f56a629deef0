"""C.17 and H.C: fork choice by participation since the last change of the interval."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.fork_choice import BranchEnd, BranchPoint, ForkChoice, prefers
from node.chain.bitshares.witness_schedule import SlotCount
from tests.unit.node_bitshares.test_c8_forks import Tree
from tests.unit.node_bitshares.world import bitshares_genesis


@dataclass(frozen=True)
class Branch:
    """A branch being written: blocks and empty slots of equal length, interval changes."""

    tip: BranchEnd

    @staticmethod
    def root(interval_s: int) -> Branch:
        """Return the start of a chain."""
        slots = SlotCount(1_000_000, interval_s, 0)
        return Branch(
            BranchEnd(num=0, time_s=1_000_000, aslot=0, slots=slots, changed=BranchPoint(0, 0))
        )

    def blocks(self, pattern: str) -> Branch:
        """Return the branch after one slot for each letter: x a block, . an empty slot."""
        num, time_s, aslot = self.tip.num, self.tip.time_s, self.tip.aslot
        interval_s = self.tip.slots.interval_s
        assert pattern.endswith("x") or not pattern
        num += pattern.count("x")
        time_s += len(pattern) * interval_s
        aslot += len(pattern)
        slots = SlotCount(time_s, interval_s, 0)
        return Branch(
            BranchEnd(num=num, time_s=time_s, aslot=aslot, slots=slots, changed=self.tip.changed)
        )

    def interval(self, interval_s: int) -> Branch:
        """Return the branch with another interval from its last block on."""
        tip = self.tip
        slots = SlotCount(tip.time_s, interval_s, 0)
        return Branch(
            BranchEnd(
                num=tip.num, time_s=tip.time_s, aslot=tip.aslot, slots=slots, changed=tip.mark
            )
        )


def winner(choice: ForkChoice, x: Branch, y: Branch, ancestor: Branch) -> str:
    """Return which of two branches a node ends on, whichever it saw first; tie if that decides."""
    x_wins = prefers(choice, x.tip, y.tip, lambda: ancestor.tip)
    y_wins = prefers(choice, y.tip, x.tip, lambda: ancestor.tip)
    assert not (x_wins and y_wins)
    return "x" if x_wins else "y" if y_wins else "tie"


PATTERNS = st.text("x.", max_size=40).map(lambda text: text + "x")


@given(PATTERNS, PATTERNS, PATTERNS)
def test_without_a_change_after_the_ancestor_it_orders_as_the_longest_chain(
    history: str, one: str, two: str
) -> None:
    ancestor = Branch.root(5).blocks(history)
    x, y = ancestor.blocks(one), ancestor.blocks(two)
    assert winner("participation", x, y, ancestor) == winner("longest", x, y, ancestor)


def test_the_better_attended_branch_wins_though_it_has_fewer_blocks() -> None:
    ancestor = Branch.root(5).blocks("xxxx")
    # x kept 5 s and filled 10 of 10 slots; y went to 2 s and filled 15 of 25 in the same time.
    x = ancestor.blocks("x" * 10)
    y = ancestor.interval(2).blocks("x." * 10 + "x" * 5)
    assert (x.tip.time_s, x.tip.num, y.tip.num) == (y.tip.time_s, 14, 19)
    assert winner("longest", x, y, ancestor) == "y"
    assert winner("participation", x, y, ancestor) == "x"


def test_one_window_for_both_does_not_dilute_the_branch_that_did_not_change() -> None:
    """60 % history; since the ancestor x has 65 %, y changed the interval and has 95 %."""
    ancestor = Branch.root(5).blocks(("xxx..") * 40 + "x")
    x = ancestor.blocks("xxxxxxx.xx.x.x.x.x.x")
    y = ancestor.interval(10).blocks("xxxxxxxxxx")
    assert x.tip.time_s == y.tip.time_s
    assert winner("participation", x, y, ancestor) == "y"
    better = ancestor.blocks("xxxxxxxxxxxxxxxxxxxx")
    assert winner("participation", better, y, ancestor) == "x"


def test_a_long_bad_history_decides_nothing_when_either_branch_changed() -> None:
    ancestor = Branch.root(5).blocks("x........." * 30 + "x")
    x = ancestor.blocks("xxxxxxxxxxxxxxxxxxx.x")
    y = ancestor.interval(5).blocks("xxxxxxxx.xxxxxxx.xx.x")
    assert winner("participation", x, y, ancestor) == "x"


def test_by_the_letter_one_block_after_a_change_scores_100_percent() -> None:
    ancestor = Branch.root(5).blocks("xxxxx.xxxx")
    honest = ancestor.blocks("xxxxxxxxxx.xxxxxxxxx")
    attack = ancestor.blocks("..................x").interval(5).blocks("x")
    assert honest.tip.time_s == attack.tip.time_s
    assert winner("literal_s0", attack, honest, ancestor) == "x"
    assert winner("participation", attack, honest, ancestor) == "y"


def test_empty_slots_up_to_the_later_tip_count_against_a_branch() -> None:
    ancestor = Branch.root(5).blocks("xx")
    x = ancestor.interval(10).blocks("xx")
    y = ancestor.blocks("xxx.x.x.xx.x.x.x..xx")
    # x: 2 of 10 slots of 10 s by the time y ends.
    assert winner("participation", x, y, ancestor) == "y"


@given(st.sampled_from(["longest", "participation", "literal_s0"]), PATTERNS, PATTERNS, PATTERNS)
def test_no_two_branches_are_each_preferred_to_the_other(
    choice: ForkChoice, history: str, one: str, two: str
) -> None:
    ancestor = Branch.root(5).blocks(history)
    winner(choice, ancestor.blocks(one), ancestor.interval(3).blocks(two), ancestor)


@pytest.mark.parametrize("choice", ["longest", "participation", "literal_s0"])
def test_a_chain_follows_its_genesis_fork_choice(choice: ForkChoice) -> None:
    tree = Tree(bitshares_genesis(4, fork_choice=choice))
    tree.grow("", "base", [0])
    tree.grow("base", "a1 a2", [4, 8])
    tree.grow("base", "b1 b2 b3", [5, 9, 13])
    assert tree.transcript("base a1 b1 b2 a2 b3") == [
        "base -> base", "a1 -> a1", "b1 -> a1", "b2 -> b2", "a2 -> b2", "b3 -> b3",
    ]  # fmt: skip
