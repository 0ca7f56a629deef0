"""The load of one host: `python -m node client CONFIG`, signed transfers to the local node.

Open loop: transaction n is due at a time fixed beforehand on the monotonic clock (start_ns is
converted once, without the injected skew, so no clock fault shifts the load), and how late it was
sent is reported. While the node is away, due transactions wait in a bounded backlog, the oldest
falling out. In a closed loop a transaction is due when another one ended (closed_loop.py). Nothing
is sent twice: what got no answer may be in the node or not, the chain tells.

Load events: due, sent, accepted in that second; refused counts those the node refused, left
unanswered, and those that fell out of the backlog (also a `dropped` event).
"""

import os
import platform
import signal
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from node.chain import profiles
from node.chain.encoding.crypto import PrivateKey
from node.chain.genesis import Genesis
from node.chain.model.slot import NS_PER_S
from node.config import ActConfig, ClientConfig, ConfigError, NodeConfig
from node.events import Assured, Started, Stopped, Txs
from node.events.load_shape import GATHER_NS, Pace
from node.local.closed_loop import ClosedLoop
from node.local.load import Acts, Backlog, Transfers, pace_of, sent
from node.local.local_api import SUBMITTED_MAX
from node.local.local_client import Answer, LocalLink, Unanswered
from node.storage import startup
from node.storage.event_log import EventLog, open_log
from node.timing.clock import NodeClock

STATUS_EACH_NS = 500_000_000
NICE = 5
"""How far a client stands back: what it would send must not keep the node from taking it."""
STOPS = frozenset((signal.SIGTERM, signal.SIGINT))
DRAIN_NS = 2 * NS_PER_S
"""How long after end_ns to wait for the last answers."""
IN_FLIGHT_MAX = 1024


@dataclass(frozen=True, slots=True)
class Reference:
    """What the node said of its chain: the id transactions refer to."""

    chain_id: bytes
    block_id: bytes


