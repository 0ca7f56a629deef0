"""The clients of a simulated lab: the same pace and transfers as the real ones, to the local node.

Open loop: what is due while the node is away waits in a bounded backlog, the oldest falling out.
"""

from __future__ import annotations

from collections import deque

from coincurve import PrivateKey

from faults.model.fault import SECOND_NS
from harness.sim.host.engine import Engine
from harness.sim.host.host import Host
from node.events import Dropped, Load, Started, Stopped, Tx
from node.local.load import Pace, Transfers


class Client:
    """Sends one host's share of the load. Its pace is on true time, as no fault shifts it."""

    def __init__(
        self, host: Host, engine: Engine, pace: Pace, account: str, key: PrivateKey,
        recipients: tuple[str, ...], size_bytes: int, seed: int,
    ) -> None:  # fmt: skip
        self._host = host
        self._engine = engine
        self._pace = pace
        self._transfers = Transfers(
            seed=seed, account=account, recipients=recipients, key=key, size_bytes=size_bytes,
            prefix_at=host.shared.profile.transaction_rules.prefix_at,
        )  # fmt: skip
        self._backlog: deque[int] = deque()
        self._counts = dict.fromkeys(("due", "sent", "accepted", "refused", "dropped"), 0)
        self._late_max_ns = 0

    def start(self) -> None:
        """Begin with the first transaction that is due from now on."""
        self._host.emit(Started(software="slotlab sim", python="", role="client"), "client")
        first = self._pace.first_from(self._engine.now_ns)
        self._engine.at(self._pace.due_ns(first), self._due, first)
        self._engine.at(self._pace.start_ns + SECOND_NS, self._report)

    def _due(self, n: int) -> None:
        if self._pace.due_ns(n) >= self._pace.end_ns:
            return
        self._counts["due"] += 1
        self._backlog.append(n)
        while len(self._backlog) > self._pace.backlog_max():
            self._backlog.popleft()
            self._counts["dropped"] += 1
            self._counts["refused"] += 1
        self._send()
        self._engine.at(self._pace.due_ns(n + 1), self._due, n + 1)

    def _send(self) -> None:
        chain = self._host.chain
        if chain is None or self._host.paused:
            return
        now_ns = self._engine.now_ns
        tip = chain.lib if chain.lib.num > 0 else chain.head
        while self._backlog:
            n = self._backlog.popleft()
            transaction = self._transfers.make(
                n, chain_id=chain.chain_id, block_id=tip.id, now_ns=now_ns
            )
            name = transaction.id.hex()
            self._counts["sent"] += 1
            self._late_max_ns = max(self._late_max_ns, now_ns - self._pace.due_ns(n))
            self._host.emit(Tx(id=name, state="sent"), "client")
            refusal = self._host.take_transaction(transaction, None)
            if refusal:
                self._counts["refused"] += 1
                self._host.emit(Tx(id=name, state="rejected", reason=refusal), "client")
            else:
                self._counts["accepted"] += 1

    def _report(self) -> None:
        self._send()
        counts, dropped = self._counts, self._counts["dropped"]
        self._host.emit(
            Load(
                due=counts["due"], sent=counts["sent"], accepted=counts["accepted"],
                refused=counts["refused"], backlog=len(self._backlog),
                late_max_ns=self._late_max_ns,
            ),
            "client",
        )  # fmt: skip
        if dropped:
            self._host.emit(Dropped(queue="client_backlog", n=dropped), "client")
        self._counts = dict.fromkeys(counts, 0)
        self._late_max_ns = 0
        if self._engine.now_ns < self._pace.end_ns:
            self._engine.at(self._engine.now_ns + SECOND_NS, self._report)
        else:
            self._host.emit(Stopped(reason="end"), "client")
