"""The clients of a simulated lab: the same pace and transfers as the real ones, to the local node.

Open loop: what is due while the node is away waits in a bounded backlog, the oldest falling out.
"""

from coincurve import PrivateKey

from faults.model.fault import SECOND_NS
from harness.sim.host.engine import Engine
from harness.sim.host.host import Host
from node.config import ClientConfig
from node.events import Started, Stopped, Tx
from node.local.load import Backlog, Pace, Transfers


class Client:
    """Sends one host's share of the load. Its pace is on true time, as no fault shifts it."""

    def __init__(self, host: Host, engine: Engine, share: ClientConfig, key: PrivateKey) -> None:
        self._host = host
        self._engine = engine
        self._pace = Pace(rate_milli=share.rate_milli, start_ns=share.start_ns, end_ns=share.end_ns)
        accounts = (account.name for account in host.shared.genesis.accounts)
        others = tuple(name for name in accounts if name != share.account)
        self._transfers = Transfers(
            seed=share.seed, account=share.account, recipients=others or (share.account,),
            key=key, size_bytes=share.size_bytes,
            prefix_at=host.shared.profile.transaction_rules.prefix_at,
        )  # fmt: skip
        self._backlog = Backlog(self._pace)

    def start(self) -> None:
        """Begin with the first transaction that is due from now on."""
        self._host.emit(Started(software="slotlab sim", python="", role="client"), "client")
        first = self._pace.first_from(self._engine.now_ns)
        self._engine.at(self._pace.due_ns(first), self._due, first)
        self._engine.at(self._pace.start_ns + SECOND_NS, self._report)

    def _due(self, n: int) -> None:
        if self._pace.due_ns(n) >= self._pace.end_ns:
            return
        self._backlog.add(n)
        self._send()
        self._engine.at(self._pace.due_ns(n + 1), self._due, n + 1)

    def _send(self) -> None:
        chain = self._host.chain
        if chain is None or self._host.paused:
            return
        now_ns, backlog = self._engine.now_ns, self._backlog
        tip = chain.lib if chain.lib.num > 0 else chain.head
        while backlog.waiting:
            transaction = self._transfers.make(
                backlog.waiting[0], chain_id=chain.chain_id, block_id=tip.id, now_ns=now_ns
            )
            name = transaction.id.hex()
            backlog.sent(now_ns)
            self._host.emit(Tx(id=name, state="sent"), "client")
            refusal = self._host.take_transaction(transaction, None)
            if refusal:
                backlog.tally.refused += 1
                self._host.emit(Tx(id=name, state="rejected", reason=refusal), "client")
            else:
                backlog.tally.accepted += 1

    def _report(self) -> None:
        self._send()
        for record in self._backlog.report():
            self._host.emit(record, "client")
        if self._engine.now_ns < self._pace.end_ns:
            self._engine.at(self._engine.now_ns + SECOND_NS, self._report)
        else:
            self._host.emit(Stopped(reason="end"), "client")
