"""Public keys and signatures as people see them: base 58 with a checksum, or graphene's hex."""

from hashlib import new as new_hash

from harness.inspect.fields import InspectError, brief, from_hex
from node.chain.encoding.crypto import KEY_BYTES, SIGNATURE_BYTES

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CHECKSUM_BYTES = 4
LEGACY_PREFIXES = ("EOS", "FIO", "BTS")
TEXT_LENGTH_MAX = 128


def parse_public_key(text: str) -> bytes:
    """Return the 33 bytes of a public key printed as EOS…, FIO…, BTS… or PUB_K1_….

    Raises:
        InspectError: another form, or the checksum does not match.
    """
    if text.startswith("PUB_K1_"):
        return _checked(text, text.removeprefix("PUB_K1_"), b"K1", KEY_BYTES, "key")
    if text.startswith(LEGACY_PREFIXES):
        return _checked(text, text[3:], b"", KEY_BYTES, "key")
    raise InspectError(f"key: {brief(text)} is not EOS…, FIO…, BTS… or PUB_K1_…")


def print_public_key(key: bytes, prefix: str) -> str:
    """Return the key as EOS… or BTS…, whatever the prefix says."""
    return prefix + _encode(key + _ripemd160(key)[:CHECKSUM_BYTES])


def parse_signature(text: str, field: str) -> bytes:
    """Return the 65 bytes of a signature printed as SIG_K1_… or in hexadecimal.

    Raises:
        InspectError: another form, or the checksum does not match; field is what it names.
    """
    if text.startswith("SIG_K1_"):
        return _checked(text, text.removeprefix("SIG_K1_"), b"K1", SIGNATURE_BYTES, field)
    if text.startswith("SIG_"):
        raise InspectError(f"{field}: only SIG_K1_ signatures are known, not {text[:7]!r}")
    found = from_hex(text, field)
    if len(found) != SIGNATURE_BYTES:
        raise InspectError(f"{field}: {SIGNATURE_BYTES} bytes are needed, got {len(found)}")
    return found


def _checked(text: str, letters: str, salt: bytes, size: int, field: str) -> bytes:
    data = _decode(letters, field)
    if len(data) != size + CHECKSUM_BYTES:
        got = len(data) - CHECKSUM_BYTES
        raise InspectError(f"{field}: {brief(text)} has {got} bytes instead of {size}")
    found, checksum = data[:size], data[size:]
    if _ripemd160(found + salt)[:CHECKSUM_BYTES] != checksum:
        raise InspectError(f"{field}: the checksum of {brief(text)} does not match")
    return found


def _decode(letters: str, field: str) -> bytes:
    if len(letters) > TEXT_LENGTH_MAX:
        raise InspectError(f"{field}: {len(letters)} letters are too many")
    number = 0
    for letter in letters:
        value = BASE58.find(letter)
        if value < 0:
            raise InspectError(f"{field}: {brief(letter)} is not a base-58 letter")
        number = number * 58 + value
    zeros = len(letters) - len(letters.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _encode(data: bytes) -> str:
    number, letters = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        letters = BASE58[digit] + letters
    return "1" * (len(data) - len(data.lstrip(b"\x00"))) + letters


def _ripemd160(data: bytes) -> bytes:
    try:
        return new_hash("ripemd160", data).digest()
    except ValueError as error:
        raise InspectError(
            "key: this Python's OpenSSL lacks ripemd160, so the checksum of a key cannot be checked"
        ) from error
