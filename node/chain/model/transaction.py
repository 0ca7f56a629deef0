"""Signed transactions: what is signed, what is identified, what they refer to."""

from dataclasses import dataclass, field
from hashlib import sha256

from coincurve import PrivateKey

from node.chain.encoding.crypto import sign
from node.chain.encoding.pack import pack_varuint
from node.chain.model.transaction_body import Content, pack_body

NO_CONTEXT_FREE_DATA = bytes(32)


@dataclass(frozen=True, slots=True)
class Transaction:
    """What it says, the packed body and the signature. The id covers the body only."""

    content: Content
    body: bytes
    signature: bytes
    id: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "id", sha256(self.body).digest())

    def signing_digest(self, chain_id: bytes) -> bytes:
        """Return what the actor signs: chain, body, and the empty context-free data."""
        return sha256(chain_id + self.body + NO_CONTEXT_FREE_DATA).digest()

    @property
    def size_bytes(self) -> int:
        """Return the size on the wire."""
        return len(pack_varuint(len(self.body))) + len(self.body) + 66


def sign_content(content: Content, *, chain_id: bytes, key: PrivateKey) -> Transaction:
    """Return content as a transaction signed with key for the chain chain_id."""
    body = pack_body(content)
    digest = sha256(chain_id + body + NO_CONTEXT_FREE_DATA).digest()
    return Transaction(content, body, sign(key, digest))


def reference(block_id: bytes, prefix_at: int = 8) -> tuple[int, int]:
    """Return (ref_block_num, ref_block_prefix) for a transaction that refers to that block.

    The prefix is the 4 bytes of the id from prefix_at on, which is the profile's.
    """
    num = int.from_bytes(block_id[:4], "big")
    return num & 0xFFFF, int.from_bytes(block_id[prefix_at : prefix_at + 4], "little")
