"""Looking at nodes starts no process on their hosts, while a campaign runs on them.

Counted on each host: the process numbers given out between two readings. The campaign's own looks
(where the chain is, lock and lease) go on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness import inventory, watch
from harness.fleet import Fleet
from harness.lock import HostLock
from harness.node_status import NodeStatus
from harness.remote import Remote
from tests.lab.bench import MARKS, Bench, bench, has_ended, wait_for
from tests.lab.forks import forks

pytestmark = MARKS

CAMPAIGN = """\
schema: slotlab.campaign/v1
title: nothing happens
seed: 3
chain: {profile: eosio, producers: 3, slot: 500ms, blocks_per_turn: 2}
warmup: 4s
cooldown: 40s
safety: {lease: trial, max_unreachable: 1}
expect:
  always: [no_conflicting_finality, lib_never_decreases]
timeline:
  - {id: early, at: 5s, for: 1s, fault: pause, on: n3}
"""
LOOKS = 20
WINDOWS = 6


@pytest.fixture(scope="module")
def lab() -> Iterator[Bench]:
    with bench("looks", hosts=3) as made:
        made.deploy()
        yield made


def test_no_process_is_started_on_a_host_to_look_at_its_node(lab: Bench, tmp_path: Path) -> None:
    campaign = tmp_path / "nothing.yml"
    campaign.write_text(CAMPAIGN)
    words = ["run", str(campaign), "-i", str(lab.inventory), "--runs", str(tmp_path / "runs")]
    harness = lab.start(*words)
    with Remote(inventory.load(lab.inventory)) as remote:
        fleet = Fleet(remote)
        wait_for(
            "every node has a chain and the fault is over",
            lambda: has_ended(harness) or min(map(_head, fleet.nodes().values())) > 20,
            within_s=90,
        )
        started = _least_started(lab, lambda: _look(fleet))
        assert harness.poll() is None, "the campaign is over: its own looks were not counted"
        asked = {name: _head(status) for name, status in fleet.nodes().items()}
    said, _ = harness.communicate(timeout=120)
    assert harness.returncode == 0, said
    print(f"{LOOKS} looks at each node started {started}; heads then {asked}")
    assert started == dict.fromkeys(lab.names, 0)


def _look(fleet: Fleet) -> None:
    statuses = fleet.nodes()
    assert all(isinstance(status, NodeStatus) for status in statuses.values()), statuses
    assert watch.table(fleet).row_count == len(statuses)
    assert len(HostLock(fleet.remote, "looking", owner="nobody").renew()) == len(statuses)


def _least_started(lab: Bench, look: Callable[[], None]) -> dict[str, int]:
    """Return how many processes began on each host during so many looks, at least.

    A host has timers of its own; what looking starts would be there in every window.
    """
    least: dict[str, int] = {}
    with ExitStack() as stack:
        counters = {name: stack.enter_context(forks(lab.name, name)) for name in lab.names}
        for _ in range(WINDOWS):
            before = {name: counter.count() for name, counter in counters.items()}
            for _ in range(LOOKS):
                look()
            time.sleep(2)  # the campaign's own looks come every two seconds
            for name, counter in counters.items():
                begun = counter.count() - before[name]
                least[name] = min(begun, least.get(name, begun))
            if not any(least.values()):
                break
    return least


def _head(status: object) -> int:
    return status.head_num if isinstance(status, NodeStatus) else 0
