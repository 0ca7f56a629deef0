"""Byzantine: a node breaks the rules by one strategy, for as long as a file of root's is there.

The node reads it (node/byzantine/behaviour.py; one test compares both sides), and only where the
configuration of its trial names it, which is where the campaign allows that. What it says of
itself is the evidence.
"""

import asyncio
from typing import Annotated

import msgspec
from msgspec import Meta

from faults.host.node_client import ask_node
from faults.host.settled import settled
from faults.model.fault import (
    FOR_NS_MAX,
    Command,
    Evidence,
    Fault,
    FaultError,
    HostContext,
    Recipe,
    verdict,
)
from faults.model.kind import KINDS

PUT = 'umask 027; cat > "$1.new"; mv "$1.new" "$1"'
"""Makes standard input the file $1, whole or not at all."""
STRATEGIES = next(key.written for key in KINDS["byzantine"].keys if key.name == "strategy")
SEEN_S = 1.0
"""Within so long a node does as it is told: it looks each 100 ms."""
Account = Annotated[str, Meta(max_length=64)]


class Byzantine(Fault, frozen=True, kw_only=True, tag="byzantine"):
    """Lie by strategy; late and withhold keep blocks back for by_ns, censor spares nobody, or
    leaves out accounts.
    """

    strategy: str
    by_ns: Annotated[int, Meta(ge=0, le=FOR_NS_MAX)]
    accounts: Annotated[tuple[Account, ...], Meta(max_length=1_000)] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise ValueError(f"no such strategy: {self.strategy[:40]!r}")

    def check(self, _context: HostContext) -> None:
        """Accept any host: whether its node may lie, its trial's configuration says."""

    def recipe(self, context: HostContext) -> Recipe:
        """Return: put the file there; remove it."""
        file = str(context.behaviour_file)
        words = ("/bin/sh", "-ec", PUT, "put", file)
        return Recipe(
            how="behaviour file",
            inject=(Command(words, stdin=self._text),),
            release=(Command(("rm", "-f", file, f"{file}.new")),),
        )

    def read_back(self, context: HostContext) -> Evidence:
        """Return whether the file is there, and the node says that it lies so."""
        found, lies = settled(
            lambda: said(context), lambda found: found["lies"] == self.strategy, SEEN_S
        )
        wrong = self.ended_early(context)
        if not wrong and not lies:
            wrong = f"the node does not say that it lies: {found['why'] or 'it keeps the rules'}"
        return verdict(wrong, {"node": found})

    def counters(self, context: HostContext) -> dict[str, object]:
        """Return what the node says of itself."""
        return {"node": said(context)}

    def ended_early(self, context: HostContext) -> str:
        """Return what became of the file, "" when it is there as it was written."""
        try:
            text = context.behaviour_file.read_text(errors="replace")
        except OSError as error:
            return f"{context.behaviour_file}: {error.strerror}"
        return "" if text == self._text else f"{context.behaviour_file} holds something else"

    def left_over(self, context: HostContext) -> str:
        """Return the file when it is still there, or that the node lies on."""
        if context.behaviour_file.exists():
            return str(context.behaviour_file)
        honest = settled(lambda: said(context), lambda found: not found["lies"], SEEN_S)[1]
        return "" if honest else "the node still lies"

    @property
    def _text(self) -> str:
        told = {key: getattr(self, key) for key in ("strategy", "by_ns", "accounts", "seed")}
        return msgspec.json.encode(told).decode()


def said(context: HostContext) -> dict[str, str]:
    """Return by which strategy the node of this host says that it lies, "" where it does not, and
    why it says nothing.
    """
    try:
        data = asyncio.run(ask_node(context.run_dir / "node.sock", "status"))
        lies = msgspec.msgpack.decode(data, type=_Status).lies
    except FaultError as error:
        return {"lies": "", "why": error.reason}
    except msgspec.DecodeError:
        return {"lies": "", "why": "node_strange"}
    return {"lies": lies[:40], "why": ""}


class _Status(msgspec.Struct, frozen=True):
    lies: str = ""
