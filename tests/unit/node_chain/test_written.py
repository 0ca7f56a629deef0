"""Operations are written by their names and fields, whatever those are."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import msgspec
import pytest

from node.chain import profiles
from node.chain.encoding.crypto import PrivateKey, public_key
from node.chain.encoding.fields import Account, Amount, Blob, Flag, Key, Number, Text
from node.chain.encoding.written import WrittenError, by_word, form_of, read
from node.chain.model.schedule import ProducerKey

KEYS = {name: public_key(PrivateKey(name.encode() * 32)) for name in "abc"}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A struct inside an operation."""

    endpoint: Text
    value: Amount = 3


class TakeAll(msgspec.Struct, frozen=True, kw_only=True):
    """An operation with a field of each kind."""

    ACTION: ClassVar = ("somewhere", "takeall")

    owner: Account = msgspec.field(name="actor")
    other: Account
    count: Number
    key: Key
    note: Blob = b""
    on: Flag = False
    names: tuple[Account, ...] = ()
    parts: tuple[Part, ...] = ()
    extensions: Annotated[None, "extensions"] = None

    @property
    def authority(self) -> str:
        """Return the owner."""
        return self.owner


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """An operation of one account alone."""

    WORD: ClassVar = "govern"

    producers: Annotated[tuple[ProducerKey, ...], "producers"]

    @property
    def authority(self) -> str:
        """Return the only one who may."""
        return "ruler"


def written(**fields: Any) -> dict[str, Any]:
    """Return what is written of the operation that takes all."""
    return {"other": "b", "count": 2, "key": "a", **fields}


def test_an_operation_is_called_by_its_word_or_by_its_name_in_small_letters() -> None:
    assert by_word((TakeAll, Rule)) == {"take_all": TakeAll, "govern": Rule}


def test_by_is_the_field_whose_authority_the_operation_takes() -> None:
    form = form_of(TakeAll)
    assert (form.signer, form.only) == ("owner", "")
    assert list(form.fields) == ["other", "count", "key", "note", "on", "names", "parts"]
    assert (form.needed, form.accounts) == ({"other", "count", "key"}, {"other", "names"})
    assert (form.keys, form.producers) == ({"key"}, frozenset())
    assert (form_of(Rule).keys, form_of(Rule).producers) == (frozenset(), {"producers"})
    assert (form_of(Rule).signer, form_of(Rule).only) == ("", "ruler")


def test_every_field_is_read_by_its_type() -> None:
    fields = written(note="hi", on=True, names=["x", "y"], parts=[{"endpoint": "e"}])
    assert read(TakeAll, "me", fields, KEYS.__getitem__) == TakeAll(
        owner="me", other="b", count=2, key=KEYS["a"], note=b"hi", on=True, names=("x", "y"),
        parts=(Part(endpoint="e", value=3),),
    )  # fmt: skip
    assert read(TakeAll, "me", written(key=KEYS["c"].hex()), KEYS.__getitem__).key == KEYS["c"]


def test_producers_are_written_by_name_or_with_whose_key_they_sign() -> None:
    rule = read(Rule, "ruler", {"producers": ["b", {"a": "c"}]}, KEYS.__getitem__)
    assert rule == Rule(producers=(ProducerKey("a", KEYS["c"]), ProducerKey("b", KEYS["b"])))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (written(count=True), "count: True is not a whole number from 0 to 4611686018427387903"),
        (written(count=-1), "count: -1 is not a whole number from 0 to 4611686018427387903"),
        (written(other=5), "other: 5 is not a text"),
        (written(on="yes"), "on: 'yes' is not true or false"),
        (written(names="x"), "names: 'x' is not a list"),
        (written(names=["x", 1]), "names[1]: 1 is not a text"),
        (written(parts=[{}]), "parts[0].endpoint: missing; add it"),
        (written(parts=[{"endpoint": "e", "vote": 1}]), "parts[0].vote: known are endpoint, value"),
        (written(parts=["e"]), "parts[0]: 'e' is not a map of endpoint, value"),
        (written(key="no name"), "key: 'no name' is no name and no public key in hex"),
        (written(extensions=None), "extensions: unknown key"),
        ({"other": "b", "count": 2}, "key: missing; add it"),
    ],
)
def test_what_is_no_such_operation_is_refused_with_its_field(
    fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(WrittenError) as caught:
        read(TakeAll, "me", fields, KEYS.__getitem__)
    assert str(caught.value) == message


@pytest.mark.parametrize("system", profiles.SYSTEMS.values(), ids=lambda system: system.name)
def test_everything_a_system_can_do_can_be_written(system: Any) -> None:
    """Whoever adds an operation adds its word, and nothing else."""
    words = by_word(system.operations)
    assert len(words) == len(system.operations) > 0
    for operation in words.values():
        form = form_of(operation)
        assert form.signer or form.only
