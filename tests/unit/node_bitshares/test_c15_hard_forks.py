"""C.15: hard forks that stakeholders and witnesses decide on; the operators' emergency switch."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.chain.bitshares.contracts.hard_forks.deciding import Said, decided
from node.chain.bitshares.contracts.hard_forks.note import Note
from node.chain.bitshares.contracts.hard_forks.rows import NOTES, HardForkRow
from node.chain.bitshares.contracts.voting.vote import Vote
from node.chain.bitshares.header import BlockHeader
from node.chain.bitshares.words.words import SILENT, Support, Words
from node.chain.chain import Chain
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import HardForkRules
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.transaction import Transaction
from node.chain.model.voice import READY, Stance, Voice
from node.events import HardForkChanged, Noted, Txs
from tests.unit.node_bitshares.governed import grown, state_of
from tests.unit.node_bitshares.world import (
    NOTHING,
    START_SLOT,
    bitshares_genesis,
    bitshares_profile,
    full,
)
from tests.unit.node_chain.builders import (
    Net,
    make_chain,
    of_kind,
    producer_names,
    secret,
    signed,
    submit,
    tick,
)

NAMES = producer_names(4)
QUARTERS = {f"host{i}": [name] for i, name in enumerate(NAMES)}
OLD = Stance(supports=frozenset())
"""Of who runs software that is not ready."""
AT_ONCE = Stance(urgent=frozenset({"notes"}))
LATE = HardForkRules(notes_s=1_000)


def genesis(rules: HardForkRules = LATE, **options: object) -> Genesis:
    return bitshares_genesis(4, hard_forks=rules, maintenance_interval_s=10, **options)  # type: ignore[arg-type]


def net_of(made: Genesis, *stances: Stance) -> Net:
    """Return a net of four hosts with a witness each, whose operators stand for these."""
    net = Net(made, dict(QUARTERS))
    for (host, names), stance in zip(QUARTERS.items(), stances, strict=True):
        net.chains[host] = make_chain(made, names, stance=stance)
    return net


@given(
    st.builds(
        HardForkRow,
        state=st.sampled_from(["waiting", "scheduled", "active", "refused"]),
        approval=st.integers(0, 12),
        stake=st.integers(0, 12),
    ),
    st.builds(Said, ready=st.integers(0, 5), urgent=st.integers(0, 5), witnesses=st.integers(1, 5)),
    st.booleans(),
    st.booleans(),
)
def test_a_decision_is_what_the_document_says(
    row: HardForkRow, said: Said, counted: bool, is_due: bool
) -> None:
    now = decided(row, said, counted=counted, is_due=is_due)
    two_thirds = Fraction(2, 3) * said.witnesses
    if row.state == "active" or said.urgent >= two_thirds:
        assert now == "active"
    elif not counted:
        due = "active" if row.state == "scheduled" else "refused"
        assert now == (due if is_due else row.state)
    elif row.approval > Fraction(row.stake, 2) and said.ready >= two_thirds:
        assert now == ("active" if is_due else "scheduled")
    else:
        assert now == ("refused" if is_due else "waiting")


@pytest.mark.parametrize(
    ("stance", "said"),
    [
        (READY, Support(ready=(1,))),
        (OLD, Support()),
        (AT_ONCE, Support(ready=(1,), urgent=(1,))),
        (Stance(supports=frozenset({"another"})), Support()),
    ],
)
def test_a_block_says_what_its_witness_stands_for(stance: Stance, said: Support) -> None:
    profile = bitshares_profile(4, hard_forks=LATE)
    state = full(profile.genesis_state, 5)
    name = state.producer_for(state.next_slot).name
    voice = Voice(key=secret(name), stance=stance)
    header = state.draft(state.next_slot, None, NOTHING, voice)
    assert header.words.support == said
    number = state.rules.names.index(name) + 1
    assert state.child(header).witnesses[number].support == said
    packed = header.pack()
    assert packed.endswith(b"\x01\x05\x01\x01\x00") == (said == Support(ready=(1,)))
    back, _ = profile.codec.decode_header(packed + bytes(65))
    assert back == header


def test_without_hard_forks_headers_say_nothing_and_may_not() -> None:
    state = full(bitshares_profile(4).genesis_state, 5)
    header = state.draft(state.next_slot, None, NOTHING, Voice(key=secret("x"), stance=AT_ONCE))
    assert header.words == SILENT
    assert isinstance(header, BlockHeader)
    loud = dataclasses.replace(header, words=Words(support=Support(ready=(1,))))
    with pytest.raises(BlockRejected) as error:
        state.child(loud)
    assert error.value.reason == Reason.UNKNOWN_EXTENSION


def test_two_thirds_of_the_operators_can_switch_a_hard_fork_on_at_once() -> None:
    net = net_of(genesis(), AT_ONCE, AT_ONCE, AT_ONCE, OLD)
    net.run(START_SLOT, START_SLOT + 12)
    told = of_kind(net.log["host3"], HardForkChanged)
    assert [(one.hard_fork, one.state, one.by_urgency) for one in told] == [
        ("notes", "active", True)
    ]
    assert (told[0].urgent, told[0].ready, told[0].of_witnesses) == (3, 3, 4)
    chain = net.chains["host3"]
    slot = START_SLOT + 13
    net.submit("host0", signed(chain, Note(account="usera", text="here")), slot)
    net.run(slot, slot + 3)
    assert [one.text for one in of_kind(net.log["host3"], Noted)] == ["here"]
    assert net.chains["host3"]._ledger.row(NOTES, "usera") == "here"


def test_half_of_the_operators_cannot() -> None:
    net = net_of(genesis(), AT_ONCE, AT_ONCE, READY, READY)
    net.run(START_SLOT, START_SLOT + 20)
    assert of_kind(net.log["host0"], HardForkChanged) == []
    chain = net.chains["host0"]
    note = signed(chain, Note(account="usera", text="here"))
    refused = of_kind(submit(chain, note, slot=START_SLOT + 21), Txs)
    assert [one.reason for one in refused] == [Reason.HARD_FORK_INACTIVE]


def voted(chain: Chain, *voters: str, ids: tuple[int, ...] = (1,)) -> list[Transaction]:
    """Return the votes of accounts for these hard forks."""
    return [signed(chain, Vote(account=voter, hard_forks=ids)) for voter in voters]


def lived(
    voters: tuple[str, ...], *, stance: Stance = READY, later: tuple[str, ...] = (),
    notes_s: int = 45,
) -> tuple[Chain, list[HardForkChanged]]:  # fmt: skip
    """Return a chain of 60 s with maintenance each 10 s and what it told of the hard fork.

    voters vote for it at once, later ones take their votes back after 25 s.
    """
    chain = make_chain(
        genesis(HardForkRules(notes_s=notes_s)), NAMES, stance=stance, enable_stale_production=True
    )
    told = list[HardForkChanged]()
    for second in range(60):
        slot = START_SLOT + second
        if second == 8:
            for transaction in voted(chain, *voters):
                submit(chain, transaction, slot=slot)
        if second == 25:
            for transaction in voted(chain, *later, ids=()):
                submit(chain, transaction, slot=slot)
        told += of_kind(tick(chain, slot), HardForkChanged)
    return chain, told


def asked(chain: Chain) -> str:
    """Return what became of a note: its text, or why it was refused."""
    note = signed(chain, Note(account="userd", text="here"))
    reasons = [one.reason for one in of_kind(submit(chain, note, slot=chain.head.slot + 1), Txs)]
    grown(chain, 5)
    return chain._ledger.row(NOTES, "userd") or str(reasons[0])


def test_stakeholders_approve_it_and_it_comes_at_its_time() -> None:
    chain, told = lived(("usera", "userb", "userc"))
    assert [(one.state, one.approval, one.stake, one.ready) for one in told] == [
        ("scheduled", 3_000, 4_000, 4),
        ("active", 3_000, 4_000, 4),
    ]
    state = state_of(chain)
    at_s = {one.state: one.num for one in told}
    assert at_s["scheduled"] < at_s["active"] < state.num
    assert asked(chain) == "here"


@pytest.mark.parametrize(
    ("voters", "stance"),
    [(("usera", "userb"), READY), ((), READY), (("usera", "userb", "userc"), OLD)],
)
def test_without_more_than_half_of_the_stake_or_without_witnesses_it_does_not_happen(
    voters: tuple[str, ...], stance: Stance
) -> None:
    chain, told = lived(voters, stance=stance)
    assert [(one.state, one.approval) for one in told] == [("refused", 1_000 * len(voters))]
    assert asked(chain) == Reason.HARD_FORK_INACTIVE


def test_a_vote_taken_back_in_time_clears_it() -> None:
    chain, told = lived(("usera", "userb", "userc"), later=("userc",))
    assert [(one.state, one.approval) for one in told] == [
        ("scheduled", 3_000),
        ("cleared", 2_000),
        ("refused", 2_000),
    ]
    assert asked(chain) == Reason.HARD_FORK_INACTIVE


def test_a_vote_taken_back_too_late_changes_nothing_and_late_approval_counts() -> None:
    chain, told = lived(("usera", "userb", "userc"), later=("usera", "userb", "userc"), notes_s=20)
    assert [one.state for one in told] == ["scheduled", "active"]
    assert asked(chain) == "here"
    _, told = lived(("usera", "userb", "userc"), notes_s=5)
    assert [one.state for one in told] == ["refused", "active"]
