"""Reads public keys and signatures as people see them: base 58, or graphene's hex."""

from harness.inspect.fields import InspectError, brief, from_hex
from node.chain.encoding.crypto import KEY_BYTES, SIGNATURE_BYTES
from node.chain.encoding.pack import DecodeError
from node.chain.encoding.text import K1_SALT, SIGNATURE_PREFIX, read_base58

LEGACY_PREFIXES = ("EOS", "FIO", "BTS")


def parse_public_key(text: str) -> bytes:
    """Return the 33 bytes of a public key printed as EOS…, FIO…, BTS… or PUB_K1_….

    Raises:
        InspectError: another form, or the checksum does not match.
    """
    if text.startswith("PUB_K1_"):
        return _checked(text, text.removeprefix("PUB_K1_"), K1_SALT, KEY_BYTES, "key")
    if text.startswith(LEGACY_PREFIXES):
        return _checked(text, text[3:], b"", KEY_BYTES, "key")
    raise InspectError(f"key: {brief(text)} is not EOS…, FIO…, BTS… or PUB_K1_…")


def parse_signature(text: str, field: str) -> bytes:
    """Return the 65 bytes of a signature printed as SIG_K1_… or in hexadecimal.

    Raises:
        InspectError: another form, or the checksum does not match; field is what it names.
    """
    if text.startswith(SIGNATURE_PREFIX):
        letters = text.removeprefix(SIGNATURE_PREFIX)
        return _checked(text, letters, K1_SALT, SIGNATURE_BYTES, field)
    if text.startswith("SIG_"):
        raise InspectError(f"{field}: only SIG_K1_ signatures are known, not {text[:7]!r}")
    found = from_hex(text, field)
    if len(found) != SIGNATURE_BYTES:
        raise InspectError(f"{field}: {SIGNATURE_BYTES} bytes are needed, got {len(found)}")
    return found


def _checked(text: str, letters: str, salt: bytes, size: int, field: str) -> bytes:
    try:
        return read_base58(letters, salt, size)
    except DecodeError as error:
        raise InspectError(f"{field}: {brief(text)} {error}") from error
