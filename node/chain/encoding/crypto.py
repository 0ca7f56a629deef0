"""secp256k1: recoverable signatures in upstream's layout, and a cache that checks each once."""

from collections import OrderedDict
from collections.abc import Callable, Sequence

from coincurve import PrivateKey as PrivateKey  # The shell's only way to the type.
from coincurve import PublicKey
from coincurve._libsecp256k1 import ffi, lib
from coincurve.context import GLOBAL_CONTEXT
from coincurve.flags import EC_COMPRESSED

SIGNATURE_BYTES = 65
KEY_BYTES = 33
KEY_TYPE_K1 = b"\x00"
DIGEST_BYTES = 32
_RECOVERY_BASE = 31
"""27 plus 4 for a compressed key; the first byte of a signature is this plus the recovery id."""
_SIGNATURE = ffi.typeof("secp256k1_ecdsa_recoverable_signature *")
_KEY, _PACKED_KEY = ffi.typeof("secp256k1_pubkey *"), ffi.typeof(f"unsigned char[{KEY_BYTES}]")
_SIZE, _RECOVERY_ID = ffi.typeof("size_t *"), ffi.typeof("int *")
_COMPACT = ffi.typeof(f"unsigned char[{SIGNATURE_BYTES - 1}]")


Signers = tuple[bytes | None, ...]


def sign(key: PrivateKey, digest: bytes) -> bytes:
    """Return the signature of a 32-byte digest: 1 byte recovery id + 31, then r and s."""
    # As PrivateKey.sign_recoverable does it, without what it makes besides.
    context, made = GLOBAL_CONTEXT.ctx, ffi.new(_SIGNATURE)
    if len(digest) != DIGEST_BYTES or not lib.secp256k1_ecdsa_sign_recoverable(
        context, made, digest, key.secret, ffi.NULL, ffi.NULL
    ):
        raise ValueError("no digest, or no secret of a key")
    packed, recovery_id = ffi.new(_COMPACT), ffi.new(_RECOVERY_ID)
    lib.secp256k1_ecdsa_recoverable_signature_serialize_compact(context, packed, recovery_id, made)
    return bytes((_RECOVERY_BASE + recovery_id[0],)) + bytes(ffi.buffer(packed))


def recover(digest: bytes, signature: bytes) -> bytes | None:
    """Return the compressed key that signed digest, None when no key could have."""
    if len(signature) != SIGNATURE_BYTES or len(digest) != DIGEST_BYTES:
        return None
    recovery_id = signature[0] - _RECOVERY_BASE
    if not 0 <= recovery_id <= 3:
        return None
    # As PublicKey.from_signature_and_message and format do it, without what they make besides:
    # this is most of what a node does.
    context, parsed, key = GLOBAL_CONTEXT.ctx, ffi.new(_SIGNATURE), ffi.new(_KEY)
    if not lib.secp256k1_ecdsa_recoverable_signature_parse_compact(
        context, parsed, signature[1:], recovery_id
    ) or not lib.secp256k1_ecdsa_recover(context, key, parsed, digest):
        return None
    packed, size = ffi.new(_PACKED_KEY), ffi.new(_SIZE, KEY_BYTES)
    lib.secp256k1_ec_pubkey_serialize(context, packed, size, key, EC_COMPRESSED)
    return bytes(ffi.buffer(packed))


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
    """Answers who signed, and remembers it of transactions: one costs one recovery a node.

    A cache and nothing else: whether it is full, empty or shared between chains changes no answer.
    """

    __slots__ = ("_capacity", "_known")

    def __init__(self, *, capacity: int = 32_768) -> None:
        self._capacity = capacity
        self._known: OrderedDict[tuple[bytes, bytes], Signers] = OrderedDict()

    def signer(self, digest: bytes, signature: bytes) -> bytes | None:
        """Return the compressed key that signed digest, None when the signature is worthless.

        It is not remembered: who asks it so, of a block, asks once.
        """
        return recover(digest, signature)

    def signers(
        self, what: tuple[bytes, bytes], digest: Callable[[], bytes], signatures: Sequence[bytes]
    ) -> Signers:
        """Return who made each signature: the compressed key, None where that is worthless.

        what: all that the digest and the signatures are of, so that neither need be known again.
        """
        signers = self._known.get(what)
        if signers is None:
            of = digest()
            signers = tuple([recover(of, signature) for signature in signatures])
            self._known[what] = signers
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        return signers
