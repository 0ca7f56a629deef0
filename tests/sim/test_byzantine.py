"""Each lie does what its name says, and correct nodes answer it with the right reason."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from node.byzantine import strategies
from node.byzantine.behaviour import Behaviour
from node.byzantine.forging import Act, Later, Self, SendTo
from node.byzantine.strategies import Liar
from node.chain.chain import Chain
from node.chain.model.block import SignedBlock
from node.chain.model.messages import Broadcast, Effect, Relay
from node.chain.profiles import build
from node.events import Rejected
from tests.unit.node_chain.builders import (
    START_SLOT,
    Net,
    blocks_of,
    make_chain,
    make_genesis,
    of_kind,
    producer_names,
    receive,
    secret,
    submit,
    tick,
    transfer,
)

GENESIS = make_genesis(producers=4, blocks_per_turn=2)
LIAR = "producera"
PEERS = ("n2", "n3", "n4")
OWNERS: dict[str, Sequence[str]] = {
    f"n{i}": [name] for i, name in enumerate(producer_names(4), start=1)
}


def liar(strategy: str, *accounts: str) -> Liar:
    """Return a liar that signs as the first producer."""
    who = Self(host="n1", genesis=GENESIS, profile=build(GENESIS), keys={LIAR: secret(LIAR)})
    found = Liar(who)
    found.follow(Behaviour(strategy=strategy, by_ns=3_000_000_000, accounts=list(accounts)))
    return found


def turn(strategy: str, chain: Chain, slot: int, seed: int = 1) -> list[Act]:
    """Return what a liar that saw nothing else does in one slot of its own."""
    return liar(strategy).rewrite(
        tick(chain, slot), now_ns=chain.slot_clock.time_ns(slot), peers=PEERS,
        rng=random.Random(seed),
    )  # fmt: skip


def sent(acts: list[Act]) -> Iterator[SignedBlock]:
    """Yield the blocks that acts send at once."""
    for act in acts:
        if isinstance(act, SendTo | Broadcast):
            yield act.block


def test_double_production_signs_one_slot_twice_and_splits_the_neighbours() -> None:
    net = Net(GENESIS, OWNERS)
    net.run(START_SLOT, START_SLOT + 7)
    first = net.chains["n1"]
    who = liar("double_production")
    who.observe(net.log["n1"])
    acts = who.rewrite(tick(first, START_SLOT + 8), now_ns=0, peers=PEERS, rng=random.Random(1))
    one, other = [act for act in acts if isinstance(act, SendTo)]
    assert one.block.slot == other.block.slot == START_SLOT + 8
    assert one.block.id != other.block.id
    assert sorted((*one.peers, *other.peers)) == sorted(PEERS)
    for act in (one, other):  # Both are good: whoever sees one of them takes it.
        assert not of_kind(receive(net.chains["n2"], act.block), Rejected)


def test_withhold_denies_a_block_and_sends_it_later() -> None:
    chain = make_chain(GENESIS, [LIAR])
    who = liar("withhold")
    acts = who.rewrite(tick(chain, START_SLOT), now_ns=5, peers=PEERS, rng=random.Random(1))
    later = [act for act in acts if isinstance(act, Later)]
    assert not list(sent(acts))
    assert [(act.at_ns, type(act.acts[0])) for act in later] == [(3_000_000_005, Broadcast)]
    assert who.hides(chain.head.id, 3_000_000_004)
    assert not who.hides(chain.head.id, 3_000_000_005)


def test_late_sends_a_block_late_but_does_not_deny_it() -> None:
    chain = make_chain(GENESIS, [LIAR])
    acts = turn("late", chain, START_SLOT)
    assert not list(sent(acts))
    assert any(isinstance(act, Later) for act in acts)


def test_censor_leaves_transactions_out_and_passes_none_on() -> None:
    chain = make_chain(GENESIS, [LIAR])
    payment = transfer(chain)
    who = liar("censor")
    effects = submit(chain, payment, slot=START_SLOT)
    assert any(isinstance(effect, Relay) for effect in effects)
    passed = who.rewrite(effects, now_ns=0, peers=PEERS, rng=random.Random(1))
    assert not any(isinstance(act, Relay) for act in passed)
    acts = who.rewrite(tick(chain, START_SLOT), now_ns=0, peers=PEERS, rng=random.Random(1))
    (block,) = sent(acts)
    assert block.transactions == ()
    assert who.hides(chain.head.id, chain.slot_clock.time_ns(START_SLOT + 99))
    assert not of_kind(receive(make_chain(GENESIS), block), Rejected)


def test_a_censor_of_one_account_leaves_out_what_that_signs_and_nothing_else() -> None:
    chain = make_chain(GENESIS, [LIAR])
    who = liar("censor", "usera")
    passed = []
    for sender, recipient in (("usera", "userb"), ("userb", "userc")):
        payment = transfer(chain, 3, sender=sender, recipient=recipient)
        effects = submit(chain, payment, slot=START_SLOT)
        acts = who.rewrite(effects, now_ns=0, peers=PEERS, rng=random.Random(1))
        passed += [one for act in acts if isinstance(act, Relay) for one in act.transactions]
    acts = who.rewrite(tick(chain, START_SLOT), now_ns=0, peers=PEERS, rng=random.Random(1))
    (block,) = sent(acts)
    assert passed == list(block.transactions)
    assert [each.authorities for each in block.transactions] == [("userb",)]
    assert not of_kind(receive(make_chain(GENESIS), block), Rejected)


def test_wrong_confirmed_is_refused_or_harmless() -> None:
    seen = set()
    for seed in range(12):
        net = Net(GENESIS, OWNERS)
        net.run(START_SLOT, START_SLOT + 8)
        who = liar("wrong_confirmed")
        for effects in ([e] for e in net.log["n1"]):
            who.observe(effects)
        acts = who.rewrite(
            tick(net.chains["n1"], START_SLOT + 9), now_ns=0, peers=PEERS, rng=random.Random(seed)
        )
        (block,) = sent(acts)
        found = of_kind(receive(net.chains["n2"], block), Rejected)
        seen |= {r.reason for r in found if isinstance(r, Rejected)} or {
            f"{block.header.confirmed}"
        }
    assert seen == {"confirmed_too_large", "double_confirm", "0"}


def test_ignore_watermark_signs_both_branches_of_a_split_and_both_take_it() -> None:
    """Row 7: confirmed ranges overlap across branches, and nobody can refuse that."""
    net = Net(GENESIS, OWNERS)
    who = liar("ignore_watermark")
    net.split({"n1", "n2"}, {"n3", "n4"})
    net.run(START_SLOT, START_SLOT + 7)
    who.observe(net.log["n1"])
    for block in net.stored["n3"].values():
        who.observe(receive(net.chains["n1"], block))
    acts = who.rewrite(
        tick(net.chains["n1"], START_SLOT + 8), now_ns=0, peers=PEERS, rng=random.Random(1)
    )
    blocks = list(sent(acts))
    assert len({block.previous for block in blocks}) == 2
    assert {block.producer for block in blocks} == {LIAR}
    for host, block in zip(("n2", "n3"), sorted(blocks, key=lambda b: -b.num), strict=True):
        for taken in (block, *blocks):
            if net.chains[host].has_block(taken.previous):
                assert not of_kind(receive(net.chains[host], taken), Rejected)


def test_fork_flood_sends_many_good_blocks_for_one_slot_and_finality_clears_them_away() -> None:
    net = Net(GENESIS, OWNERS)
    net.run(START_SLOT, START_SLOT + 7)
    who = liar("fork_flood")
    who.observe(net.log["n1"])
    own = tick(net.chains["n1"], START_SLOT + 8)
    net.stored["n1"] |= {block.id: block for block in blocks_of(own)}
    acts = who.rewrite(own, now_ns=0, peers=PEERS, rng=random.Random(1))
    flood = [act.block for act in acts if isinstance(act, SendTo)]
    assert 3 <= len(flood) <= strategies.FLOOD_FORKS
    victim = net.chains["n2"]
    for block in flood:
        assert not of_kind(receive(victim, block), Rejected)
    assert len(victim._fork_db) > 8
    net.run(START_SLOT + 9, START_SLOT + 40)
    assert len(victim._fork_db) <= 10


@pytest.mark.parametrize("spoil", strategies.SPOILERS, ids=lambda spoil: spoil.__name__)
def test_an_invalid_block_is_refused_with_the_right_reason(spoil: object) -> None:
    reasons = {
        "with_a_foreign_signature": "bad_signature",
        "with_a_wrong_root": "bad_transaction_mroot",
        "with_a_bad_transaction": "invalid_transactions",
        "with_a_changed_header": "content_mismatch",
    }
    chain, victim = make_chain(GENESIS, [LIAR]), make_chain(GENESIS)
    name = spoil.__name__  # type: ignore[attr-defined]
    who = liar("invalid_block")
    who.observe(submit(chain, transfer(chain), slot=START_SLOT))
    effects = tick(chain, START_SLOT)
    who.observe(effects)
    (block,) = sent(list(effects))
    bad = spoil(block, who._memory)  # type: ignore[operator]
    answer = receive(victim, bad, now_slot=START_SLOT)
    assert victim.head.num == 1
    if name == "on_an_unknown_parent":
        assert [type(effect).__name__ for effect in answer] == ["RequestSync"]
    else:
        assert [r.reason for r in of_kind(answer, Rejected)] == [reasons[name]]


@pytest.mark.parametrize("strategy", sorted(strategies.STRATEGIES))
def test_a_lie_is_the_same_for_the_same_seed_and_nothing_without_own_blocks(strategy: str) -> None:
    def acts(seed: int) -> list[Act]:
        chain = make_chain(GENESIS, [LIAR])
        return turn(strategy, chain, START_SLOT, seed)

    assert acts(7) == acts(7)
    quiet: list[Effect] = tick(make_chain(GENESIS, [LIAR]), START_SLOT + 4)
    assert turn(strategy, make_chain(GENESIS, [LIAR]), START_SLOT + 4) == quiet
