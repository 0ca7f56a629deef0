"""Operations that a campaign's timeline may ask for, as its consensus system declares them.

There is no list of them here: words and fields are those of the system's operations. Who the
accounts are is the plan's to know.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from pydantic import BaseModel, ConfigDict

from harness.campaign.values import Offset
from harness.errors import nearest
from node.chain import profiles
from node.chain.encoding.written import WrittenError, by_word, form_of, read, words_of
from node.chain.model.operation import Operation

ANY_KEY = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
"""A public key, for what is never signed."""


class ActSpec(BaseModel):
    """An operation that an account asks for; its other keys are the operation's fields."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    at: Offset
    """When its host's client hands it to the node, from T0."""
    act: str
    """Which operation, by its word."""
    by: str
    """The account whose authority it takes."""
    on: str | None = None
    """The host whose client hands it in; left out, the one that has the account's key."""

    @property
    def fields(self) -> dict[str, Any]:
        """What is written of the operation itself."""
        return {key: value for key, value in (self.model_extra or {}).items() if key[:2] != "x-"}

    def operation(self, profile: str) -> Operation:
        """Return the operation, with any key for each that it names.

        Raises:
            ValueError: the profile has none such, or no node would take it; begins with the key.
        """
        known = by_word(profiles.SYSTEMS[profile].operations)
        if self.act not in known:
            raise ValueError(f"act: {self._unknown(known)}")
        form = form_of(known[self.act])
        for key in self.fields:
            if key not in form.fields:
                hint = "that is `by`" if key == form.signer else nearest(key, [*form.fields])
                raise ValueError(f"{key}: unknown key of {self.act}; {hint}")
        operation: Operation
        try:
            operation = read(
                known[self.act], self.by, self.fields, lambda _: bytes.fromhex(ANY_KEY)
            )
        except WrittenError as error:
            raise ValueError(str(error)) from error
        if (problem := operation.problem(known)) is not None:
            raise ValueError(problem)
        if (fault := operation.fault()) is not None:
            raise ValueError(f"act: {self.act} is refused by every node: {fault}; change it")
        return operation

    def accounts(self, profile: str) -> list[tuple[str, str]]:
        """Return the accounts that its fields name, each behind its key, of a known operation."""
        form = form_of(by_word(profiles.SYSTEMS[profile].operations)[self.act])
        named = [(key, self.fields.get(key)) for key in sorted(form.accounts)]
        several = [(key, value if isinstance(value, list) else [value]) for key, value in named]
        return [(key, name) for key, names in several for name in names if name is not None]

    def producers(self, profile: str) -> list[tuple[str, str]]:
        """Return who may have slots by it, each behind the key that says so, of a known operation.

        Who gives a key may, and who is named with one.
        """
        form = form_of(by_word(profiles.SYSTEMS[profile].operations)[self.act])
        own = [(key, self.by) for key in sorted(form.keys) if key in self.fields]
        listed = [(key, each) for key in sorted(form.producers) for each in self.fields[key]]
        return own + [(key, name) for key, each in listed for name in _names(each)]

    def _unknown(self, known: Mapping[str, object]) -> str:
        able = [n for n, each in profiles.SYSTEMS.items() if self.act in by_word(each.operations)]
        if able:
            return f"{self.act} is for profile {', '.join(able)}; remove it or set that"
        return f"unknown act {self.act or repr(self.act)}; known are {', '.join(sorted(known))}"


def operations() -> Iterator[tuple[str, str, list[tuple[str, str, str | None]]]]:
    """Yield each operation of each system: profile and word, what it does, and its fields.

    A field: its name, how it is written, and what it is when it is left out; None: it may not be.
    """
    for profile, system in profiles.SYSTEMS.items():
        for word, operation in by_word(system.operations).items():
            words, known = words_of(operation), msgspec.structs.fields(operation)
            fields = [
                (each.name, words[each.name], _usual(each)) for each in known if each.name in words
            ]
            yield f"{profile}.{word}", (operation.__doc__ or "").partition("\n")[0], fields


def _usual(field: msgspec.structs.FieldInfo) -> str | None:
    if field.required:
        return None
    value = () if field.default is msgspec.NODEFAULT else field.default
    if isinstance(value, bytes):
        value = value.decode()
    return "" if value in (None, "", ()) else str(value).lower()


def _names(written: str | dict[str, str]) -> list[str]:
    """Return the producers of one item of a list of them: a name, or names with whose keys."""
    return [*written] if isinstance(written, dict) else [written]
