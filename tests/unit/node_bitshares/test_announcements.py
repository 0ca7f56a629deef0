"""What execution decides and headers need travels in the header of the block that decides it."""

from __future__ import annotations

import msgspec
import pytest

from harness.inspect import bitshares as inspect
from harness.inspect.verify import Seen, judge
from node.chain import snapshot
from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.witness_state import WitnessState
from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key, sign
from node.chain.model.block import SignedBlock
from node.chain.model.messages import BlockRestored
from node.events import Abstained, Rejected, Switched, Txs
from tests.unit.node_bitshares.governed import (
    EVERYBODY,
    GENESIS,
    NAMES,
    PROFILE,
    announced_in,
    by_headers,
    change_key,
    elect,
    governed_genesis,
    grown,
    maker,
    resigned,
    set_parameters,
    state_of,
)
from tests.unit.node_bitshares.world import NOTHING, START_SLOT
from tests.unit.node_chain.builders import (
    make_chain,
    of_kind,
    receive,
    secret,
    submit,
    tick,
    transfer,
)

KEYS = {number: public_key(secret(name)) for number, name in enumerate(EVERYBODY, start=1)}
NEW = ("producera", "producerb", "producerc", "usera", "userb")
ANNOUNCED = Decided(active=(1, 2, 3, 5, 6), keys=((5, KEYS[5]), (6, KEYS[6])))


def changed() -> tuple[Chain, list[SignedBlock]]:
    """Return a chain on which others are active since maintenance, and its blocks."""
    chain = maker()
    blocks = grown(chain, 6)
    return chain, blocks + grown(chain, 60, *elect(chain, NEW))


def reasons(effects) -> list[str]:  # type: ignore[no-untyped-def]
    """Return why blocks were refused."""
    return [record.reason for record in of_kind(effects, Rejected)]


def test_who_is_active_is_announced_at_maintenance_and_nowhere_else() -> None:
    chain, blocks = changed()
    ((num, told),) = announced_in(blocks).items()
    assert told == ANNOUNCED
    before, at = by_headers(PROFILE, blocks[: num - 1]), by_headers(PROFILE, blocks[:num])
    assert at.is_maintenance
    assert num > 1
    assert (before.active, at.active) == ((1, 2, 3, 4), (1, 2, 3, 5, 6))
    assert at.witnesses[5].last_confirmed == 0
    assert state_of(chain).schedule != before.schedule


def test_who_is_dismissed_produces_until_the_schedule_no_longer_names_it() -> None:
    _, blocks = changed()
    (num,) = announced_in(blocks)
    shuffle = next(n for n in range(num, num + 8) if n % 5 == 0)
    after = blocks[num:]
    assert {block.producer for block in after if block.num <= shuffle} <= set(NAMES)
    later = {block.producer for block in after if block.num > shuffle}
    assert later == set(NEW)
    assert "producerd" in {block.producer for block in blocks[num - 8 : shuffle]}


def test_who_only_reads_headers_has_the_state_of_who_executed() -> None:
    chain, blocks = changed()
    assert by_headers(PROFILE, blocks) == state_of(chain)
    twin = make_chain(GENESIS)
    for block in blocks:
        receive(twin, block)
    assert (twin.head, twin.lib, twin.state_digest) == (chain.head, chain.lib, chain.state_digest)
    assert twin.lib.num > min(announced_in(blocks)) + 10


def test_a_key_counts_from_the_next_block_on_without_maintenance() -> None:
    chain = maker()
    blocks = grown(chain, 8)
    blocks += grown(chain, 1, change_key(chain, "producera", "userd"))
    told = announced_in(blocks)
    assert told == {blocks[-1].num: Decided(keys=((1, public_key(secret("userd"))),))}
    while chain.producer_for(chain.head.slot + 1) != "producera":
        grown(chain, 1)
    slot = chain.head.slot + 1
    assert [r.reason for r in of_kind(tick(chain, slot), Abstained)] == ["wrong_key"]
    state = state_of(chain)
    assert state.producer_for(slot).key == public_key(secret("userd"))
    assert (state.active, state.shuffled) == ((1, 2, 3, 4), by_headers(PROFILE, blocks).shuffled)


