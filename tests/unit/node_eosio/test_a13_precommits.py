"""Pre-commits are told as the head's branch raises them: whole, once, and anew when undone."""

from __future__ import annotations

import pytest

from node.events import Applied, Irreversible, Precommitted, Switched
from tests.unit.node_bitshares.world import bitshares_genesis
from tests.unit.node_chain.builders import (
    START_SLOT,
    Net,
    make_chain,
    make_genesis,
    notices,
    of_kind,
    producer_names,
)
from tests.unit.node_chain.lone import Lone

NAMES = producer_names(4)


@pytest.mark.parametrize("turn", [1, 2, 3])
def test_ranges_follow_each_other_and_are_the_lag_of_the_protocol_behind_the_head(
    turn: int,
) -> None:
    effects = Lone(make_genesis(4, turn), NAMES).run(20 * turn)
    told = of_kind(effects, Precommitted)
    assert [each.first for each in told] == [2, *(each.num + 1 for each in told[:-1])]
    ids = {each.num: each.id for each in of_kind(effects, Applied)}
    assert {each.num: each.id for each in told}.items() <= ids.items()
    head, lags = 0, {}
    for record in notices(effects):
        if isinstance(record, Applied):
            head = record.num
        elif isinstance(record, Precommitted):
            lags.update({num: head - num for num in range(record.first, record.num + 1)})
    settled = [lags[num] for num in sorted(lags) if num > 4 * turn + 1]
    assert {2 * turn - lag for lag in settled} == set(range(turn))  # (Q - 1) r - i, with Q = 3
    assert len(told) <= len(settled) // turn + 5


def test_what_is_irreversible_was_pre_committed_before() -> None:
    sure = 1
    for record in notices(Lone(make_genesis(), NAMES).run(60)):
        if isinstance(record, Precommitted):
            sure = record.num
        elif isinstance(record, Irreversible):
            assert record.num <= sure


def test_the_other_branch_is_told_from_the_ancestor_on() -> None:
    names = producer_names(4)
    hosts = dict(zip(("h1", "h2"), (names[:3], names[3:]), strict=True))
    net = Net(make_genesis(4, 2), hosts)
    net.chains["h1"] = make_chain(net.genesis, names[:3], enable_stale_production=True)
    net.run(START_SLOT, START_SLOT + 15)
    net.split({"h1"}, {"h2"})
    net.run(START_SLOT + 16, START_SLOT + 63)
    net.heal(START_SLOT + 63)
    net.run(START_SLOT + 64, START_SLOT + 71)
    lines = notices(net.log["h2"])
    (at,) = [n for n, line in enumerate(lines) if isinstance(line, Switched)]
    after = next(line for line in lines[at:] if isinstance(line, Precommitted))
    before = [line for line in lines[:at] if isinstance(line, Precommitted)]
    switched = lines[at]
    assert isinstance(switched, Switched)
    assert after.first == min(before[-1].num, switched.ancestor_num) + 1
    assert of_kind(net.log["h1"], Precommitted)[-1] == of_kind(net.log["h2"], Precommitted)[-1]


def test_a_restarted_node_tells_anew_what_is_not_irreversible() -> None:
    names = producer_names(4)
    net = Net(make_genesis(4, 2), {"h1": names[:3], "h2": names[3:]})
    net.chains["h1"] = make_chain(net.genesis, names[:3], enable_stale_production=True)
    net.run(START_SLOT, START_SLOT + 31)
    lib, last = net.chains["h2"].lib.num, of_kind(net.log["h2"], Precommitted)[-1]
    net.restart("h2", names[3:])
    net.log["h2"].clear()
    net.slot(START_SLOT + 32)
    told = of_kind(net.log["h2"], Precommitted)
    assert told[0].first == lib + 1
    assert told[-1].num >= last.num


def test_one_stage_tells_nothing() -> None:
    effects = Lone(bitshares_genesis(), NAMES).run(40)
    assert of_kind(effects, Irreversible)
    assert of_kind(effects, Precommitted) == []
