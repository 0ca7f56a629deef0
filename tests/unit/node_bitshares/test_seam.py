"""What both systems share: snapshots, transactions that one of them does not know, light nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.chain import genesis as genesis_file
from node.chain import snapshot
from node.chain.encoding.pack import DecodeError
from node.chain.eosio.contracts.set_producers import SetProducers
from node.chain.eosio.transactions import EosioTransactions
from node.chain.ledger.ledger import LedgerImage, tables_of
from node.chain.model.schedule import ProducerKey
from node.chain.model.transaction import TransactionHeader
from node.chain.snapshot import Snapshot
from node.config import ConfigError
from node.storage import startup
from tests.unit.node_bitshares.world import bitshares_genesis, bitshares_profile, full, skipping
from tests.unit.node_chain.builders import make_chain, public_key, secret


def test_the_state_comes_back_from_a_snapshot() -> None:
    profile = bitshares_profile(5)
    tables = {table.name: {} for table in tables_of(profile.transaction_rules)}
    ledger = LedgerImage(tables=tables, digest=bytes(32))
    for state in (profile.genesis_state, skipping(full(profile.genesis_state, 9), [3, 130, 0])):
        later = Snapshot.later(state, lambda: ledger)
        data = snapshot.encode(later, chain_id=profile.chain_id)
        assert snapshot.decode(data, profile).state == state


def test_nobody_can_propose_a_schedule() -> None:
    chain = make_chain(bitshares_genesis(4))
    proposal = SetProducers(producers=(ProducerKey("producera", public_key(secret("a"))),))
    body = EosioTransactions().pack(TransactionHeader(0, 0, 0), (proposal,))
    with pytest.raises(DecodeError):
        chain.codec.transactions.read(body)


@pytest.mark.parametrize(
    ("options", "key"),
    [({"faithful_window": True}, "faithful_window"), ({"undo_limit": 0}, "undo")],
)
def test_a_real_node_refuses_a_genesis_it_cannot_run(
    tmp_path: Path, options: dict[str, int], key: str
) -> None:
    path = tmp_path / "genesis.json"
    path.write_bytes(genesis_file.encode(bitshares_genesis(4, **options)))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=key):
        startup.load_genesis(path)