class Client:
    """Sends one host's share of the load; `turn` does what is due and says when to come back."""

    def __init__(
        self, pace: Pace, transfers: Transfers, acts: Acts, link: LocalLink, log: EventLog
    ) -> None:
        self._pace = pace
        self._transfers = transfers
        self._acts = acts
        self._acted = 0
        self._link = link
        self._log = log
        self._backlog = Backlog(pace)
        self._loop = ClosedLoop(pace.shape.closed)
        self._ended = 0
        self._reference: Reference | None = None
        self._assured: Assured | None = None
        self._next: int | None = None
        self._report_ns = pace.start_ns + NS_PER_S
        self._status_ns = self._sent_ns = 0

    def turn(self, now_ns: int) -> int | None:
        """Do what is due; return the time of the next turn, None when all is over.

        now_ns is on start_ns's clock.
        """
        if self._next is None:
            self._next = self._pace.first_from(now_ns)
            self._report_ns = max(self._report_ns, now_ns + NS_PER_S)
        if now_ns >= self._status_ns:
            self._status_ns = now_ns + STATUS_EACH_NS
            self._link.send({"op": "status"}, ids=(), now_ns=now_ns)
        if self._pace.shape.closed:
            self._link.send({"op": "ended", "start": self._ended}, ids=(), now_ns=now_ns)
        for answer in self._link.receive(now_ns):
            self._take(answer)
        if not self._link.connected:
            self._loop.lost()
            self._ended = 0
        self._collect(now_ns, self._next)
        self._act(now_ns)
        self._send(now_ns)
        if now_ns >= self._report_ns:
            self._report(now_ns)
        if now_ns >= self._pace.end_ns and self._over(now_ns):
            self._report(now_ns)
            return None
        wakes = [self._report_ns, self._status_ns]
        if self._pace.due_ns(self._next) < self._pace.end_ns:
            wakes.append(max(self._pace.due_ns(self._next), self._sent_ns + GATHER_NS))
        if (act_ns := self._acts.due_ns(self._acted)) is not None:
            wakes.append(max(act_ns, now_ns + GATHER_NS))
        if self._backlog.waiting:
            gathered_ns = self._sent_ns + GATHER_NS
            wakes.append(gathered_ns if gathered_ns > now_ns else now_ns + GATHER_NS)
        if self._link.waits or self._pace.shape.closed or now_ns >= self._pace.end_ns:
            wakes.append(now_ns + GATHER_NS)
        return min(wakes)

    def _over(self, now_ns: int) -> bool:
        nothing_left = not self._backlog.waiting and not self._link.in_flight
        return nothing_left or now_ns >= self._pace.end_ns + DRAIN_NS

    def _collect(self, now_ns: int, first: int) -> None:
        """Move what is due into the backlog."""
        n = first
        while (due_ns := self._pace.due_ns(n)) <= now_ns and due_ns < self._pace.end_ns:
            self._backlog.add(n, due_ns)
            n += 1
        if self._pace.start_ns <= now_ns < self._pace.end_ns:
            for _ in range(self._loop.room(len(self._backlog.waiting), now_ns)):
                self._backlog.add(n, now_ns)
                n += 1
        self._next = n

    def _act(self, now_ns: int) -> None:
        """Send the acts that are due, once there is somebody to take them."""
        while (due_ns := self._acts.due_ns(self._acted)) is not None and due_ns <= now_ns:
            if not self._submitted(self._acts, [self._acted], now_ns):
                return
            self._acted += 1
            self._backlog.acted(now_ns - due_ns)

    def _send(self, now_ns: int) -> None:
        """Send what is due, in as few requests as that takes, once it is gathered."""
        if now_ns < self._sent_ns + GATHER_NS:
            return
        while waiting := self._backlog.waiting:
            some = [n for n, _ in islice(waiting, SUBMITTED_MAX)]
            if not self._submitted(self._transfers, some, now_ns):
                return
            self._sent_ns = now_ns
            self._backlog.sent(len(some), now_ns)

    def _submitted(self, source: Transfers | Acts, numbers: list[int], now_ns: int) -> bool:
        """Whether these of source, transfers or one act, are on their way now.

        Not while the node is away or behind.
        """
        refer = self._reference
        if refer is None or self._link.in_flight >= IN_FLIGHT_MAX or not self._link.ready():
            return False
        made = [
            source.make(n, chain_id=refer.chain_id, block_id=refer.block_id, now_ns=now_ns)
            for n in numbers
        ]
        ids = tuple(transaction.id.hex() for transaction in made)
        request = {"op": "submit", "txs": [each.raw for each in made]}
        if not self._link.send(request, ids=ids, now_ns=now_ns):
            return False
        self._log.write(sent(made, refer.block_id, source.word(numbers[0])))
        if source is self._transfers:
            self._loop.sent(ids, made[0].expiration_s * NS_PER_S)
        return True

    def _take(self, answer: Answer | Unanswered) -> None:
        match answer:
            case Unanswered(()):
                self._reference = None
            case Unanswered(ids):
                self._backlog.tally.refused += len(ids)
                if self._loop.ends_with(accepted=True):
                    self._loop.ended(ids)
            case Answer((), {"ended": list(ids), "next": int(count)}):
                self._loop.ended(map(str, ids))
                self._ended = count
            case Answer((), body):
                self._reference = reference_of(body) or self._reference
                self._witness(assured_by(body))
            case Answer(ids, body):
                if self._loop.ends_with(accepted=True):
                    self._loop.ended(ids)
                refused: dict[str, list[str]] = {}
                for name, reason in zip(ids, _reasons(body, len(ids)), strict=True):
                    if reason:
                        refused.setdefault(reason, []).append(name)
                    else:
                        self._backlog.tally.accepted += 1
                for reason, names in refused.items():
                    self._loop.ended(names)
                    self._backlog.tally.refused += len(names)
                    self._log.write(Txs(ids=names, state="rejected", reason=reason))

    def _witness(self, assured: Assured | None) -> None:
        """Write down what the node vouches for, if that is news."""
        if assured is not None and assured != self._assured:
            self._assured = assured
            self._log.write(assured)

    def _report(self, now_ns: int) -> None:
        self._report_ns += NS_PER_S * max(1, -(-(now_ns - self._report_ns) // NS_PER_S))
        for record in self._backlog.report():
            self._log.write(record)


def _reasons(body: dict[str, Any], count: int) -> list[str]:
    """Return why each of count transactions was not taken, "" for one that was."""
    reasons = body.get("reasons")
    if body.get("ok") is True and isinstance(reasons, list) and len(reasons) == count:
        return [str(reason) for reason in reasons]
    return [str(body.get("reason", "refused"))] * count


def reference_of(status: dict[str, Any]) -> Reference | None:
    """Return the chain and the block to refer to: the last irreversible one, if there is one.

    None while there is no block at all.
    """
    try:
        if status.get("head_num") == 0:
            return None
        block = status["lib_id"] if status["lib_num"] > 0 else status["head_id"]
        return Reference(bytes.fromhex(status["chain_id"]), bytes.fromhex(block))
    except (KeyError, TypeError, ValueError):
        return None


def assured_by(status: dict[str, Any]) -> Assured | None:
    """Return the last irreversible block of a status, None where it says none."""
    try:
        said = {"num": status["lib_num"], "id": status["lib_id"]}
        return msgspec.convert(said, Assured) if said["num"] else None
    except (KeyError, msgspec.ValidationError):
        return None


def run_client(config: NodeConfig) -> None:
    """Send the load until end_ns, SIGTERM or SIGINT; both signals stay blocked.

    Raises:
        ConfigError: no client section, or it does not fit the genesis or the key file.
        EventLogError: the event file cannot be written.
    """
    if config.client is None:
        raise ConfigError(
            "client: this host has no share of the load; add the section or do not start it"
        )
    share = config.client
    pace = pace_of(share)
    transfers, acts = _sources(share, startup.load_genesis(Path(config.genesis)))
    clock = NodeClock(config.clock.skew_file)
    log = open_log(config, "client", clock)
    link = LocalLink(config.socket)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    os.nice(NICE)
    try:
        log.write(Started(software="slotlab", python=platform.python_version(), role="client"))
        log.flush()
        startup.seldom_collect()
        client = Client(pace, transfers, acts, link, log)
        reason = _drive(client, log, clock)
        log.write(Stopped(reason=reason))
    finally:
        link.close()
        log.close()


def _drive(client: Client, log: EventLog, clock: NodeClock) -> str:
    """Return why it ended: `end`, or a signal's name."""
    wall_ns, mono_ns = clock.pair()
    wall_minus_mono_ns = wall_ns - clock.skew_ns() - mono_ns
    while True:
        now_ns = wall_minus_mono_ns + clock.mono_ns()
        again_ns = client.turn(now_ns)
        log.flush()
        if again_ns is None:
            return "end"
        wait_s = max(0, again_ns - wall_minus_mono_ns - clock.mono_ns()) / NS_PER_S
        # The link is not watched: whatever came is there at the next turn, which is soon.
        if (stop := signal.sigtimedwait(STOPS, wait_s)) is not None:
            return signal.Signals(stop.si_signo).name


def _sources(share: ClientConfig, genesis: Genesis) -> tuple[Transfers, Acts]:
    """What the client sends: its share of the load, and what the campaign names one by one."""
    form = profiles.build(genesis).transaction_rules.form

    def key_of(act: ActConfig) -> PrivateKey:
        return startup.read_key(Path(act.key_file), "client.acts.key_file")

    key = startup.read_key(Path(share.key_file), "client.key_file")
    transfers = Transfers.of(share, genesis, key=key, form=form)
    return transfers, Acts.of(share, genesis, key_of=key_of, form=form)
