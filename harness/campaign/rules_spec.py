"""What a campaign may say of a system's own rules: those of the genesis, in an operator's notation.

The keys are those of the structs of rules; seconds are durations here, without the `_s` of their
names.
"""

from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from pydantic import AfterValidator, Field, create_model

from faults.model.fault import SECOND_NS
from harness.campaign.values import Offset, Strict
from node.chain.model.bitshares_rules import HARD_FORKS, BitsharesRules, VotingRules
from node.chain.model.fio_rules import FioRules

NUMBER_MAX = 1 << 62

if TYPE_CHECKING:
    HardFork = str
else:
    HardFork = Literal[tuple(HARD_FORKS.values())]
"""The name of a hard fork of BitShares that this software knows."""


def _whole_seconds(value_ns: int) -> int:
    if value_ns % SECOND_NS:
        raise ValueError("must be in whole seconds")
    return value_ns


WholeSeconds = Annotated[Offset, AfterValidator(_whole_seconds)]
"""A duration that the chain counts in its seconds."""
_TYPES: dict[Any, Any] = {
    int: Annotated[int, Field(ge=0, lt=NUMBER_MAX)],
    dict[str, int]: dict[str, Annotated[int, Field(ge=0, lt=NUMBER_MAX)]],
}


def _model(rules: type[msgspec.Struct]) -> type[Strict]:
    """Return the model of a struct of rules."""
    hints, fields = get_type_hints(rules), {}
    for field in msgspec.structs.fields(rules):
        kind = _type(hints[field.name], field.name)
        if field.required:
            fields[key_of(field.name)] = (kind, ...)
            continue
        made = field.default_factory is not msgspec.NODEFAULT
        default = field.default_factory() if made else field.default
        value = msgspec.to_builtins(default)
        seconds = field.name.endswith("_s") and value is not None
        fields[key_of(field.name)] = (kind, value * SECOND_NS if seconds else _said(kind, value))
    model: type[Strict] = create_model(  # type: ignore[call-overload]
        rules.__name__, __base__=Strict, __doc__=rules.__doc__, **fields
    )
    model.rules = rules
    return model


def _said(kind: Any, value: Any) -> Any:
    return kind() if isinstance(kind, type) and issubclass(kind, Strict) else value


def key_of(name: str) -> str:
    """Return the key of a campaign by which a field of rules is written."""
    return name.removesuffix("_s")


def _type(hint: Any, name: str) -> Any:
    if NoneType in get_args(hint):
        (known,) = (part for part in get_args(hint) if part is not NoneType)
        return _type(known, name) | None
    if name.endswith("_s"):
        return WholeSeconds
    if get_origin(hint) is list:
        return list[_type(get_args(hint)[0], name)]  # type: ignore[misc]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _model(hint)
    return _TYPES.get(hint, hint)


FioSpec = _model(FioRules)
VotingSpec = _model(VotingRules)
BITSHARES_PARTS: dict[str, type[msgspec.Struct]] = {
    name: hint
    for name, hint in get_type_hints(BitsharesRules).items()
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct)
}
"""The parts of a BitShares chain's rules, by name."""


def with_bitshares_parts(base: type[Strict], name: str) -> type[Strict]:
    """Return the model base, of that name, with a key for each part of BitsharesRules."""
    models = {key: _model(rules) for key, rules in BITSHARES_PARTS.items()}
    fields = {key: (model, model()) for key, model in models.items()}
    model: type[Strict] = create_model(name, __base__=base, __doc__=base.__doc__, **fields)  # type: ignore[call-overload]
    model.rules = BitsharesRules
    return model


def rules_of(spec: Strict, rules: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the rules of that struct as the genesis has them, by name."""
    return _named(spec.model_dump(mode="json"), rules)


def _named(said: dict[str, Any], rules: type[msgspec.Struct]) -> dict[str, Any]:
    hints, found = get_type_hints(rules), {}
    for name in rules.__struct_fields__:
        value = said[key_of(name)]
        if name.endswith("_s") and value is not None:
            value //= SECOND_NS
        elif isinstance(value, dict) and isinstance(hints[name], type):
            value = _named(value, hints[name])
        found[name] = value
    return found
