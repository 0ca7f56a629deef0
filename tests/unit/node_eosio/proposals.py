"""Proposals of producers, signed by the system account."""

from __future__ import annotations

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key
from node.chain.eosio.contracts.set_producers import SetProducers
from node.chain.model.schedule import ProducerKey
from node.chain.model.transaction import Transaction
from tests.unit.node_chain.builders import secret, signed


def set_producers(
    chain: Chain, *names: str, signer: str = "eosio", lives_s: int = 60
) -> Transaction:
    """Return a proposal of names, alphabetical or not, that refers to the chain's head."""
    producers = tuple(ProducerKey(name, public_key(secret(name))) for name in names)
    return signed(chain, SetProducers(producers=producers), signers=(signer,), lives_s=lives_s)
