"""I11: what clients were told is irreversible, held against each node's irreversible chain; pure.

A promise is an entry node's word that a transaction is irreversible in a block of some number, or
that a block is, as its client wrote it down. It binds every node, once its own irreversible chain
is as high.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from metrics.model.run_folder import Violation
from metrics.safety.invariants import Line, seconds


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of promises: breaches, at how many nodes they were looked for, and the final
    blocks that may hold what is missing, as nobody told what they hold.
    """

    violations: list[Violation]
    nodes: int
    untold: list[str]


def kept(
    chains: Mapping[str, Mapping[int, str]],
    told: Iterable[Line],
    assured: Sequence[Line],
    held: Mapping[str, Sequence[str]],
    digits: int,
) -> Kept:
    """Return what became of promises, each a transaction's id and its block's number.

    chains: what each node told of its irreversible blocks, ids by number. assured: blocks that
    clients were promised. held: by block, the first digits of the ids of its transactions.
    """
    homes: dict[str, list[str]] = defaultdict(list)
    for block, short_ids in held.items():
        for short in short_ids:
            homes[short].append(block)
    by_place: dict[tuple[int, str], list[Line]] = defaultdict(list)
    for line in told:
        by_place[line.num, line.host].append(line)
    found: list[Violation] = []
    untold: set[str] = set()
    for node, chain in sorted(chains.items()):
        final = {*chain.values()}
        unread = final - held.keys()
        for (num, host), lines in sorted(by_place.items()):
            if num not in chain:
                continue
            gone = [x for x in lines if final.isdisjoint(homes.get(x.id[:digits], ()))]
            if gone and unread:
                untold |= unread
            elif gone:
                found.append(_lost(node, num, chain[num], host, gone))
        other = [line for line in assured if chain.get(line.num, line.id) != line.id]
        found += [_replaced(node, chain[line.num], line) for line in other]
    return Kept(found, sum(map(bool, chains.values())), sorted(untold))


def _lost(node: str, num: int, block: str, host: str, gone: Sequence[Line]) -> Violation:
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    text = (
        f"transaction {gone[0].id[:16]}{more}, irreversible in block {num} as the client of {host}"
        f" was told ({seconds(gone[0].t_ns)}), is in no irreversible block of {node}"
    )
    return Violation(text, (num,), (block,), (host, node), (gone[0].t_ns,))


def _replaced(node: str, block: str, line: Line) -> Violation:
    text = (
        f"block {line.num} {line.id[:16]}, irreversible as the client of {line.host} was told"
        f" ({seconds(line.t_ns)}), is {block[:16]} at {node}"
    )
    return Violation(text, (line.num,), (line.id, block), (line.host, node), (line.t_ns,))
