"""What Prometheus gets over HTTP is what was seen; the board asks for nothing else."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.core import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families as families
from rich.console import Console
from typer.testing import CliRunner

import harness.watch
from harness.__main__ import app
from harness.errors import UsageError
from harness.watch import live
from harness.watch.exporter import BOARD, Exporter, place_of, serving
from harness.watch.live import watch
from harness.watch.seen import HostSeen
from tests.unit.harness_remote.scripted_hosts import scripted
from tests.unit.harness_watch.hosts import NODE, NOON_NS, S, answered, fault, gone, says
from tests.unit.harness_watch.test_table import HURT
from tests.waiting import DEADLINE_S

LIVES = answered(
    "n1",
    agent={
        "faults": [
            fault("split", "partition", "applied", 0, 12),
            fault("slow", "delay", "armed", 30, 60),
            fault("step", "clock_step", "applied", 0, None),
        ]
    },
)


def scraped(where: str) -> dict[tuple[str, ...], float]:
    """Return what a scrape finds: name and values of labels (fault, host, kind) to value."""
    with urlopen(where, timeout=30) as answer:
        text = answer.read().decode()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in families(text)
        for sample in family.samples
    }


def test_a_scrape_shows_the_last_look_and_of_a_host_that_is_gone_only_that() -> None:
    with serving("127.0.0.1", 0) as (exporter, where):
        exporter.hear([LIVES])
        exporter.hear([LIVES, gone(answered("n2"), "timeout", "no reply"), HostSeen(host="n3")])
        found = scraped(where)
    noon_s = NOON_NS / S
    assert found == {
        ("slotlab_host_up", "n1"): 1, ("slotlab_host_up", "n2"): 0, ("slotlab_host_up", "n3"): 0,
        ("slotlab_host_seen_timestamp_seconds", "n1"): noon_s,
        ("slotlab_host_seen_timestamp_seconds", "n2"): noon_s,
        ("slotlab_node_up", "n1"): 1,
        ("slotlab_cpu_busy_seconds_total", "n1"): 3, ("slotlab_cpu_seconds_total", "n1"): 2000,
        ("slotlab_head_block", "n1"): 120, ("slotlab_irreversible_block", "n1"): 108,
        ("slotlab_missed_slots_total", "n1"): 7,
        ("slotlab_recent_missed_slots", "n1"): 0, ("slotlab_recent_slots", "n1"): 48,
        ("slotlab_peers", "n1"): 2, ("slotlab_peers_linked", "n1"): 2,
        ("slotlab_mempool_transactions", "n1"): 3,
        ("slotlab_clock_offset_seconds", "n1"): 12e-6,
        ("slotlab_clock_bound_seconds", "n1"): 340e-6, ("slotlab_clock_verified", "n1"): 1,
        ("slotlab_fault_active", "split", "n1", "partition"): 1,
        ("slotlab_fault_active", "slow", "n1", "delay"): 0,
        ("slotlab_fault_active", "step", "n1", "clock_step"): 1,
        ("slotlab_fault_remaining_seconds", "split", "n1", "partition"): 12,
    }  # fmt: skip


def test_before_anything_was_seen_and_of_a_hurt_lab_a_scrape_is_well_formed() -> None:
    with serving("::1", 0) as (exporter, where):
        assert scraped(where) == {}
        exporter.hear(HURT)
        assert ("slotlab_clock_verified", "n4") in scraped(where)


def test_each_query_of_the_board_names_metrics_that_are_exported_and_each_is_drawn() -> None:
    exporter = Exporter()
    exporter.hear([LIVES])
    registry = CollectorRegistry()
    registry.register(exporter)
    exported = {sample.name for family in registry.collect() for sample in family.samples}
    board = json.loads(BOARD.read_text())
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [each["query"]["query"] for each in board["templating"]["list"][1:]]
    asked = {name for query in queries for name in re.findall(r"\bslotlab_\w+", query)}
    assert asked == exported
    assert all(re.search(r"\bslotlab_\w+", query) for query in queries)


def test_the_panels_of_the_board_do_not_cover_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(BOARD.read_text())["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, "a board has so many columns"
        taken |= cells


def test_a_lab_that_is_watched_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PERIOD_S", 0.05)
    found: dict[tuple[str, ...], float] = {}
    until_s = time.monotonic() + DEADLINE_S
    with (
        scripted(tmp_path, "n1", "n2") as (remote, hosts),
        serving("127.0.0.1", 0) as (exporter, where),
    ):
        for host in hosts.values():
            host.says(node=says(NODE))

        def scrape(_: object) -> None:
            found.update(scraped(where))
            if {("slotlab_head_block", host) for host in hosts} <= found.keys():
                raise KeyboardInterrupt
            assert time.monotonic() < until_s, found

        with Path(tmp_path / "out").open("w") as out:
            console = Console(file=out)
            watch(remote.inventory, console, as_json=False, hears=(exporter.hear, scrape))
    assert found["slotlab_head_block", "n1"] == found["slotlab_head_block", "n2"] == 120
    assert (tmp_path / "out").read_text() == "", "without a terminal nothing is shown"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("0.0.0.0:0", ("0.0.0.0", 0)),
        ("[2001:db8::1]:9464", ("2001:db8::1", 9464)),
    ],
)
def test_a_place_is_a_port_and_an_address_if_one_is_named(text: str, place: Any) -> None:
    assert place_of(text) == place


@pytest.mark.parametrize("text", ["", "x", "n1:", "1:70000", "n1:-1", "²", "n1:9464/metrics"])
def test_what_is_no_place_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(UsageError, match=r"no port; write 9464, 192\.0\.2\.1:9464 or"):
        place_of(text)


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(UsageError, match=f"127.0.0.1, port {port}: Address already in use"),
            serving("127.0.0.1", port),
        ):
            pass


RACK = """
all: {hosts: {n1: {ansible_host: 127.0.0.1, slotlab_address: 192.0.2.1}}}
"""


def refusal(tmp_path: Path, *words: str) -> str:
    """Return why a look at a rack is refused."""
    (tmp_path / "rack.yml").write_text(RACK)
    done = CliRunner().invoke(app, ["watch", "-i", str(tmp_path / "rack.yml"), *words])
    assert isinstance(done.exception, UsageError)
    return str(done.exception)


def test_to_serve_takes_the_package_and_to_look_once_is_not_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal(tmp_path, "--once", "--prometheus", "0") == (
        "watch: --once ends at once, and --prometheus serves; leave one out"
    )
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "harness.watch.exporter")
    monkeypatch.delattr(harness.watch, "exporter")
    assert refusal(tmp_path, "--prometheus", "0") == (
        "--prometheus: prometheus-client is not installed here; make setup, or install the wheel"
        " with [prometheus]"
    )
