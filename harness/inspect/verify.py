"""Recomputes every header of a trial from its genesis (I5).

Nothing of what a node says about a block is believed: id, number, slot, producer, turn, confirmed
range, schedule and finality are taken from the packed header in its `applied` events, by the rules
of the chain. Signatures are checked where the id covers them; elsewhere events do not hold them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from metrics.model.run_folder import HOLDS, UNKNOWN, VIOLATED, WITNESSES_MAX, HeadersFile, Violation
from node.chain import profiles
from node.chain.encoding.crypto import recover
from node.chain.encoding.pack import DecodeError
from node.chain.genesis import decode as decode_genesis
from node.chain.model.errors import BlockRejected, GenesisError
from node.chain.profile import ChainState, Profile
from node.events import Count


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """An `applied` or `irreversible` event, as far as it is judged here."""

    kind: str
    host: str
    num: Count
    id: str
    previous: str = ""
    slot: Count = 0
    producer: str = ""
    header: str = ""


@dataclass(slots=True)
class Tree:
    """What the headers of one trial give, block by block; states holds valid ones only."""

    profile: Profile
    states: dict[str, ChainState] = field(default_factory=dict)
    previous: dict[str, str] = field(default_factory=dict)
    bad: set[str] = field(default_factory=set)
    adrift: set[str] = field(default_factory=set)
    problems: list[Violation] = field(default_factory=list)
    signatures: int = 0

    def blame(self, seen: Seen, text: str) -> None:
        """Record a breach; what builds on the block is not judged."""
        self.bad.add(seen.id)
        told = f"{text} (block {seen.num} {seen.id[:16]}, executed at {seen.host})"
        self.problems.append(Violation(told, (seen.num,), (seen.id,), (seen.host,)))


def verify(folder: Path, lines: Iterable[Any]) -> HeadersFile:
    """Return the verdict, with its evidence, on the headers of one trial's correct hosts.

    lines: what those hosts told, as `judge` takes it.
    """
    try:
        profile = profiles.build(decode_genesis((folder / "genesis.json").read_bytes()))
    except OSError:
        return _unknown("the trial's folder holds no genesis.json")
    except GenesisError as error:
        return _unknown(f"genesis.json: {error}")
    return judge(profile, lines)


def judge(profile: Profile, events: Iterable[Any]) -> HeadersFile:
    """Return the verdict, with its evidence, on what correct hosts executed and called final.

    events: those two kinds, of any type that has the fields of Seen.
    """
    applied: dict[str, Seen] = {}
    finals: dict[str, Seen] = {}
    tree = Tree(profile)
    hosts = set()
    for seen in events:
        hosts.add(seen.host)
        if seen.kind == "irreversible":
            finals.setdefault(seen.id, seen)
        elif applied.setdefault(seen.id, seen).header != seen.header:
            tree.blame(seen, "one id was given for two headers")
    if not applied:
        return _unknown("no host executed a block")
    _grow(tree, applied)
    known = _judge_finality(tree, finals)
    return _result(tree, len(hosts), known)


def _grow(tree: Tree, applied: dict[str, Seen]) -> None:
    """Derive the state of every executed block from its parent's, parents first."""
    genesis = tree.profile.genesis_state
    tree.states[genesis.id.hex()] = genesis
    for seen in sorted(applied.values(), key=lambda s: (s.num, s.id)):
        if seen.id in tree.bad:
            continue
        if seen.previous in tree.bad:
            tree.bad.add(seen.id)
        elif seen.previous not in tree.states:
            tree.adrift.add(seen.id)
        else:
            _child(tree, seen)


def _child(tree: Tree, seen: Seen) -> None:
    try:
        packed = bytes.fromhex(seen.header)
        header, signature = tree.profile.codec.decode_header(packed)
    except (ValueError, DecodeError) as error:
        tree.blame(seen, f"the header cannot be read: {error}")
        return
    found = (header.num, header.slot, header.producer, header.previous.hex())
    if found != (seen.num, seen.slot, seen.producer, seen.previous):
        tree.blame(seen, "the header says otherwise than the event")
        return
    block_id = header.block_id(signature)
    if block_id.hex() != seen.id:
        tree.blame(seen, f"the header's id is {block_id.hex()[:16]}")
        return
    try:
        state = tree.states[seen.previous].child(header).with_id(block_id)
    except BlockRejected as error:
        tree.blame(seen, f"the header breaks a rule: {error.reason}")
        return
    if signature:
        tree.signatures += 1
        if recover(state.signing_digest, signature) != state.signing_key:
            tree.blame(seen, "the signature is not the producer's")
            return
    tree.states[seen.id] = state
    tree.previous[seen.id] = seen.previous


def _judge_finality(tree: Tree, finals: dict[str, Seen]) -> int:
    """Return how many irreversible blocks follow from headers; blame those that do not."""
    final: set[str] = set()
    for id_, state in tree.states.items():
        parent = tree.previous.get(id_)
        if parent is None or tree.states[parent].lib_num == state.lib_num:
            continue
        cursor: str | None = id_
        while cursor is not None and cursor not in final:
            if tree.states[cursor].num <= state.lib_num:
                final.add(cursor)
            cursor = tree.previous.get(cursor)
    for id_, seen in sorted(finals.items(), key=lambda pair: (pair[1].num, pair[0])):
        # Headers that are missing may be the ones that decided.
        if id_ in tree.states and id_ not in final and not tree.adrift:
            tree.blame(seen, "no header makes the block irreversible, a host does")
    return sum(id_ in final for id_ in finals)


def _result(tree: Tree, hosts: int, final: int) -> HeadersFile:
    count = len(tree.states) - 1
    if tree.problems:
        more = f" (and {len(tree.problems) - 1} more)" if len(tree.problems) > 1 else ""
        return HeadersFile(
            verdict=VIOLATED,
            evidence=tree.problems[0].text + more,
            details=tuple(tree.problems[:WITNESSES_MAX]),
        )
    if tree.adrift:
        return _unknown(f"{len(tree.adrift)} headers have no known parent; {count} are valid")
    signatures = (
        f"{tree.signatures} signatures" if tree.signatures else "signatures are not in the events"
    )
    evidence = (
        f"{count} headers of {hosts} hosts recomputed from genesis by the rules of"
        f" {tree.profile.name}; {final} irreversible blocks follow from them; {signatures}"
    )
    return HeadersFile(verdict=HOLDS, evidence=evidence)


def _unknown(why: str) -> HeadersFile:
    return HeadersFile(verdict=UNKNOWN, evidence=why)
