"""C.11: what operations of votes do, in graphene's bytes, and when it matters."""

from __future__ import annotations

import msgspec
import pytest

from node.chain.bitshares.contracts.rows import IN_FORCE
from node.chain.bitshares.contracts.voting.rows import COMMITTEE
from node.chain.bitshares.contracts.voting.vote import Vote
from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key
from node.chain.encoding.pack import DecodeError, Reader
from node.chain.model.operation import Operation
from node.events import CommitteeElected, Opinion, Registered, WitnessesElected
from tests.unit.node_bitshares.voting_world import (
    CANDIDATES,
    NAMES,
    World,
    change_key,
    join,
    proxy,
    stand,
    vote,
    voting_genesis,
)
from tests.unit.node_chain.builders import make_chain, of_kind, receive, secret

A, B, C, D, E, F = CANDIDATES


def committee(world: World) -> tuple[str, ...]:
    """Return the active committee, most votes first."""
    row = world.chain._ledger.row(COMMITTEE, IN_FORCE)
    assert row is not None
    return row.active


def test_block_1_is_a_maintenance_block_and_without_votes_the_lowest_ids_are_active() -> None:
    world = World(voting_genesis(producers=4, min_witness_count=3, min_committee_count=1))
    (told,) = of_kind(world.run(), WitnessesElected)
    assert world.state.is_maintenance
    assert told == WitnessesElected(
        num=1, witnesses=[A, B, C], tally=dict.fromkeys((A, B, C, D), 0),
        out={D: "registered_later"}, stake=4600,
    )  # fmt: skip
    assert (world.active, committee(world)) == ([A, B, C], (A,))


def test_until_somebody_votes_all_whom_the_genesis_has_are_active() -> None:
    for count in range(1, 7):
        world = World(voting_genesis(producers=count))
        world.run(7)
        assert world.active == list(CANDIDATES[:count])
        assert committee(world) == tuple(CANDIDATES[:count])


def test_votes_matter_at_the_next_maintenance_only_and_the_elected_are_announced_there() -> None:
    world = World(voting_genesis(min_witness_count=1))
    world.maintained()
    assert world.active == [A]
    assert world.do(vote("usera", A, B, C), vote("userb", B)) == ""
    (said, other) = of_kind(world.run(), Opinion)
    assert said == Opinion(
        num=said.num, account="usera", proxy="", witnesses=[A, B, C], committee=[],
        num_witness=3, num_committee=0, stake=1000,
    )  # fmt: skip
    assert other.account == "userb"
    assert world.do(Vote(account="userc", workers=(7, 2), hard_forks=(9, 1))) == ""
    (third,) = of_kind(world.run(), Opinion)
    assert (third.workers, third.hard_forks) == ([2, 7], ["notes", "9"])
    assert world.active == [A]
    (told,) = of_kind(world.maintained(), WitnessesElected)
    assert (told.witnesses, told.tally) == ([B, A, C], {B: 2000, A: 1000, C: 1000})
    assert world.active == [A, B, C]
    assert world.blocks[-1].header.announced.active == (1, 2, 3)  # type: ignore[attr-defined]


def test_a_newcomer_counts_as_zero_for_finality_and_is_in_the_next_shuffle() -> None:
    world = World(voting_genesis(min_witness_count=1))
    world.maintained()
    world.do(stand(D), stand(E), vote("usera", A, D, E))
    world.run()
    lib = world.state.lib_num
    world.maintained()
    assert world.active == [A, D, E]
    at = world.state
    assert {number: at.witnesses[number].last_confirmed for number in at.active} == {
        1: at.num, 4: 0, 5: 0,
    }  # fmt: skip
    assert (at.witnesses[4].key, at.lib_num > lib) == (public_key(secret(D)), True)
    while not world.state.is_shuffle:
        world.run()
    assert sorted(world.state.schedule) == [A, D, E]
    held = world.state.lib_num
    assert held == at.lib_num
    world.run(3)
    assert world.state.lib_num > held


def test_a_new_key_counts_from_the_next_block_on_and_changes_neither_votes_nor_schedule() -> None:
    world = World()
    world.maintained()
    world.do(change_key(B, "userc"))
    before = world.state.schedule
    (told,) = of_kind(world.run(), Registered)
    assert (told.role, told.key) == ("witness", public_key(secret("userc")).hex())
    assert world.blocks[-1].header.announced.keys == ((2, public_key(secret("userc"))),)  # type: ignore[attr-defined]
    assert world.state.witnesses[2].key == public_key(secret("userc"))
    assert world.state.is_shuffle or world.state.schedule == before


def test_a_proxy_votes_with_what_is_given_to_it_until_it_is_withdrawn() -> None:
    world = World(voting_genesis(min_witness_count=1))
    world.do(vote("userb", A, B, C))
    world.run()
    world.do(vote("userb", A, B, C), proxy("usera", "userb"), proxy("userc", "usera"))
    world.run()
    (told,) = of_kind(world.maintained(), WitnessesElected)
    assert told.tally == {A: 2000, B: 2000, C: 2000}
    world.do(vote("usera", C))
    world.run()
    (told,) = of_kind(world.maintained(), WitnessesElected)
    assert told.tally == {C: 3000, A: 1000, B: 1000}


