"""UDP probes between simulated hosts: the lines that align clocks and prove what links did.

As the real prober: each second a burst of eight to every peer on two flows. `path` shares the
data's fate, `clock` is never shaped. A burst is written when its last answer is back, or 2.5 s
after its last probe.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import compress, product
from operator import itemgetter

import numpy as np

from faults.model.fault import SECOND_NS
from harness.sim.host.clock import Stamps, Times
from harness.sim.host.engine import Engine, many, stream
from harness.sim.host.host import Host
from harness.sim.host.records import boot_id
from harness.sim.network.link import LOST, Links
from node.events import Probe, Started, Stopped
from node.timing.probe_frame import ANSWER_WITHIN_NS, APART_NS, BURST, Flow

ANSWER_NS = 20_000
FLOWS: tuple[Flow, Flow] = ("clock", "path")
_AFTER_NS = np.arange(BURST, dtype=np.int64) * APART_NS
_LAST_NS = int(_AFTER_NS[-1])
_NEVER = np.iinfo(np.int64).max
_end_ns = itemgetter(0)


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
        self._boots = {peer.name: boot_id(seed, peer.name) for peer in peers}
        # Large labs are probed more rarely: the bound of a pair hardly gains.
        self._each_ns = SECOND_NS * max(1, len(peers) // 8)
        self._untold: list[tuple[int, Probe]] = []
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
        count = bisect_left(self._untold, self._engine.now_ns, key=_end_ns)
        for done_ns, record in self._untold[:count]:
            self._host.emit(record, "probe", done_ns)
        del self._untold[:count]

    def _turn(self) -> None:
        self.tell()
        now_ns = self._engine.now_ns
        self._untold = sorted([*self._untold, *self._bursts(now_ns)], key=_end_ns)
        self._engine.at(now_ns + self._each_ns, self._turn)

    def _bursts(self, now_ns: int) -> Iterator[tuple[int, Probe]]:
        """Yield what is found of each peer on each flow, and when, of probes from now_ns on."""
        ways = self._ways_ns()
        sent_ns = now_ns + _AFTER_NS
        there_ns = sent_ns + ways[..., 0]
        home_ns = there_ns + ANSWER_NS + ways[..., 1]
        t1_ns = self._here.mono_ns(sent_ns)
        t2_ns, t3_ns = self._there.mono_ns(there_ns), self._there.mono_ns(there_ns + ANSWER_NS)
        t4_ns = self._here.mono_ns(home_ns)
        rtts_ns = (t4_ns - t1_ns) - (t3_ns - t2_ns)
        is_back = (ways != LOST).all(axis=-1)
        best = np.where(is_back, rtts_ns, _NEVER).argmin(axis=-1).ravel()
        burst = np.arange(len(best))
        stamps = [t_ns.reshape(-1, BURST)[burst, best] for t_ns in (t2_ns, t3_ns, t4_ns)]
        found = zip(
            product(self._peers, FLOWS),
            np.stack((t1_ns[best], *stamps), axis=-1).tolist(),
            home_ns.max(axis=-1).ravel().tolist(),
            rtts_ns.reshape(-1, BURST).tolist(),
            is_back.reshape(-1, BURST).tolist(),
            strict=True,
        )
        for (peer, flow), stamp, last_ns, rtts, back in found:
            if all(back):
                yield last_ns, self._record(peer, flow, stamp, rtts)
            else:
                rtts = list(compress(rtts, back))
                waited_ns = now_ns + _LAST_NS + ANSWER_WITHIN_NS
                yield waited_ns, self._record(peer, flow, stamp, rtts)

    def _record(self, peer: str, flow: Flow, stamp: Sequence[int], rtts_ns: list[int]) -> Probe:
        """Return the event of a burst, as `Burst.record` has it."""
        if not rtts_ns:
            return Probe(peer=peer, flow=flow, sent=BURST, received=0)
        t1_ns, t2_ns, t3_ns, t4_ns = stamp
        return Probe(
            peer=peer, flow=flow, sent=BURST, received=len(rtts_ns), t1_ns=t1_ns, t2_ns=t2_ns,
            t3_ns=t3_ns, t4_ns=t4_ns, peer_boot=self._boots[peer], rtts_ns=rtts_ns,
        )  # fmt: skip

    def _ways_ns(self) -> Times:
        """Return how long each probe takes, by peer, flow, number and direction; LOST or so long.

        Drawn in that order.
        """
        links, rng, here = self._links, self._rng, self._host.name
        ways = [((here, peer), (peer, here)) for peer in self._peers]
        plain = [all(links.is_plain(*way) for way in both) for both in ways]
        each = (BURST, 2)
        if all(plain):
            return links.plain_ns(rng, (len(ways), len(FLOWS), *each))
        drawn = []
        for is_plain, both in zip(plain, ways, strict=True):
            clock = links.plain_ns(rng, each)
            if is_plain:
                path = links.plain_ns(rng, each)
            else:
                taken = [links.sample_ns(*way, rng) for _ in range(BURST) for way in both]
                path = np.array([LOST if ns is None else ns for ns in taken]).reshape(each)
            drawn.append((clock, path))
        return np.array(drawn)
