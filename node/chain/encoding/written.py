"""Operations as people write them: a word, and fields by name, each by its type and kind.

Nobody lists them: the word is the operation's WORD, or its name where it has none, and what may be
written are its fields. The one that holds the account whose authority it needs is left to `by`.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from node.chain.encoding.crypto import is_public_key
from node.chain.encoding.fields import MAX_BLOB_BYTES, MAX_LIST, Account

KeyOf = Callable[[str], bytes]
"""The public key of a name."""
NUMBER_MAX = (1 << 62) - 1
PRODUCERS = "producers"
"""The kind of a field that names producers, each with a key."""
_NAME = re.compile(r"[a-z1-5.]{1,13}")
_CAPITAL = re.compile(r"(?<=.)(?=[A-Z])")


class WrittenError(ValueError):
    """What is written is no such operation; key is the field that is wrong."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key, self.problem = key, problem


Reader = Callable[[Any, str, KeyOf], Any]
"""Returns what a written value says; the key it stands under is for messages."""


@dataclass(frozen=True, slots=True)
class OperationForm:
    """What may be written of an operation.

    fields: by name; needed: those that must be there; accounts: those that name accounts, one or
    several; keys: those that give the signer a key for its blocks; producers: those that name
    producers with theirs; signer: the field that `by` gives, "" where the operation is one
    account's alone, which is `only` then.
    """

    fields: Mapping[str, Reader]
    needed: frozenset[str]
    accounts: frozenset[str]
    keys: frozenset[str]
    producers: frozenset[str]
    signer: str
    only: str


def by_word(operations: Iterable[type[Any]]) -> dict[str, type[Any]]:
    """Return operations by their words."""
    return {word_of(each): each for each in operations}


def word_of(operation: type[Any]) -> str:
    """Return an operation's word; without one of its own, SetProducers is set_producers."""
    word: str = getattr(operation, "WORD", "")
    return word or _CAPITAL.sub("_", operation.__name__).lower()


def form_of(operation: type[Any]) -> OperationForm:
    """Return what may be written of an operation, a msgspec Struct."""
    hints = get_type_hints(operation, include_extras=True)
    known = msgspec.structs.fields(operation)
    # Whose authority it takes, the operation itself says, from the field that holds it.
    authority: str = operation(**{field.name: field.name for field in known}).authority
    signer = authority if authority in hints else ""
    fields = {
        field.name: _reader(hints[field.name])
        for field in known
        if field.name != signer and _base(hints[field.name]) is not type(None)
    }
    needed = frozenset(field.name for field in known if field.required and field.name in fields)
    named = frozenset(name for name in fields if hints[name] in (Account, tuple[Account, ...]))
    keys = frozenset(name for name in fields if _kind(hints[name]) == "key")
    producers = frozenset(name for name in fields if _kind(hints[name]) == PRODUCERS)
    only = "" if signer else authority
    return OperationForm(fields, needed, named, keys, producers, signer, only)


def read(operation: type[Any], by: str, fields: Mapping[str, Any], key_of: KeyOf) -> Any:
    """Return the operation that by asks for with those fields.

    Raises:
        WrittenError: it is another account's, or a field is missing, not its own or of no use.
    """
    form = form_of(operation)
    if form.only and by != form.only:
        raise WrittenError("by", f"only {form.only} may, not {by}; write {form.only}")
    for key in (*sorted(form.needed - fields.keys()), *(fields.keys() - form.fields.keys())):
        raise WrittenError(key, "missing; add it" if key in form.needed else "unknown key")
    values = {key: form.fields[key](value, key, key_of) for key, value in fields.items()}
    return operation(**values, **({form.signer: by} if form.signer else {}))


def words_of(operation: type[Any]) -> dict[str, str]:
    """Return how each field of an operation is written, in words, the signer's aside."""
    hints = get_type_hints(operation, include_extras=True)
    return {name: _words(hints[name]) for name in form_of(operation).fields}


def _words(hint: Any) -> str:
    """Return how a value of a type is written, in words."""
    kind, base = _kind(hint), _base(hint)
    if kind == PRODUCERS:
        return "a list of producers: names, or {name: whose key}"
    if kind == "key":
        return "a name, whose key it is, or a key in hex"
    if hint == Account:
        return "an account"
    if NoneType in get_args(base):
        (base,) = (part for part in get_args(base) if part is not NoneType)
    if base in _TYPES:
        return {str: "a text", bytes: "a text", int: "a whole number", bool: "true or false"}[base]
    if get_origin(base) is tuple:
        return f"a list: {_words(get_args(base)[0])}"
    return f"a map of {', '.join(base.__struct_fields__)}"


