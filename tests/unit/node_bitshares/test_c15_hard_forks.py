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
from node.chain.bitshares.header import BlockHeader
from node.chain.bitshares.words.words import SILENT, Support, Words
from node.chain.genesis import Genesis
from node.chain.model.bitshares_rules import HardForkRules
from node.chain.model.errors import BlockRejected, Reason
from node.chain.model.voice import READY, Stance, Voice
from node.events import HardForkChanged, Noted, Tx
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
    refused = of_kind(submit(chain, note, slot=START_SLOT + 21), Tx)
    assert [one.reason for one in refused] == [Reason.HARD_FORK_INACTIVE]
