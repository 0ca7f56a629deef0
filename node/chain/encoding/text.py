"""Times, keys and signatures as public APIs print them: ISO times, base 58 with a checksum."""

from hashlib import new as new_hash

from node.chain.encoding.pack import DecodeError

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
CHECKSUM_BYTES = 4
SIGNATURE_PREFIX = "SIG_K1_"
K1_SALT = b"K1"
"""Goes into the checksums of keys and signatures that name their curve."""
_LETTERS_MAX = 128
_NS_PER_S = 1_000_000_000
_DAY_S = 86_400
_ERA_DAYS = 146_097
"""Days of 400 years, after which the calendar repeats."""
_ERA_BEGAN = 719_468
"""Days from 0000-03-01 to 1970-01-01: years that begin in March have their leap day last."""


def time_text(wall_ns: int) -> str:
    """Return the UTC time of ns since 1970 as EOSIO's APIs print it: 2018-06-08T08:08:08.500."""
    return f"{second_text(wall_ns // _NS_PER_S)}.{wall_ns % _NS_PER_S // 1_000_000:03}"


def second_text(unix_s: int) -> str:
    """Return the UTC time of seconds since 1970 as graphene's APIs print it, in any year."""
    days, second = divmod(unix_s, _DAY_S)
    era, day = divmod(days + _ERA_BEGAN, _ERA_DAYS)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5 - 1
    year += 400 * era + (month >= 10)
    date = f"{year:04}-{month - 9 if month >= 10 else month + 3:02}-{day:02}"
    return f"{date}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def key_text(key: bytes, prefix: str) -> str:
    """Return a public key as EOS… or BTS…, whatever the prefix says; in hex without ripemd160."""
    checksum = _checksum(key)
    return key.hex() if checksum is None else prefix + _encode(key + checksum)


def signature_text(signature: bytes) -> str:
    """Return a signature as SIG_K1_…; in hex without ripemd160."""
    checksum = _checksum(signature + K1_SALT)
    return signature.hex() if checksum is None else SIGNATURE_PREFIX + _encode(signature + checksum)


def read_base58(letters: str, salt: bytes, size: int) -> bytes:
    """Return the size bytes that letters say before their checksum.

    Raises:
        DecodeError: another length, a letter that is none, a checksum that does not match or that
            this machine cannot make.
    """
    data = _decode(letters)
    if len(data) != size + CHECKSUM_BYTES:
        raise DecodeError(f"has {len(data) - CHECKSUM_BYTES} bytes instead of {size}")
    checksum = _checksum(data[:size] + salt)
    if checksum is None:
        raise DecodeError("cannot be checked: this Python's OpenSSL lacks ripemd160")
    if checksum != data[size:]:
        raise DecodeError("has a checksum that does not match")
    return data[:size]


def _checksum(data: bytes) -> bytes | None:
    """The checksum of data, None where OpenSSL was built without ripemd160."""
    try:
        return new_hash("ripemd160", data).digest()[:CHECKSUM_BYTES]
    except ValueError:
        return None


def _decode(letters: str) -> bytes:
    if len(letters) > _LETTERS_MAX:
        raise DecodeError(f"has {len(letters)} letters, which are too many")
    number = 0
    for letter in letters:
        value = BASE58.find(letter)
        if value < 0:
            raise DecodeError(f"has {letter!r}, which is not a base-58 letter")
        number = number * 58 + value
    zeros = len(letters) - len(letters.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _encode(data: bytes) -> str:
    number, letters = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        letters = BASE58[digit] + letters
    return "1" * (len(data) - len(data.lstrip(b"\x00"))) + letters