def _reader(hint: Any) -> Reader:
    """Return how a value of a type is read."""
    kind, base = _kind(hint), _base(hint)
    if kind == PRODUCERS:
        return _producers(get_args(base)[0])
    if kind in _KINDS:
        return _KINDS[kind]
    if NoneType in get_args(base):
        (base,) = (part for part in get_args(base) if part is not NoneType)
    if base in _TYPES:
        return _TYPES[base]
    if get_origin(base) is tuple:
        return _several(_reader(get_args(base)[0]))
    return _parts(base)


def _kind(hint: Any) -> str:
    return get_args(hint)[1] if get_origin(hint) is Annotated else ""


def _base(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _producers(producer_key: type[Any]) -> Reader:
    """Return how producers with their keys are read: by name, or as {name: whose key}."""

    def read_producers(value: Any, key: str, key_of: KeyOf) -> tuple[Any, ...]:
        if not isinstance(value, list) or not value:
            raise WrittenError(key, f"{value!r} is not a list of producers")
        keys: dict[str, bytes] = {}
        for i, each in enumerate(value):
            pairs = each.items() if isinstance(each, dict) else ((each, each),)
            for name, owner in pairs:
                if _read_text(name, f"{key}[{i}]", key_of) in keys:
                    raise WrittenError(key, f"{name} is there twice; name each once")
                keys[name] = _read_key(owner, f"{key}[{i}]", key_of)
        return tuple(producer_key(name, keys[name]) for name in sorted(keys))

    return read_producers


def _several(item: Reader) -> Reader:
    def read_list(value: Any, key: str, key_of: KeyOf) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise WrittenError(key, f"{value!r} is not a list")
        if len(value) > MAX_LIST:
            raise WrittenError(key, f"{len(value)} items; write at most {MAX_LIST}")
        return tuple(item(each, f"{key}[{i}]", key_of) for i, each in enumerate(value))

    return read_list


def _parts(struct: type[Any]) -> Reader:
    hints = get_type_hints(struct, include_extras=True)
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    parts = {name: _reader(hints[name]) for name in fields}
    needed = [name for name, field in fields.items() if field.required]

    def read_map(value: Any, key: str, key_of: KeyOf) -> Any:
        if not isinstance(value, dict):
            raise WrittenError(key, f"{value!r} is not a map of {', '.join(parts)}")
        for name in (*(n for n in needed if n not in value), *(n for n in value if n not in parts)):
            problem = "missing; add it" if name in parts else f"known are {', '.join(parts)}"
            raise WrittenError(f"{key}.{name}", problem)
        return struct(**{n: parts[n](v, f"{key}.{n}", key_of) for n, v in value.items()})

    return read_map


def _read_text(value: Any, key: str, _: KeyOf) -> str:
    if not isinstance(value, str):
        raise WrittenError(key, f"{value!r} is not a text")
    _utf8(value, key)
    return value


def _read_bytes(value: Any, key: str, key_of: KeyOf) -> bytes:
    return _read_text(value, key, key_of).encode()


def _utf8(text: str, key: str) -> None:
    """Check that a text has bytes, and not more than a node reads."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise WrittenError(key, f"{text[error.start]!r} is no character; remove it") from error
    if size > MAX_BLOB_BYTES:
        raise WrittenError(key, f"{size} bytes; write at most {MAX_BLOB_BYTES}")


def _read_number(value: Any, key: str, _: KeyOf) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= NUMBER_MAX:
        raise WrittenError(key, f"{value!r} is not a whole number from 0 to {NUMBER_MAX}")
    return value


def _read_flag(value: Any, key: str, _: KeyOf) -> bool:
    if not isinstance(value, bool):
        raise WrittenError(key, f"{value!r} is not true or false")
    return value


def _read_key(value: Any, key: str, key_of: KeyOf) -> bytes:
    """Return a public key: that of a name, or the one that is written in hex."""
    text = _read_text(value, key, key_of)
    try:
        written = bytes.fromhex(text)
    except ValueError:
        written = b""
    if is_public_key(written):
        return written
    if not _NAME.fullmatch(text):
        raise WrittenError(key, f"{text!r} is no name and no public key in hex")
    return key_of(text)


_KINDS: Mapping[str, Reader] = {"key": _read_key}
"""Kinds that are written otherwise than values of their type."""
_TYPES: Mapping[Any, Reader] = {
    str: _read_text,
    bytes: _read_bytes,
    int: _read_number,
    bool: _read_flag,
}
