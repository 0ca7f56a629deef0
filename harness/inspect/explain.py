"""From a printed header or block to what its bytes say, under either consensus system."""

from collections.abc import Callable, Mapping, Sequence

from harness.inspect import bitshares, eosio, eosio_block
from harness.inspect.fields import InspectError, brief, unwrap

Explain = Callable[[Mapping[str, object]], dict[str, object]]
_HEADER: dict[str, Explain] = {"eosio": eosio.header, "bitshares": bitshares.header}
_BLOCK: dict[str, Explain] = {"eosio": eosio_block.block, "bitshares": bitshares.block}
PROFILES = tuple(_HEADER)


def inspect_header(printed: object, profile: str) -> dict[str, object]:
    """Return id, block_num, ref_block_prefix, header_digest, packed (hex) and more of a header.

    printed: the header as public APIs print it, also inside a whole reply; fields that do not
    enter the id are ignored, but for an id that is printed: `id_matches` says whether it is right.

    Raises:
        InspectError: unknown profile, or a field is missing or malformed.
    """
    check_profile(profile)
    fields = unwrap(printed, "header")
    found = _HEADER[profile](fields)
    return {**found, "id_matches": _matches(fields, str(found["id"]))}


def inspect_block(printed: object, profile: str) -> dict[str, object]:
    """Return what inspect_header does, the transactions, and whether their root is the header's.

    Raises:
        InspectError: unknown profile, or a field is missing or malformed.
    """
    found = inspect_header(printed, profile)
    return {**found, **_BLOCK[profile](unwrap(printed, "block"))}


def check_profile(profile: str, known: Sequence[str] = PROFILES) -> None:
    """Check that the profile is one of the known ones.

    Raises:
        InspectError: it is not.
    """
    if profile not in known:
        raise InspectError(f"profile: {brief(profile)} is unknown; known: {', '.join(known)}")


def _matches(fields: Mapping[str, object], block_id: str) -> bool | None:
    """Whether the printed id is the one found; None where no id is printed."""
    for key in ("id", "block_id"):
        value = fields.get(key)
        if isinstance(value, str) and len(value) == len(block_id):
            return value.lower() == block_id
    return None
