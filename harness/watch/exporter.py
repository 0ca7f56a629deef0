"""What was seen last of a lab, over HTTP for Prometheus: on loopback if nothing else is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector, CollectorRegistry

from faults.model.fault import SECOND_NS
from harness.errors import UsageError
from harness.orchestrator.fleet import NodeStatus
from harness.watch.seen import AgentStatus, FaultSeen, HostSeen

LOOPBACK = "127.0.0.1"
PORT_MAX = 65_535
BOARD = Path(__file__).with_name("grafana.json")
"""A board of Grafana that draws what is exported."""

Family = GaugeMetricFamily | CounterMetricFamily


@dataclass(frozen=True, slots=True)
class Metric:
    """A number of each host: its exported name, which ends in _total if it only grows, what it
    says, and how it is taken; None: not known now, so not exported.
    """

    name: str
    says: str
    of: Callable[[HostSeen], float | None]


def _node(read: Callable[[NodeStatus], float | None]) -> Callable[[HostSeen], float | None]:
    return lambda seen: read(seen.node) if seen.up and seen.node is not None else None


def _agent(read: Callable[[AgentStatus], float]) -> Callable[[HostSeen], float | None]:
    return lambda seen: read(seen.agent) if seen.up and seen.agent is not None else None


def _seconds(of_ns: int | None) -> float | None:
    return None if of_ns is None else of_ns / SECOND_NS


OF_HOSTS = (
    Metric("slotlab_host_up", "1 where the host's agent answers.", lambda seen: seen.up),
    Metric(
        "slotlab_host_seen_timestamp_seconds",
        "When the host's agent last answered, by the controller's clock.",
        lambda seen: _seconds(seen.seen_ns),
    ),
    Metric(
        "slotlab_node_up",
        "1 where the host's node answers.",
        lambda seen: seen.node is not None if seen.up else None,
    ),
    Metric(
        "slotlab_cpu_busy_seconds_total",
        "How long all processors together worked since boot.",
        _agent(lambda agent: agent.processor.busy_ns / SECOND_NS),
    ),
    Metric(
        "slotlab_cpu_seconds_total",
        "How long all processors together could have worked since boot.",
        _agent(lambda agent: agent.processor.all_ns / SECOND_NS),
    ),
    Metric("slotlab_head_block", "Number of the head block.", _node(lambda node: node.head_num)),
    Metric(
        "slotlab_irreversible_block",
        "Number of the last irreversible block.",
        _node(lambda node: node.lib_num),
    ),
    Metric(
        "slotlab_missed_slots_total",
        "Slots without a block on the node's branch since it started.",
        _node(lambda node: node.health.missed_total),
    ),
    Metric(
        "slotlab_recent_missed_slots",
        "Slots without a block among the latest that the node's monitor looks at.",
        _node(lambda node: node.health.missed),
    ),
    Metric(
        "slotlab_recent_slots",
        "How many of the latest slots the node's monitor looks at.",
        _node(lambda node: node.health.window_slots),
    ),
    Metric("slotlab_peers", "Peers that the node was told of.", _node(lambda n: len(n.peers))),
    Metric(
        "slotlab_peers_linked",
        "Peers that have exchanged greetings with the node.",
        _node(lambda node: node.linked),
    ),
    Metric(
        "slotlab_mempool_transactions",
        "Transactions that wait at the node.",
        _node(lambda node: node.mempool),
    ),
    Metric(
        "slotlab_clock_offset_seconds",
        "The node's clock minus true time, by its time servers.",
        _node(lambda node: _seconds(node.clock.offset_ns)),
    ),
    Metric(
        "slotlab_clock_bound_seconds",
        "How far that offset may be off.",
        _node(lambda node: _seconds(node.clock.bound_ns)),
    ),
    Metric(
        "slotlab_clock_verified",
        "1 where the node trusts its clock with a slot.",
        _node(lambda node: node.clock.verified),
    ),
)
FAULT_ACTIVE = (
    "slotlab_fault_active",
    "1 while a fault is in force on the host, 0 while it is armed.",
)
FAULT_REMAINING = (
    "slotlab_fault_remaining_seconds",
    "Until the deadline of a fault that is in force.",
)
FAULT_LABELS = ("host", "fault", "kind")


class Exporter(Collector):
    """Mutable: the last look, which each request is answered from."""

    def __init__(self) -> None:
        self._hosts: Sequence[HostSeen] = ()

    def hear(self, hosts: Sequence[HostSeen]) -> None:
        """Answer requests from this look from now on."""
        self._hosts = hosts

    def collect(self) -> Iterator[Family]:
        """Yield each metric, with a sample of each host of which it is known."""
        hosts = self._hosts
        for metric in OF_HOSTS:
            family = _family(metric)
            for seen in hosts:
                if (value := metric.of(seen)) is not None:
                    family.add_metric([seen.host], value)
            yield family
        yield from _faults(hosts)


def _family(metric: Metric) -> Family:
    kind = CounterMetricFamily if metric.name.endswith("_total") else GaugeMetricFamily
    return kind(metric.name, metric.says, labels=("host",))


def _faults(hosts: Sequence[HostSeen]) -> Iterator[Family]:
    active = GaugeMetricFamily(*FAULT_ACTIVE, labels=FAULT_LABELS)
    remaining = GaugeMetricFamily(*FAULT_REMAINING, labels=FAULT_LABELS)
    for seen in hosts:
        for fault in seen.faults:
            active.add_metric(_labels(seen, fault), fault.in_force)
            if fault.in_force and fault.left_ns is not None:
                remaining.add_metric(_labels(seen, fault), fault.left_ns / SECOND_NS)
    yield active
    yield remaining


def _labels(seen: HostSeen, fault: FaultSeen) -> tuple[str, ...]:
    return seen.host, fault.id, fault.kind


def place_of(text: str) -> tuple[str, int]:
    """Return address and port of `[ADDRESS:]PORT`, an IPv6 address in brackets; 0: any free port.

    Raises:
        UsageError: it is no such thing.
    """
    address, _, port = text.rpartition(":")
    bare = address.removeprefix("[").removesuffix("]")
    if not (port.isascii() and port.isdigit() and int(port) <= PORT_MAX):
        raise UsageError(
            f"--prometheus {text}: no port; write 9464, 192.0.2.1:9464 or [2001:db8::1]:9464"
        )
    return bare or LOOPBACK, int(port)


@contextmanager
def serving(address: str, port: int) -> Iterator[tuple[Exporter, str]]:
    """Serve what the exporter hears of until the block ends; it and the page's address are told.

    Raises:
        UsageError: nobody can listen there.
    """
    exporter, registry = Exporter(), CollectorRegistry()
    registry.register(exporter)
    try:
        server, thread = start_http_server(port, address, registry)
    except OSError as error:
        why = error.strerror or error
        raise UsageError(
            f"--prometheus: cannot listen at {address}, port {port}: {why}; name another"
        ) from error
    try:
        shown = f"[{address}]" if ":" in address else address
        yield exporter, f"http://{shown}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