def test_a_block_whose_announcement_execution_does_not_give_is_refused() -> None:
    _, blocks = changed()
    (num,) = announced_in(blocks)
    other = Decided(active=(1, 2, 5), keys=((5, KEYS[5]),))
    for told in (None, other):
        chain = make_chain(GENESIS)
        for block in blocks[: num - 1]:
            receive(chain, block)
        assert reasons(receive(chain, resigned(blocks[num - 1], told))) == ["content_mismatch"]
        receive(chain, blocks[num - 1])
        assert chain.head.id == blocks[num - 1].id


@pytest.mark.parametrize(
    "told",
    [
        Decided(active=(1, 2, 3, 4)),
        Decided(active=(2, 1)),
        Decided(active=(1, 1)),
        Decided(active=(0, 1)),
        Decided(active=(1, 9), keys=((9, KEYS[5]),)),
        Decided(active=(1, 5)),
        Decided(keys=((1, KEYS[1]),)),
        Decided(keys=((1, b"\x02" + bytes(32)),)),
        Decided(keys=((5, KEYS[5]),)),
        Decided(keys=((2, KEYS[5]), (1, KEYS[6]))),
        Decided(keys=((1, KEYS[5]), (1, KEYS[6]))),
    ],
    ids=lambda told: f"{told.active} {[number for number, _ in told.keys]}",
)
def test_a_header_that_announces_what_no_chain_can_is_refused_unexecuted(told: Decided) -> None:
    _, blocks = changed()
    (num,) = announced_in(blocks)
    chain = make_chain(GENESIS)
    for block in blocks[: num - 1]:
        receive(chain, block)
    assert reasons(receive(chain, resigned(blocks[num - 1], told))) == ["bad_announcement"]


def test_who_is_active_and_parameters_change_at_maintenance_only() -> None:
    chain = make_chain(GENESIS)
    _, blocks = changed()
    for block in blocks[:3]:
        receive(chain, block)
    assert not by_headers(PROFILE, blocks[:4]).is_maintenance
    assert reasons(receive(chain, resigned(blocks[3], ANNOUNCED))) == ["bad_announcement"]


LATE = START_SLOT + 500
"""No block of these tests is in the future then."""


def two_branches() -> tuple[Chain, list[SignedBlock], Chain]:
    """Return a node on the shorter branch, the blocks of the longer one, and its maker.

    The shorter one has half of the witnesses, so that nothing is final there. On the longer one
    others are active since before the shorter one ends.
    """
    short = make_chain(GENESIS, NAMES[:2], enable_stale_production=True)
    long, victim = maker(), make_chain(GENESIS)
    common = grown(long, 6)
    for block in common:
        receive(short, block)
    kept = grown(short, 100)
    rival = grown(long, 80, *elect(long, NEW))
    for block in common + kept:
        receive(victim, block, now_slot=LATE)
    assert victim.head == short.head
    return victim, rival, long


def test_a_branch_that_is_not_executed_yet_is_checked_by_its_own_witnesses() -> None:
    victim, rival, long = two_branches()
    (num,) = announced_in(rival)
    old = victim.head
    unseen = [block for block in rival if num < block.num <= old.num]
    assert {block.producer for block in unseen} & {"usera", "userb"}
    switched = []
    for block in rival:
        switched += of_kind(receive(victim, block, now_slot=LATE), Switched)
    assert [(one.old_num, one.new_num) for one in switched] == [(old.num, old.num + 1)]
    assert (victim.head, victim.state_digest) == (long.head, long.state_digest)


def test_a_branch_that_lies_about_its_witnesses_costs_its_followers_nothing() -> None:
    """Its headers are sound, each signed by whom they announce: only executing it shows the lie."""
    victim, rival, _ = two_branches()
    old, (num,) = victim.head, announced_in(rival)
    ancestor = victim._fork_db.get(rival[0].previous)
    assert ancestor is not None
    state, refused = ancestor.state, []
    for slot in (block.slot + 40 * (block.num >= num) for block in rival):
        assert isinstance(state, WitnessState)
        is_due = state.next_maintenance_s <= state.rules.time_s(slot) and not state.is_maintenance
        told = ANNOUNCED if is_due and 5 not in state.witnesses else None
        if state.producer_for(slot).name == "":
            continue
        header = state.draft(slot, None, msgspec.structs.replace(NOTHING, announced=told))
        block = SignedBlock(header, sign(secret(header.producer), header.digest()))
        refused += reasons(receive(victim, block, now_slot=LATE))
        state = state.child(header).with_id(block.id)
    assert 5 in state.witnesses
    assert refused[0] == "content_mismatch"
    assert set(refused[1:]) <= {"unlinkable"}
    assert victim.head == old


