"""Proposals of producers, signed by the system account."""

from __future__ import annotations

from node.chain.chain import Chain
from node.chain.encoding.crypto import public_key
from node.chain.model.schedule import ProducerKey
from node.chain.model.transaction import Transaction, reference, sign_content
from node.chain.model.transaction_body import SetProducers
from tests.unit.node_chain.builders import secret


def set_producers(
    chain: Chain, *names: str, signer: str = "eosio", lives_s: int = 60
) -> Transaction:
    """Return a proposal of names, alphabetical or not, that refers to the chain's head."""
    ref_num, ref_prefix = reference(chain.head.id)
    content = SetProducers(
        expiration_s=chain.slot_clock.time_ns(chain.head.slot) // 10**9 + lives_s,
        ref_block_num=ref_num,
        ref_block_prefix=ref_prefix,
        producers=tuple(ProducerKey(name, public_key(secret(name))) for name in names),
    )
    return sign_content(content, chain_id=chain.chain_id, key=secret(signer))
