"""secp256k1: recoverable signatures in upstream's layout, and a cache that checks each once."""

from collections import OrderedDict
from functools import lru_cache
from hashlib import sha256

from coincurve import PrivateKey as PrivateKey  # The shell's only way to the type.
from coincurve import PublicKey

SIGNATURE_BYTES = 65
KEY_BYTES = 33
KEY_TYPE_K1 = b"\x00"
DIGESTS_KEPT, KEPT_BODY_BYTES_MAX = 8192, 1024
"""So many digests are kept, of bodies that are no longer: a few MB at most."""
_RECOVERY_BASE = 31
"""27 plus 4 for a compressed key; the first byte of a signature is this plus the recovery id."""


def sign(key: PrivateKey, digest: bytes) -> bytes:
    """Return the signature of a 32-byte digest: 1 byte recovery id + 31, then r and s."""
    raw: bytes = key.sign_recoverable(digest, hasher=None)
    return bytes((raw[64] + _RECOVERY_BASE,)) + raw[:64]


def signing_digest(chain_id: bytes, body: bytes, end: bytes = b"") -> bytes:
    """Return what is signed of a transaction; end: what a system puts behind the body."""
    if len(body) > KEPT_BODY_BYTES_MAX:
        return sha256(chain_id + body + end).digest()
    return _kept_digest(chain_id, body, end)


@lru_cache(maxsize=DIGESTS_KEPT)
def _kept_digest(chain_id: bytes, body: bytes, end: bytes) -> bytes:
    # Asked for when a transaction comes, and again when it is in a block, thousands later.
    return sha256(chain_id + body + end).digest()


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """Return the compressed key that signed digest, None when no key could have."""
    if len(signature) != SIGNATURE_BYTES:
        return None
    recovery_id = signature[0] - _RECOVERY_BASE
    if not 0 <= recovery_id <= 3:
        return None
    try:
        key = PublicKey.from_signature_and_message(
            signature[1:] + bytes((recovery_id,)), digest, hasher=None
        )
    except ValueError:
        return None
    packed: bytes = key.format()
    return packed


def public_key(key: PrivateKey) -> bytes:
    """Return the compressed public key of a secret."""
    packed: bytes = key.public_key.format()
    return packed


def is_public_key(data: bytes) -> bool:
    """Return whether data is a point on the curve in compressed form."""
    if len(data) != KEY_BYTES:
        return False
    try:
        PublicKey(data)
    except ValueError:
        return False
    return True


def pack_key(key: bytes) -> bytes:
    """Return a key as upstream packs it: a type byte and 33 bytes."""
    return KEY_TYPE_K1 + key


def pack_signature(signature: bytes) -> bytes:
    """Return a signature as upstream packs it: a type byte and 65 bytes."""
    return KEY_TYPE_K1 + signature


class Verifier:
    """Answers who signed a digest and remembers it: a transaction costs one recovery a node.

    A cache and nothing else: whether it is full, empty or shared between chains changes no answer.
    """

    __slots__ = ("_capacity", "_known")

    def __init__(self, *, capacity: int = 65_536) -> None:
        self._capacity = capacity
        self._known: OrderedDict[bytes, bytes | None] = OrderedDict()

    def signer(self, digest: bytes, signature: bytes) -> bytes | None:
        """Return the compressed key that signed digest, None when the signature is worthless."""
        index = digest + signature
        if index in self._known:
            return self._known[index]
        key = recover(digest, signature)
        self._known[index] = key
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return key
