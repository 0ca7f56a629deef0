"""What clients of this host are told: how far the chain is, whether a transaction is taken."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from node.byzantine.lying import Lying
from node.chain.chain import Chain
from node.local.chain_answers import ChainAnswers
from node.local.closed_loop import Ends
from node.local.local_api import Reply, Request
from node.network.net import Net
from node.timing.health import FULL, HealthMonitor
from node.timing.ntp import ClockCheck


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Answers requests by what the node's parts say.

    submit returns of each transaction why it is not taken, or "".
    """

    host: str
    chain: Chain
    net: Net
    check: ClockCheck
    health: HealthMonitor
    stored: ChainAnswers
    submit: Callable[[Sequence[bytes]], list[str]]
    ends: Ends = field(default_factory=Ends)
    lying: Lying

    def answer(self, request: Request) -> Reply:
        """Return the reply to a request."""
        match request.op:
            case "submit":
                return {"ok": True, "reasons": self.submit(request.txs)}
            case "ended":
                ended, count = self.ends.since(request.start)
                return {"ok": True, "ended": ended, "next": count}
            case "peers":
                return {"ok": True, "peers": self.net.peer_rows()}
            case "mempool":
                return {"ok": True, "mempool": len(self.chain.mempool)}
            case "block":
                return self.stored.block(request)
            case "transaction":
                return self.stored.transaction(request)
            case "health":
                return self._health()
            case "status":
                return self._status()

    def _health(self) -> Reply:
        found = self.health.participation
        return {
            "ok": True, "state": self.health.word, "participation": found.share / FULL,
            "window_slots": found.window, "missed": dict(sorted(found.missed.items())),
            "head_num": self.chain.head.num, "lib_num": self.chain.lib.num,
        }  # fmt: skip

    def _status(self) -> Reply:
        head, lib, verdict = self.chain.head, self.chain.lib, self.check.verdict
        latest = self.health.participation
        return {
            "ok": True, "host": self.host, "chain_id": self.chain.chain_id.hex(),
            "head_num": head.num, "head_id": head.id.hex(), "head_slot": head.slot,
            "lib_num": lib.num, "lib_id": lib.id.hex(), "peers": self.net.peer_rows(),
            "clock": {
                "verified": verdict.verified, "offset_ns": verdict.offset_ns,
                "bound_ns": verdict.bound_ns, "reason": verdict.reason,
            },
            "mempool": len(self.chain.mempool), "lies": self.lying.strategy,
            "health": {
                "state": self.health.word, "missed": latest.missed.total(),
                "window_slots": latest.window, "missed_total": self.health.missed_total,
            },
        }  # fmt: skip
