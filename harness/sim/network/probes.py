"""UDP probes between simulated hosts: the lines that align clocks and prove what links did.

As the real prober: each second a burst of eight to every peer on two flows. `path` shares the
data's fate, `clock` is never shaped. A burst is written when its last answer is back, or 2.5 s
after its last probe.
"""

import numpy as np

from faults.model.fault import SECOND_NS
from harness.sim.host.bursts import LOST, Bursts, Pair
from harness.sim.host.clock import Stamps, Times
from harness.sim.host.engine import Engine, many, stream
from harness.sim.host.host import Host
from harness.sim.host.records import boot_id
from harness.sim.network.link import Links
from node.events import Started, Stopped
from node.events.record import PROBE_PACKET_BITS
from node.timing.probe_frame import ANSWER_WITHIN_NS, APART_NS, BURST, Flow

ANSWER_NS = 20_000
FLOWS: tuple[Flow, Flow] = ("clock", "path")
_AFTER_NS = np.arange(BURST, dtype=np.int64) * APART_NS
_LAST_NS = int(_AFTER_NS[-1])
_NEVER = np.iinfo(np.int64).max


class Prober:
    """The prober of one host; it survives its node."""

    def __init__(
        self, host: Host, peers: tuple[Host, ...], engine: Engine, links: Links, seed: int
    ) -> None:
        self._host = host
        self._peers = tuple(peer.name for peer in peers)
        self._here, self._there = Stamps([host.clock]), Stamps([peer.clock for peer in peers])
        self._engine = engine
        self._links = links
        # A stream of its own: whether anybody probes does not change what the nodes do.
        self._rng = many(stream(seed, "probes", host.name))
        self._pairs = [
            Pair(peer.name, flow, boot_id(seed, peer.name)) for peer in peers for flow in FLOWS
        ]
        # Large labs are probed more rarely: the bound of a pair hardly gains.
        self._each_ns = SECOND_NS * max(1, len(peers) // 8)
        self._begun_ns: list[int] = []
        self._untold: Bursts | None = None
        host.clock.before_turn = self.tell

    def start(self, offset_ns: int) -> None:
        """Begin to probe, offset_ns from now."""
        self._host.emit(Started(software="slotlab sim", python="", role="probe"), "probe")
        if self._peers:
            self._engine.at(self._engine.now_ns + offset_ns, self._turn)

    def stop(self) -> None:
        """End in order."""
        self._host.emit(Stopped(reason="SIGTERM"), "probe")

    def tell(self) -> None:
        """Write the bursts that have ended, by the clock as it ran until now."""
        if self._begun_ns:
            self._find()
        untold = self._untold
        if untold is not None:
            count = int(untold.end_ns.searchsorted(self._engine.now_ns))
            self._host.emit_bursts(untold.rows(slice(None, count)))
            self._untold = untold.rows(slice(count, None)) if count < len(untold) else None

    def _turn(self) -> None:
        now_ns = self._engine.now_ns
        if not self._links.all_plain:
            self.tell()
            self._keep(self._bursts(np.array([now_ns]), self._shaped_ns()))
        else:
            # Whatever happens later, these find what plain ones do: many turns at once are cheap.
            self._begun_ns.append(now_ns)
        self._engine.at(now_ns + self._each_ns, self._turn)

    def _find(self) -> None:
        """Draw what the turns found that began on plain links."""
        begun_ns, self._begun_ns = np.array(self._begun_ns), []
        each = len(begun_ns), len(self._peers), len(FLOWS), BURST, 2
        self._keep(self._bursts(begun_ns, self._links.plain_ns(self._rng, each)))

    def _keep(self, found: Bursts) -> None:
        self._untold = found if self._untold is None else self._untold.joined(found)

    def _bursts(self, begun_ns: Times, ways: Times) -> Bursts:
        """Return what turns find of each peer on each flow: ways by turn and as `_shaped_ns`."""
        begun_ns = begun_ns.reshape(-1, 1, 1, 1)
        sent_ns = begun_ns + _AFTER_NS
        there_ns = sent_ns + ways[..., 0]
        home_ns = there_ns + ANSWER_NS + ways[..., 1]
        t1_ns, t4_ns = self._here.mono_ns(sent_ns), self._here.mono_ns(home_ns)
        t2_ns, t3_ns = self._there.mono_ns(there_ns), self._there.mono_ns(there_ns + ANSWER_NS)
        rtts_ns = (t4_ns - t1_ns) - (t3_ns - t2_ns)
        ends_ns, judged_ns = home_ns.max(axis=-1), rtts_ns
        is_back = (ways != LOST).all(axis=-1)
        if not is_back.all():
            waited_ns = begun_ns[..., 0] + _LAST_NS + ANSWER_WITHIN_NS
            ends_ns = np.where(is_back.all(axis=-1), ends_ns, waited_ns)
            judged_ns = np.where(is_back, rtts_ns, _NEVER)
            rtts_ns = np.where(is_back, rtts_ns, LOST)
        t1_ns = np.broadcast_to(t1_ns, rtts_ns.shape)
        ends_ns = ends_ns.ravel()
        order = ends_ns.argsort(kind="stable")
        best = judged_ns.reshape(-1, BURST).argmin(axis=-1)[order]
        times = t1_ns, t2_ns, t3_ns, t4_ns
        stamps_ns = np.stack([t_ns.reshape(-1, BURST)[order, best] for t_ns in times], axis=1)
        rtts_ns = rtts_ns.reshape(-1, BURST)[order]
        return Bursts(self._pairs, ends_ns[order], order % len(self._pairs), stamps_ns, rtts_ns)

    def _shaped_ns(self) -> Times:
        """Return how long each probe takes now, by peer, flow, number and direction; LOST or so
        long.

        Drawn in that order.
        """
        links, rng, here = self._links, self._rng, self._host.name
        each = (BURST, 2)
        ways = [((here, peer), (peer, here)) for peer in self._peers]
        plain = [all(links.is_plain(*way) for way in both) for both in ways]
        drawn = []
        for is_plain, both in zip(plain, ways, strict=True):
            clock = links.plain_ns(rng, each)
            if is_plain:
                path = links.plain_ns(rng, each)
            else:
                taken = [
                    links.probe_ns(*way, rng, PROBE_PACKET_BITS)
                    for _ in range(BURST)
                    for way in both
                ]
                path = np.array([LOST if ns is None else ns for ns in taken]).reshape(each)
            drawn.append((clock, path))
        return np.array(drawn)
