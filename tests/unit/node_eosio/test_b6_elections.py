"""Elections: ranking and its ties, the threshold, the check, and schedules that never shrink."""

from __future__ import annotations

import pytest

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key
from node.chain.eosio.contracts.transfer import Transfer
from node.chain.eosio.contracts.voting.ranking import Ranking, rank, refusal
from node.chain.eosio.contracts.voting.rows import Election, Producer
from node.chain.model.messages import Effect
from node.events import Activated, Elected, Produced, Schedule
from tests.unit.node_chain.builders import START_SLOT, blocks_of, of_kind, receive, secret
from tests.unit.node_eosio.fio_world import (
    CANDIDATES,
    NAMES,
    World,
    become_proxy,
    fio_genesis,
    proxy,
    register,
    unregister,
    vote,
)

A, B, C, D, E, F = CANDIDATES


def schedules(effects: list[Effect], state: str) -> list[tuple[int, list[str]]]:
    """Return (version, producers) of the schedules that were told to be in that state."""
    told = of_kind(effects, Schedule)
    return [(record.version, record.producers) for record in told if record.state == state]


def test_ranked_by_votes_then_by_registration_and_told_why_the_others_are_not() -> None:
    rows = {
        "last": Producer(position=0, key=b"", votes=5),
        "tied": Producer(position=2, key=b"", votes=7),
        "first": Producer(position=1, key=b"", votes=7),
        "gone": Producer(position=3, key=b"", votes=9, active=False),
        "new": Producer(position=4, key=b""),
    }
    assert rank(rows, 2) == Ranking(
        top=("first", "tied"),
        standby=("last",),
        out={"gone": "unregistered", "new": "no_votes"},
        ties=(("first", "tied"),),
    )
    assert rank(rows, 3).by_name == ("first", "last", "tied")
    assert [refusal(rank(rows, 3), size) for size in (1, 3, 4)] == [None, None, "shorter"]
    assert refusal(rank({}, 3), 0) == "nobody"


def test_the_first_check_after_enough_have_voted_elects_by_name_and_tells_standby_and_tally() -> (
    None
):
    world = World(fio_genesis(activation=2600))
    assert world.do(register(F), register(E)) == ""
    world.do(vote("usera", F, D, C, B, A))
    world.do(vote("userb", F, D, C))
    effects = world.run(10)
    assert of_kind(effects, Activated) == of_kind(effects, Elected) == []
    world.do(vote("userc", D))
    effects = world.run(2)
    num = world.chain.head.num
    assert of_kind(effects, Activated) == [Activated(num=num, weight=3000)]
    assert of_kind(effects, Elected) == [
        Elected(
            num=num,
            outcome="proposed",
            producers=[A, C, D, F],
            standby=[B],
            tally={D: 3000, C: 2000, F: 2000, A: 1000, B: 1000},
            out={E: "no_votes"},
        )
    ]
    assert schedules(effects, "proposed") == [(1, [A, C, D, F])]
    assert world.election.top == (D, C, F, A), "C registered before F, and A before B"


def test_the_elected_replace_a_producer_and_the_new_one_produces() -> None:
    world = World()
    world.do(register(E))
    world.do(vote("usera", A, B, C, E))
    effects = world.run(60)
    assert schedules(effects, "active") == [(1, [A, B, C, E])]
    assert world.chain.schedule == (A, B, C, E)
    assert E in {told.producer for told in of_kind(effects, Produced)}


def test_the_gate_stays_open_when_the_votes_fall_again() -> None:
    world = World(fio_genesis(activation=1000))
    world.do(vote("usera", *NAMES))
    world.run(2)
    activated_s = world.election.activated_s
    assert activated_s > 0
    world.do(vote("usera"))
    world.do(vote("userd", *NAMES))
    world.do(Transfer(sender="userd", recipient="userc", amount=999), register(E))
    world.run(8)
    assert world.votes() == dict.fromkeys(NAMES, 1)
    world.do(Transfer(sender="userd", recipient="userc", amount=1), vote("userb", *NAMES[:3], E))
    world.do(vote("userb", *NAMES[1:3], E, A), vote("userd"))
    world.run(8)
    assert world.election.top == (A, B, C, E)
    assert world.election.activated_s == activated_s


