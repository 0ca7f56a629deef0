"""What a producer brings to its header that no other node knows."""

from dataclasses import dataclass

from node.chain.encoding.crypto import PrivateKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who signs a block, for what its header may say of the signer's own accord.

    key: the one that signs, from which secrets may follow.
    """

    key: PrivateKey