def test_a_node_that_restarts_or_begins_at_a_snapshot_goes_on_with_the_new_witnesses() -> None:
    chain, blocks = changed()
    again = make_chain(GENESIS, EVERYBODY, enable_stale_production=True)
    for block in blocks:
        again.step(BlockRestored(block=block, irreversible=block.num <= chain.lib.num))
    raw = snapshot.encode(chain.snapshot(), chain_id=chain.chain_id)
    begun = make_chain(
        GENESIS, EVERYBODY, snapshot=snapshot.decode(raw, PROFILE), enable_stale_production=True
    )
    for block in blocks:
        receive(begun, block, now_slot=LATE)
    more = grown(chain, 30)
    for other in (again, begun):
        assert [block.id for block in grown(other, 30)] == [block.id for block in more]
        assert other.state_digest == chain.state_digest


def test_parameters_are_in_force_from_the_block_that_announces_them_on() -> None:
    chain = maker()
    blocks = grown(chain, 6)
    asked = {"maintenance_interval_s": 15, "maintenance_skip_slots": 1, "max_block_bytes": 4096}
    blocks += grown(chain, 140, *set_parameters(chain, **asked))
    ((num, told),) = announced_in(blocks).items()
    at = by_headers(PROFILE, blocks[:num])
    assert told == Decided(parameters=at.parameters)
    assert at.is_maintenance
    assert at.next_slot == at.slot + 2
    assert at.next_maintenance_s == at.time_s + 15
    assert chain._profile.max_block_bytes(at) == 4096
    assert state_of(chain) == by_headers(PROFILE, blocks)


@pytest.mark.parametrize(
    "changes",
    [
        {"block_interval_s": 31, "maintenance_interval_s": 31},
        {"block_interval_s": 21},
        {"block_interval_s": 0},
        {"maintenance_interval_s": 0},
        {"maintenance_skip_slots": 1000},
        {"max_block_bytes": 1},
        {"max_block_bytes": (1 << 21) + 1},
    ],
    ids=str,
)
def test_parameters_that_a_chain_cannot_have_are_refused(changes: dict[str, int]) -> None:
    chain = maker()
    grown(chain, 6)
    proposal = set_parameters(chain, **changes)[0]
    (told,) = of_kind(submit(chain, proposal, slot=chain.head.slot), Txs)
    assert told.reason == "bad_parameters"


def test_a_full_block_has_room_for_what_it_announces() -> None:
    genesis = msgspec.structs.replace(governed_genesis(), max_block_bytes=1024)
    chain, follower = maker(genesis), make_chain(genesis)
    blocks = grown(chain, 6)
    crowd = [*elect(chain, NEW), *(change_key(chain, name, name[::-1]) for name in NEW[-2:])]
    blocks += grown(chain, 30, *crowd, *(transfer(chain, n + 1) for n in range(30)))
    for block in blocks:
        assert reasons(receive(follower, block)) == []
    assert len(announced_in(blocks)) == 1
    assert follower.head == chain.head


def test_the_headers_of_a_run_are_judged_with_what_they_announce() -> None:
    chain, blocks = changed()
    told = [
        Seen(
            kind="applied", host="n1", num=block.num, id=block.id.hex(), slot=block.slot,
            previous=block.previous.hex(), producer=block.producer,
            header=block.header.packed_for_id(block.signature).hex(),
        )
        for block in blocks
    ]  # fmt: skip
    final = [
        Seen(kind="irreversible", host="n1", num=block.num, id=block.id.hex())
        for block in blocks[: chain.lib.num]
    ]
    found = judge(PROFILE, [*told, *final])
    assert found.verdict == "holds"
    assert f"{len(final)} irreversible blocks follow" in found.evidence


def test_a_printed_block_that_announces_something_gets_its_own_id_again() -> None:
    _, blocks = changed()
    (num,) = announced_in(blocks)
    printed = PROFILE.codec.printed(blocks[num - 1], PROFILE.clock)
    assert [number for number, _ in printed["extensions"]] == [1, 2]
    assert inspect.header(printed)["id"] == blocks[num - 1].id.hex()
    assert PROFILE.codec.decode(PROFILE.codec.encode(blocks[num - 1])) == blocks[num - 1]
