"""A running node lies as its file says, for as long as the file is there, and others see it."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from node import events
from node.byzantine.behaviour import Behaviour
from tests.process.cluster import Cluster, Node, client, cluster
from tests.waiting import wait_until

pytestmark = pytest.mark.process

HOUR_NS = 3_600_000_000_000


def written(path: Path, behaviour: Behaviour) -> None:
    """Replace the file as a whole, as whoever may write it does."""
    new = path.with_suffix(".new")
    new.write_bytes(msgspec.json.encode(behaviour))
    new.replace(path)


@contextmanager
def liar_of_four() -> Iterator[tuple[Cluster, Node, list[Node], Path]]:
    """Yield a running cluster, the node that may lie, the others, and the file of its lies."""
    with cluster(4) as lab:
        liar, *others = lab.nodes
        liar.config = msgspec.structs.replace(liar.config, byzantine_file="behaviour.json")
        lab.start()
        lab.until_lib(4)
        yield lab, liar, others, liar.folder / "behaviour.json"


def told(liar: Node) -> list[str]:
    """Return by which strategies the node said that it lies, in order; "" where it ceased to."""
    return [record.strategy for record in liar.of(events.Lies)]


def signed_twice(node: Node, producer: str) -> list[int]:
    """Return the slots of a producer of which a node received two blocks."""
    ids = defaultdict(set)
    for record in node.of(events.Received):
        if record.producer == producer:
            ids[record.slot].add(record.id)
    return [slot for slot, found in ids.items() if len(found) > 1]


def test_double_production_is_received_by_others_and_ends_with_the_file() -> None:
    with liar_of_four() as (lab, liar, others, file):
        honest = others[0].folder / "behaviour.json"
        for path in (file, honest):  # the configuration of the other names no file
            written(path, Behaviour(strategy="double_production"))
        wait_until(lambda: all(len(signed_twice(n, "producera")) > 2 for n in others), "twins")
        assert liar.status()["lies"] == "double_production"
        file.unlink()
        wait_until(lambda: told(liar) == ["double_production", ""], "the end is told")
        assert liar.status()["lies"] == ""
        lab.until_lib(max(node.lib() for node in others) + 8)
        twins, head = signed_twice(others[0], "producera"), others[0].status()["head_num"]
        wait_until(lambda: others[0].status()["head_num"] >= head + 8, "two rounds more")
        assert signed_twice(others[0], "producera") == twins
        assert [told(node) for node in others] == [[], [], []]
        assert [signed_twice(others[0], f"producer{letter}") for letter in "bcd"] == [[], [], []]
        assert lab.agreed() > 8


def test_what_is_withheld_reaches_nobody_also_not_who_asks() -> None:
    with liar_of_four() as (lab, liar, others, file):
        written(file, Behaviour(strategy="withhold", by_ns=HOUR_NS))
        wait_until(lambda: told(liar) == ["withhold"], "the lie is told")
        before = {record.id for record in liar.of(events.Produced)}

        def kept() -> set[str]:
            return {record.id for record in liar.of(events.Produced)} - before

        wait_until(lambda: len(kept()) > 3, "blocks that are kept back")
        head = others[0].status()["head_num"]
        wait_until(lambda: others[0].status()["head_num"] >= head + 8, "two rounds more")
        assert kept()
        assert not kept() & {r.id for node in others for r in node.of(events.Received)}
        file.unlink()
        shown = len(liar.of(events.Produced)) + 2

        def later() -> set[str]:
            return {record.id for record in liar.of(events.Produced)[shown:]}

        def received() -> set[str]:
            return {record.id for record in others[0].of(events.Received)}

        wait_until(lambda: len(later() & received()) > 1, "its blocks are there again")
        assert lab.agreed() > 8


def test_a_censors_blocks_are_empty_and_a_node_that_restarts_lies_on() -> None:
    with liar_of_four() as (lab, liar, others, file):
        load = client(lab, others[0], seconds=30)
        load.start()
        written(file, Behaviour(strategy="censor"))
        wait_until(lambda: told(liar) == ["censor"], "the lie is told")

        def held(producers: str, after: int = 0) -> list[int]:
            """Return how many transactions each of the producers' later blocks holds."""
            blocks = others[1].of(events.Applied)[after:]
            return [block.tx_count for block in blocks if block.producer[-1] in producers]

        wait_until(lambda: sum(n > 0 for n in held("bcd")) > 3, "others' blocks hold some")
        assert [signed_twice(node, "producera") for node in others] == [[], [], []]
        liar.end(signal.SIGTERM)
        liar.start()
        wait_until(lambda: told(liar) == ["censor", "censor"], "it is told again")
        begun = len(others[1].of(events.Applied))
        wait_until(lambda: len(held("a", begun)) > 2, "blocks of the censor that restarted")
        assert set(held("a")) == {0}
        assert sum(held("bcd", begun)) > 0
        load.end(signal.SIGKILL)
