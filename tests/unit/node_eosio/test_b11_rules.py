"""FIO's constants: FIO's own by default, part of the chain id, and refused by name."""

from __future__ import annotations

import msgspec
import pytest

from node.chain import genesis as genesis_file
from node.chain.model.errors import GenesisError
from node.chain.model.fio_rules import FIO_SUF, FioRules, VoteLock
from node.chain.profiles import build
from tests.unit.node_chain.builders import make_genesis, producer_names

FIO = FioRules()


def test_fios_rules_come_back_from_the_genesis_file_and_each_makes_another_chain() -> None:
    genesis = make_genesis(fio=FIO)
    assert genesis_file.decode(genesis_file.encode(genesis)) == genesis
    assert (FIO.elected, FIO.votes, FIO.activation) == (21, 30, 65_000_000 * FIO_SUF)
    others = [
        make_genesis(),
        make_genesis(fio=msgspec.structs.replace(FIO, elected=4)),
        make_genesis(fio=msgspec.structs.replace(FIO, locks=[VoteLock(account="usera", amount=1)])),
        msgspec.structs.replace(genesis, producers=genesis.producers[::-1]),
    ]
    ids = {build(other).chain_id for other in (genesis, *others)}
    assert len(ids) == 5, "the order of the list is the order of registration"


def test_with_initial_system_the_first_producer_of_the_genesis_signs_alone() -> None:
    rules = msgspec.structs.replace(FIO, initial="system")
    genesis = make_genesis(fio=rules)
    assert build(genesis).genesis_state.schedule == (producer_names(4)[0],)
    assert build(make_genesis(fio=FIO)).genesis_state.schedule == tuple(producer_names(4))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"elected": 0}, "elected"),
        ({"elected": 3}, "elected is 3"),
        ({"activation": 0}, "activation"),
        ({"votes": 0}, "votes"),
        ({"schedule_check_slots": -1}, "schedule_check_slots"),
        ({"domain_expires_s": -1}, "domain_expires_s"),
        ({"locks": [{"account": "nobody", "amount": 1}]}, "locks: nobody"),
        ({"locks": [{"account": "usera", "amount": 0}]}, "locks: usera"),
        ({"pay": {"payed": 1}}, "payed"),
    ],
)
def test_rules_that_no_chain_can_have_are_refused_by_name(
    change: dict[str, object], word: str
) -> None:
    fields = msgspec.json.decode(genesis_file.encode(make_genesis(fio=FIO)))
    fields["fio"].update(change)
    with pytest.raises(GenesisError, match=word):
        build(genesis_file.decode(msgspec.json.encode(fields)))


def test_fios_rules_are_refused_under_bitshares() -> None:
    with pytest.raises(GenesisError, match="fio is for the eosio profile only"):
        build(make_genesis(profile="bitshares", slot_ns=5_000_000_000, fio=FIO))
