"""The faults a campaign's timeline may name, as pydantic models; whom they hit is not drawn yet.

There is one model a kind, made of the kind's row in faults.model.kind: only shape and units are
checked here.
"""

from functools import reduce
from operator import or_
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, GetPydanticSchema, create_model, model_validator

from faults.model.columns import Key, Kind
from faults.model.kind import KINDS
from harness.campaign.values import (
    BitRate,
    Duration,
    Length,
    Offset,
    Part,
    Ppb,
    SignedDuration,
    Size,
    Strict,
)
from harness.inventory.names import SELECTOR_WORDS
from harness.notation.trace_file import Trace, TraceFile

Selector = str | list[str]
SELECTORS = SELECTOR_WORDS | {
    "n3": "A host, a group of the inventory, or a zone, by its name.",
    "25%": "Hosts with at most that share of all producers, drawn, but one at least; 0%: nobody.",
    "same(ID)": "The hosts that an earlier fault hits.",
    "[n1, one]": "Several of these together; []: nobody.",
}
"""How a campaign says which hosts are meant; see harness.plan.selectors."""
NOBODY: tuple[Selector, ...] = ("0%", [])
"""Selectors that choose no host."""
FaultId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]

_WRITTEN: dict[Any, Any] = {
    "duration": Duration,
    "offset": Length,
    "signed duration": SignedDuration,
    "share": Part,
    "ppm": Ppb,
    "slots": Annotated[int, Field(ge=0)],
    "size": Size,
    "count": Annotated[int, Field(ge=1, le=1_000)],
    "bit rate": BitRate,
    "names": list[str],
    "trace": TraceFile,
}
_WHOM: dict[str, dict[str, tuple[Any, Any]]] = {
    "hosts": {"on": (Selector, Field(description="Which hosts."))},
    "pairs": {
        "between": (
            Selector | list[Selector],
            Field("all", description="Which hosts: every two of them, or of two lists, across."),
        )
    },
    "arrows": {
        "from": (Selector, Field(description="Hosts of which nothing arrives.")),
        "to": (Selector, Field("all", description="Hosts at which it does not.")),
    },
    "groups": {
        "shape": (
            Literal["halves", "majority", "minority", "one", "ring", "bridge"] | list[list[str]],
            Field(
                description="Who is cut off from the rest: one host, or hosts by that selector. Or "
                "halves, of about as many producers; a ring, in which each reaches its two "
                "neighbours alone; a bridge, one host that reaches both halves. Or the groups, as "
                "lists of hosts."
            ),
        )
    },
}
_LASTS = (Duration, Field(description="How long it lasts."))
_OneOf: Any = Literal
"""Literal of words that are not known before a row is read."""


class FaultSpec(Strict):
    """A fault of a timeline; what its kind has besides are the fields of its own model."""

    row: ClassVar[Kind]
    id: FaultId | None = None
    """What it, and the phase while it lasts, is called; left out, as `delay-1`."""
    at: Offset
    """When it begins, from T0; not within the warm-up."""

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        self.asked()
        return self

    @property
    def lasts_ns(self) -> int | None:
        """How long it is asked to last; None is to the end of the trial."""
        lasts_ns: int | None = getattr(self, self.row.lasts)
        return lasts_ns

    @property
    def whom(self) -> dict[str, Any]:
        """What says whom it hits, by key."""
        return {key: getattr(self, key) for key in _WHOM[self.row.targets]}

    @property
    def absent(self) -> bool:
        """Return whether it does nothing: its strength is zero, or it hits nobody."""
        return self.hits_nobody or bool(self.row.lacks(self.asked()))

    @property
    def hits_nobody(self) -> bool:
        """Return whether a selector chooses no host."""
        return any(each in NOBODY for each in self.whom.values())

    @property
    def traces(self) -> list[Trace]:
        """Return the traces that it replays."""
        values = (getattr(self, key.name) for key in self.row.keys if key.written == "trace")
        return [value for value in values if value is not None]

    def asked(self) -> dict[str, Any]:
        """Return what is asked of whoever does the fault, whomever it hits.

        Raises:
            ValueError: its values do not go together.
        """
        own = {key.asked: getattr(self, key.name) for key in self.row.keys if key.name != "for"}
        return (self.whom if self.row.targets == "groups" else {}) | self.row.settle(own)


def _model(row: Kind) -> type[FaultSpec]:
    """Return the model of a kind."""
    own: dict[str, Any] = {key.name: _field(key) for key in row.keys}
    fields: dict[str, Any] = {} if row.lasts in own else {row.lasts: _LASTS}
    word = (_OneOf[row.word], Field(description="Its kind."))
    fields |= {"fault": word} | _WHOM[row.targets] | own
    name = "".join(part.title() for part in row.word.split("_")) + "Fault"
    model = create_model(name, __base__=FaultSpec, __doc__=row.does, **fields)
    model.row = row
    return model


def _field(key: Key) -> tuple[Any, Any]:
    """Return the type of a key, and the rest: a list where lists are written, not a row's tuple."""
    known = _WRITTEN.get(key.written) or _OneOf[key.written]
    default = list(key.default) if isinstance(key.default, tuple) else key.default
    written = known | None if default is None else known
    return written, Field(default, description=key.does)


_links_first = sorted(KINDS.values(), key=lambda row: row.targets == "hosts")
_UNION: Any = Annotated[reduce(or_, map(_model, _links_first)), Field(discriminator="fault")]
AnyFault = Annotated[FaultSpec, GetPydanticSchema(lambda _, handler: handler(_UNION))]
"""A fault of any kind, which its word tells."""
