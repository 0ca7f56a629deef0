"""What both systems share: snapshots, transactions that one of them does not know, light nodes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from node.chain import genesis as genesis_file
from node.chain import snapshot
from node.chain.ledger.ledger import LedgerImage
from node.chain.model.schedule import ProducerKey
from node.chain.model.transaction import reference, sign_content
from node.chain.model.transaction_body import SYSTEM_ACCOUNT, SetProducers
from node.chain.snapshot import Snapshot
from node.config import ConfigError
from node.events import Tx
from node.storage import startup
from tests.unit.node_bitshares.world import (
    START_SLOT,
    bitshares_genesis,
    bitshares_profile,
    full,
    skipping,
)
from tests.unit.node_chain.builders import (
    GenesisAccount,
    make_chain,
    of_kind,
    public_key,
    secret,
    submit,
)


def test_the_state_comes_back_from_a_snapshot() -> None:
    profile = bitshares_profile(5)
    ledger = LedgerImage(
        balances={}, seen={}, ring=[], proposal=None, opening=None, digest=bytes(32)
    )
    for state in (profile.genesis_state, skipping(full(profile.genesis_state, 9), [3, 130, 0])):
        data = snapshot.encode(Snapshot(state, ledger), chain_id=profile.chain_id)
        assert snapshot.decode(data, profile).state == state


def test_nobody_can_propose_a_schedule() -> None:
    plain = bitshares_genesis(4)
    key = public_key(secret("system"))
    system = GenesisAccount(name=SYSTEM_ACCOUNT, key=key.hex(), balance=0)
    genesis = msgspec.structs.replace(plain, accounts=[*plain.accounts, system])
    chain = make_chain(genesis)
    num, prefix = reference(chain.head.id, 4)
    content = SetProducers(
        expiration_s=chain.slot_clock.time_ns(START_SLOT) // 10**9 + 60,
        ref_block_num=num,
        ref_block_prefix=prefix,
        producers=(ProducerKey("producera", key),),
    )
    transaction = sign_content(content, chain_id=chain.chain_id, key=secret("system"))
    (record,) = of_kind(submit(chain, transaction, slot=START_SLOT), Tx)
    assert record.state == "rejected"


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
