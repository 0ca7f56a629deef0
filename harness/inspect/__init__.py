"""Explains chain data offline: headers and blocks as public APIs print them, turns, finality."""

from harness.inspect.eosio import parse_header
from harness.inspect.explain import PROFILES, inspect_block, inspect_header
from harness.inspect.fields import InspectError
from harness.inspect.keys import parse_public_key

__all__ = [
    "PROFILES",
    "InspectError",
    "inspect_block",
    "inspect_header",
    "parse_header",
    "parse_public_key",
]
