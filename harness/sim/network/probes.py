"""UDP probes between simulated hosts: the lines that align clocks and prove what links did.

As the real prober: each second a burst of eight to every peer on two flows. `path` shares the
data's fate, `clock` is never shaped. A burst is written when its last answer is back, or 2.5 s
after its last probe.
"""

from faults.model.fault import SECOND_NS
from harness.sim.host.engine import Engine, stream
from harness.sim.host.host import Host
from harness.sim.host.records import boot_id
from harness.sim.network.link import Links
from node.events import Started, Stopped
from node.timing.probe_frame import ANSWER_WITHIN_NS, APART_NS, BURST, Burst, Exchange

ANSWER_NS = 20_000


class Prober:
    """The prober of one host; it survives its node."""

    def __init__(
        self, host: Host, peers: tuple[Host, ...], engine: Engine, links: Links, seed: int
    ) -> None:
        self._host = host
        self._peers = peers
        self._engine = engine
        self._links = links
        # A stream of its own: whether anybody probes does not change what the nodes do.
        self._rng = stream(seed, "probes", host.name)
        self._boots = {peer.name: boot_id(seed, peer.name) for peer in peers}
        # Large labs are probed more rarely: the bound of a pair hardly gains.
        self._each_ns = SECOND_NS * max(1, len(peers) // 8)

    def start(self, offset_ns: int) -> None:
        """Begin to probe, offset_ns from now."""
        self._host.emit(Started(software="slotlab sim", python="", role="probe"), "probe")
        self._engine.at(self._engine.now_ns + offset_ns, self._turn)

    def stop(self) -> None:
        """End in order."""
        self._host.emit(Stopped(reason="SIGTERM"), "probe")

    def _turn(self) -> None:
        for peer in self._peers:
            self._burst(peer, clock=True)
            self._burst(peer, clock=False)
        self._engine.at(self._engine.now_ns + self._each_ns, self._turn)

    def _burst(self, peer: Host, *, clock: bool) -> None:
        here, name = self._host.name, peer.name
        burst = Burst(name, "clock" if clock else "path")
        sent_ns = last_ns = self._engine.now_ns
        for number in range(BURST):
            sent_ns = self._engine.now_ns + number * APART_NS
            burst.t1s_ns.append(self._host.clock.mono_ns(sent_ns))
            there_ns, back_ns = (
                self._links.plain_ns(self._rng) if clock else self._links.sample_ns(*way, self._rng)
                for way in ((here, name), (name, here))
            )
            if there_ns is None or back_ns is None:
                continue
            at_ns = sent_ns + there_ns
            home_ns = at_ns + ANSWER_NS + back_ns
            burst.answers[number] = Exchange(
                t1_ns=burst.t1s_ns[number], t2_ns=peer.clock.mono_ns(at_ns),
                t3_ns=peer.clock.mono_ns(at_ns + ANSWER_NS),
                t4_ns=self._host.clock.mono_ns(home_ns), boot=self._boots[name],
            )  # fmt: skip
            last_ns = max(last_ns, home_ns)
        done_ns = last_ns if burst.complete else sent_ns + ANSWER_WITHIN_NS
        self._engine.at(done_ns, self._host.emit, burst.record(), "probe")
