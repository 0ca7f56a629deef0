"""Account and producer names: up to 12 of `.12345a-z`, packed base 32 into a u64."""

from functools import lru_cache

ALPHABET = ".12345abcdefghijklmnopqrstuvwxyz"
MAX_LENGTH = 13
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}


@lru_cache(maxsize=4096)
def name_to_u64(name: str) -> int:
    """Return the number a name is packed as; characters 1-12 take 5 bits each, a 13th takes 4.

    Raises:
        ValueError: a character or length that names cannot have, or a trailing dot.
    """
    if len(name) > MAX_LENGTH or name.endswith("."):
        raise ValueError(f"not a name: {name!r}")
    number = 0
    for position, letter in enumerate(name):
        value = _VALUES.get(letter)
        if value is None or (position == 12 and value > 15):
            raise ValueError(f"not a name: {name!r} (allowed: a-z, 1-5, dot)")
        number |= value << (59 - 5 * position) if position < 12 else value
    return number


@lru_cache(maxsize=4096)
def packed_name(name: str) -> bytes:
    """Return a name as it is packed.

    Raises:
        ValueError: it is none.
    """
    return name_to_u64(name).to_bytes(8, "little")


@lru_cache(maxsize=4096)
def u64_to_name(number: int) -> str:
    """Return the name packed as number; the inverse of name_to_u64 for every u64."""
    letters = [ALPHABET[number >> (59 - 5 * position) & 31] for position in range(12)]
    letters.append(ALPHABET[number & 15])
    return "".join(letters).rstrip(".")