def test_the_committee_weighs_what_its_votes_say_and_stays_as_it_was_without_any() -> None:
    world = World(voting_genesis(min_committee_count=1, committee=["usera", A]))
    (told,) = of_kind(world.run(), CommitteeElected)
    assert (told.members, told.weights, told.threshold) == (["usera"], {"usera": 1, A: 1}, 2)
    world.do(
        join("userd"),
        vote("usera", committee=("usera", A, "userd"), num_committee=3),
        vote("userb", committee=("userd",), num_committee=1),
    )
    world.run()
    (told,) = of_kind(world.maintained(), CommitteeElected)
    assert told.members == ["userd", "usera", A]
    assert told.weights == {"userd": 2000, "usera": 1000, A: 1000}
    assert told.threshold == 2001


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (vote("usera", A, A), "duplicate_vote"),
        (vote("usera", A, want=2), "too_few_approvals"),
        (vote("usera", committee=(A,), num_committee=2), "too_few_approvals"),
        (vote("usera", F), "not_a_candidate"),
        (vote("usera", committee=("userc",)), "not_a_candidate"),
        (proxy("usera", "usera"), "proxy_of_proxy"),
        (proxy("usera", "1.2.99"), "unknown_account"),
        (vote("usera", A, B, C), "too_many_votes"),
        (stand(A), "same_registration"),
        (join(A), "same_registration"),
        (change_key(F, F), "not_registered"),
        (msgspec.structs.replace(stand(F), key=bytes(33)), "bad_key"),
        (msgspec.structs.replace(stand(F), url="x" * 128), "bad_url"),
        (msgspec.structs.replace(join(F), url="x" * 128), "bad_url"),
        (msgspec.structs.replace(change_key(A, A), url="x" * 128), "bad_url"),
    ],
)
def test_what_breaks_a_rule_of_votes_is_refused_by_name(operation: Operation, reason: str) -> None:
    world = World(voting_genesis(max_witness_count=2))
    world.run(2)
    before = world.tables
    assert world.do(operation) == reason
    assert world.tables == before


def test_a_worker_or_hard_fork_for_which_no_vote_id_has_room_is_refused_before_it_has_bytes() -> (
    None
):
    beyond, last = 1 << 24, (1 << 24) - 1
    found = [
        vote("usera", workers=(beyond,)).fault(), vote("usera", hard_forks=(beyond,)).fault(),
        vote("usera", workers=(last,), hard_forks=(last,)).fault(),
    ]  # fmt: skip
    assert found == ["not_a_candidate", "not_a_candidate", None]


def packed(chain: Chain, operation: Operation) -> str:
    """Return the bytes of an operation, in hex, and check that they say it again."""
    layout = chain.codec.transactions.layouts[operation.NUMBER]  # type: ignore[attr-defined]
    raw: bytes = layout.write(operation)
    assert layout.read(Reader(raw)) == operation
    return raw.hex()


def test_operations_have_graphenes_bytes_with_vote_ids_by_the_number_of_the_witness() -> None:
    chain = make_chain(voting_genesis())
    # Accounts 1.2.6 to 1.2.11 are the candidates, 1.2.12 is usera; as witnesses 1.6.1 to 1.6.6.
    fee = "0000000000000000" + "00"
    nobody = "00" * 33
    said = vote("usera", A, C, want=2, committee=(B, A), num_committee=1)
    ids = "04" + "00010000" + "01010000" + "00020000" + "01030000"
    head = fee + "0c" + "00" + "00" + "01" + nobody
    ordered = msgspec.structs.replace(said, committee=(A, B))
    assert packed(chain, ordered) == head + "05" + "0200" + "0100" + ids + "00" + "00"
    assert packed(chain, proxy("usera", "userb")) == head + "0d" + "00000000" + "00" + "00" + "00"
    key = public_key(secret(D)).hex()
    assert packed(chain, stand(D)) == fee + "09" + "00" + key
    changed = msgspec.structs.replace(change_key(B, D), url="ab")
    assert packed(chain, changed) == fee + "02" + "07" + "01026162" + "01" + key
    assert packed(chain, msgspec.structs.replace(changed, key=b"")).endswith("0102616200")
    assert packed(chain, join("usera")) == fee + "0c" + "00"


@pytest.mark.parametrize(
    ("place", "byte"), [(13, 2), (52, 5), (53, 3), (53, 4), (60, 1), (61, 1)],
    ids=["memo key", "type", "twice", "order", "options", "account"],
)  # fmt: skip
def test_bytes_of_a_vote_that_graphene_would_pack_otherwise_are_refused(
    place: int, byte: int
) -> None:
    layout = make_chain(voting_genesis()).codec.transactions.layouts[Vote.NUMBER]  # type: ignore[attr-defined]
    raw = bytearray(layout.write(vote("usera", A, C)))
    assert len(raw) == 62
    raw[place] = byte
    with pytest.raises(DecodeError):
        layout.read(Reader(bytes(raw)))


def test_who_only_follows_has_the_elected_and_the_state_of_who_made_the_blocks() -> None:
    world = World(voting_genesis(min_witness_count=1))
    world.maintained()
    world.do(stand(D), vote("usera", A, B, D), vote("userb", D))
    world.run(13)
    twin = make_chain(world.genesis)
    for block in world.blocks:
        receive(twin, block)
    assert (twin.head, twin.state_digest) == (world.chain.head, world.chain.state_digest)
    assert world.active == [A, B, D]
    assert NAMES == [A, B, C]


def test_who_reads_a_vote_from_its_bytes_has_the_state_of_who_wrote_it_in_another_order() -> None:
    world = World()
    world.run(2)
    said = vote("usera", C, A, committee=(B, A), workers=(2, 1), hard_forks=(3, 1))
    assert world.do(said) == ""
    world.run()
    twin = make_chain(world.genesis)
    for block in world.blocks:
        receive(twin, twin.codec.decode(world.chain.codec.encode(block)))
    assert (twin.head, twin.state_digest) == (world.chain.head, world.chain.state_digest)
