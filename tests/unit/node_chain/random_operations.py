"""Operations of any registered kind, with values by the types of their fields."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from node.chain.encoding.crypto import public_key
from node.chain.model.operation import Operation
from node.chain.model.schedule import ProducerKey
from tests.unit.node_chain.builders import secret

USERS = ("usera", "userb", "userc", "userd")


def made(kind: Any, rng: random.Random) -> Operation:
    """Return an operation of a kind with values that its fields can hold."""
    hints = get_type_hints(kind, include_extras=True)
    values = {name: _value(hints[name], rng) for name in kind.__struct_fields__}
    operation: Operation = kind(**values)
    return operation


def _value(hint: Any, rng: random.Random) -> Any:
    word = get_args(hint)[1] if get_origin(hint) is Annotated else ""
    plain = get_args(hint)[0] if word else hint
    match word or plain:
        case "account":
            return rng.choice(USERS)
        case "u16" | "u24":
            return rng.choice((0, 1, rng.getrandbits(int(word[1:]))))
        case "key":
            return public_key(secret(rng.choice(USERS)))
        case "producers":
            some = sorted(rng.sample(USERS, rng.randint(0, 4)))
            return tuple(ProducerKey(name, public_key(secret(name))) for name in some)
    if NoneType in get_args(plain):
        return rng.choice((None, _value(get_args(plain)[0], rng)))
    if get_origin(plain) is tuple:
        return tuple(_value(get_args(plain)[0], rng) for _ in range(rng.randint(0, 3)))
    if hasattr(plain, "__struct_fields__"):
        return made(plain, rng)
    simple: dict[Any, Callable[[], Any]] = {
        bool: lambda: rng.random() < 0.5,
        int: lambda: rng.choice((0, 1, rng.getrandbits(8), rng.getrandbits(61))),
        bytes: lambda: rng.randbytes(rng.choice((0, 1, 5, 300))),
        str: lambda: "ab" * rng.choice((0, 1, 70)),
    }
    return simple[plain]() if plain in simple else None
