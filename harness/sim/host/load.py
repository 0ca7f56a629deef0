"""The clients of a simulated lab: the same pace and transfers as the real ones, to the local node.

Open loop: what is due while the node is away waits in a bounded backlog, the oldest falling out.
"""

from collections.abc import Mapping

from coincurve import PrivateKey

from faults.model.fault import SECOND_NS
from harness.sim.host.engine import Engine
from harness.sim.host.host import Host
from node.config import ClientConfig
from node.events import Assured, Started, Stopped, Txs
from node.events.load_shape import GATHER_NS
from node.local.closed_loop import ClosedLoop
from node.local.load import Acts, Backlog, Transfers, pace_of, sent


class Client:
    """Sends one host's share of the load. Its pace is on true time, as no fault shifts it."""

    def __init__(
        self, host: Host, engine: Engine, share: ClientConfig, keys: Mapping[str, PrivateKey]
    ) -> None:
        """keys: secrets by account."""
        self._host = host
        self._engine = engine
        self._pace = pace_of(share)
        genesis = host.shared.genesis
        form = host.shared.profile.transaction_rules.form
        self._transfers = Transfers.of(share, genesis, key=keys[share.account], form=form)
        self._acts = Acts.of(share, genesis, key_of=lambda act: keys[act.by], form=form)
        self._acted = 0
        self._backlog = Backlog(self._pace)
        self._loop = ClosedLoop(share.shape.closed)
        self._next = self._life = 0
        self._assured: Assured | None = None

    def start(self) -> None:
        """Begin with the first transaction that is due from now on."""
        self._host.emit(Started(software="slotlab sim", python="", role="client"), "client")
        first = self._pace.first_from(self._engine.now_ns)
        self._engine.at(self._pace.due_ns(first), self._due, first)
        self._engine.at(self._pace.start_ns + SECOND_NS, self._report)
        for act in self._acts.due:
            self._engine.at(act.at_ns, self._send)
        if self._pace.shape.closed:
            self._host.ended = self._look_soon
            self._engine.at(self._pace.start_ns, self._send)

    def _due(self, n: int) -> None:
        if self._pace.due_ns(n) >= self._pace.end_ns:
            return
        self._backlog.add(n, self._pace.due_ns(n))
        self._send()
        self._engine.at(self._pace.due_ns(n + 1), self._due, n + 1)

    def _send(self) -> None:
        """Send what is due, if the node is there to take it."""
        chain = self._host.chain
        if chain is None or self._host.paused:
            return
        now_ns, backlog, acts = self._engine.now_ns, self._backlog, self._acts
        tip = chain.lib if chain.lib.num > 0 else chain.head
        if tip.num == 0:
            return  # There is no block to refer to yet.
        self._refill(now_ns)
        while (due_ns := acts.due_ns(self._acted)) is not None and due_ns <= now_ns:
            self._submit(acts, self._acted, chain.chain_id, tip.id)
            self._acted += 1
            backlog.acted(now_ns - due_ns)
        while backlog.waiting:
            self._submit(self._transfers, backlog.waiting[0][0], chain.chain_id, tip.id)
            backlog.sent(1, now_ns)

    def _refill(self, now_ns: int) -> None:
        """Let as many transactions of a closed loop wait as may begin."""
        if self._life != self._host.life:
            self._life = self._host.life
            self._loop.lost()
        if self._pace.start_ns <= now_ns < self._pace.end_ns:
            for _ in range(self._loop.room(len(self._backlog.waiting), now_ns)):
                self._backlog.add(self._next, now_ns)
                self._next += 1

    def _look_soon(self, ids: list[str]) -> None:
        """Have the client see, when it looks again, that these ended."""
        self._engine.at(self._engine.now_ns + GATHER_NS, self._look, ids)

    def _look(self, ids: list[str]) -> None:
        self._loop.ended(ids)
        self._send()

    def _submit(self, source: Transfers | Acts, n: int, chain_id: bytes, block_id: bytes) -> None:
        """Hand transaction n of source in."""
        transaction = source.make(
            n, chain_id=chain_id, block_id=block_id, now_ns=self._engine.now_ns
        )
        name = transaction.id.hex()
        self._host.emit(sent([transaction], block_id, source.word(n)), "client")
        if source is self._transfers:
            self._loop.sent([name], transaction.expiration_s * SECOND_NS)
        refusal = self._host.take_transaction(transaction, None)
        if refusal:
            self._backlog.tally.refused += 1
            self._host.emit(Txs(ids=[name], state="rejected", reason=refusal), "client")
        else:
            self._backlog.tally.accepted += 1
        if self._loop.ends_with(accepted=not refusal):
            self._look_soon([name])

    def _witness(self) -> None:
        """Write down what the node vouches for, if it answers and that is news."""
        chain = self._host.chain
        if chain is None or self._host.paused or not chain.lib.num:
            return
        assured = Assured(num=chain.lib.num, id=chain.lib.id.hex())
        if assured != self._assured:
            self._assured = assured
            self._host.emit(assured, "client")

    def _report(self) -> None:
        self._send()
        self._witness()
        for record in self._backlog.report():
            self._host.emit(record, "client")
        if self._engine.now_ns < self._pace.end_ns:
            self._engine.at(self._engine.now_ns + SECOND_NS, self._report)
        else:
            self._host.emit(Stopped(reason="end"), "client")