@pytest.mark.parametrize("between", [0, 3, 7])
def test_a_check_comes_in_the_child_of_the_first_block_so_many_slots_after_the_last(
    between: int,
) -> None:
    world = World(fio_genesis(schedule_check_slots=between))
    world.do(vote("usera", *NAMES))
    checked: list[int] = []
    for _ in range(30):
        world.run()
        if world.election.checked_slot not in (0, *checked):
            checked.append(world.election.checked_slot)
    first = checked[0]
    assert first == START_SLOT, "the parent of the block after the one that holds the vote"
    assert checked == list(range(first, world.slot, between + 1))


def test_a_schedule_never_shrinks_and_the_top_is_kept_all_the_same() -> None:
    world = World()
    world.do(vote("usera", A, B, C))
    effects = world.run(10)
    assert [told.outcome for told in of_kind(effects, Elected)] == ["shorter"]
    assert schedules(effects, "proposed") == []
    assert world.election.top == (A, B, C)
    world.do(vote("userb", D))
    effects = world.run(10)
    assert [told.outcome for told in of_kind(effects, Elected)] == ["unchanged"]
    assert world.do(unregister(D)) == ""
    effects = world.run(10)
    told = of_kind(effects, Elected)
    assert [(record.outcome, record.out) for record in told] == [("shorter", {D: "unregistered"})]
    world.do(vote("usera"))
    assert [told.outcome for told in of_kind(world.run(10), Elected)] == ["nobody"]


def test_with_initial_system_one_producer_signs_every_slot_until_the_elected_are_active() -> None:
    world = World(fio_genesis(initial="system", elected=3))
    effects = world.run(20)
    assert {told.producer for told in of_kind(effects, Produced)} == {A}
    assert world.chain.lib.num == world.chain.head.num - 1
    world.do(vote("userb", B, C, D))
    effects = world.run(12)
    assert schedules(effects, "active") == [(1, [B, C, D])]
    effects = world.run(12)
    assert {told.producer for told in of_kind(effects, Produced)} == {B, C, D}
    slots = [told.slot for told in of_kind(world.log, Produced)]
    assert slots == list(range(START_SLOT, world.slot + 1)), "voting and producing run in parallel"


def test_registering_again_with_another_key_rotates_the_key_at_the_next_election() -> None:
    world = World()
    world.do(vote("usera", *NAMES))
    world.run(10)
    before = world.chain.schedule
    assert world.do(register(B, key_of="producerb2")) == ""
    effects = world.run(60)
    assert schedules(effects, "active") == [(1, list(before))]
    assert signing_key(world.chain, B) == public_key(secret("producerb2"))


def test_a_switch_to_another_branch_undoes_votes_and_the_election_they_made() -> None:
    world, rival = World(), World()
    for _ in range(5):
        (block,) = blocks_of(world.run())
        assert blocks_of(rival.run()) == [block]
    before = world.chain.state_digest
    world.do(vote("usera", *NAMES), become_proxy("userb"), proxy("userc", "userb"))
    world.run(2)
    assert world.votes() == dict.fromkeys(NAMES, 1000)
    assert world.election.top == tuple(NAMES)
    rival.slot += 20
    for _ in range(3):
        (block,) = blocks_of(rival.run())
        receive(world.chain, block)
    assert world.chain.head == rival.chain.head
    assert world.votes() == {}
    assert world.voter("userc") is None
    assert world.election == Election(size=4)
    assert world.chain.state_digest == rival.chain.state_digest != before
    world.slot = rival.slot
    world.run()
    assert world.votes() == dict.fromkeys(NAMES, 1000), "the transaction waited"


def signing_key(chain: Chain, producer: str) -> bytes:
    """Return the key that the schedule at the head has for a producer."""
    state = chain._fork_db.head.state
    keys = {state.producer_for(chain.head.slot + i) for i in range(1, 9)}
    return {key.name: key.key for key in keys}[producer]
