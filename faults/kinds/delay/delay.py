"""Delay: hold the node's packets to or from some peers, by netem where the kernel has it, else by a
queue.

netem acts on packets leaving (`egress`), the queue on packets arriving (`ingress`); the harness
fills both lists, so that each directed pair of hosts is delayed exactly once by whichever way the
whole lab uses. Queued on arrival rather than on leaving, because a held outgoing packet stays
charged to its sender's socket buffer.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from faults.host import flow_table, helper_process
from faults.host.flow_table import Chain
from faults.kinds.delay.netem import netem_bands, netem_commands, netem_handle
from faults.model.fault import (
    SECOND_NS,
    Command,
    Fault,
    FaultError,
    HostContext,
    Recipe,
    addresses,
    check_interface,
    needs,
)

DELAY_NS_MAX = 60 * SECOND_NS
DELAYER = "faults.kinds.delay.delay_queue"
JITTER = "faults.kinds.delay.netem_jitter"

DROP_MANGLE = (
    'nft list table "$1" mangle 2>/dev/null | grep -v -e "^table" -e "^[[:space:]]*}*$"'
    ' -e "chain [A-Z]* {$" -e "type [a-z]* hook" | grep -q . || nft delete table "$1" mangle'
)
"""Deletes the mangle table of family $1 unless it holds a rule; for one that was not there before
us.
"""


class PeerDelay(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One directed delay: delay_ns, plus or minus up to jitter_ns."""

    host: str
    address: str
    delay_ns: int
    jitter_ns: int = 0

    def __post_init__(self) -> None:
        addresses([self.address])
        if not 0 <= self.jitter_ns <= self.delay_ns <= DELAY_NS_MAX:
            raise ValueError("need 0 <= jitter_ns <= delay_ns <= 60 s")


class Direction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Delays of packets leaving to, and arriving from, peers."""

    egress: list[PeerDelay] = []
    ingress: list[PeerDelay] = []


class Delay(Fault, frozen=True, kw_only=True, tag="delay"):
    """Delay flows of node_port; peers alone means both directions alike; how None: what works
    here.
    """

    interface: str
    node_port: int
    peers: list[PeerDelay] = msgspec.field(default_factory=list)
    direction: Direction | None = None
    seed: int = 0
    ordered: bool = True
    how: Literal["netem", "queue"] | None = None

    def __post_init__(self) -> None:
        Fault.__post_init__(self)
        check_interface(self.interface)
        if not 0 < self.node_port < 65536:
            raise ValueError("node_port is outside 1..65535")

    def kind(self) -> str:
        """Return the fault's word."""
        return "delay"

    def lasts_ns(self) -> int | None:
        """Return the length asked."""
        return self.for_ns

    def way(self, context: HostContext) -> Literal["netem", "queue"]:
        """Return how the delay is made here: as asked, else netem where it works."""
        if self.how is not None:
            return self.how
        return "netem" if "netem" in context.capabilities else "queue"

    def delays(self, context: HostContext) -> list[PeerDelay]:
        """Return the delays this host applies in its way."""
        both = self.direction or Direction(egress=self.peers, ingress=self.peers)
        return both.egress if self.way(context) == "netem" else both.ingress

    def check(self, context: HostContext) -> None:
        """Raise FaultError when the way asked for does not work here."""
        if self.way(context) == "netem":
            needs(context, "netem")
            netem_commands(self.interface, self.node_port, self._rows(context), context.token)
        else:
            needs(context, "nfqueue")

    def recipe(self, context: HostContext) -> Recipe:
        """Return the commands of the way used here."""
        if self.way(context) == "netem":
            return self._netem(context)
        if "nft_queue" in context.capabilities:
            return self._nft_queue(context)
        return self._iptables_queue(context)

    def _rows(self, context: HostContext) -> list[tuple[str, int, int]]:
        return [(each.address, each.delay_ns, each.jitter_ns) for each in self.delays(context)]

    def _netem(self, context: HostContext) -> Recipe:
        batch = netem_commands(
            self.interface, self.node_port, self._rows(context), context.token, ordered=self.ordered
        )
        root = ("tc", "qdisc", "del", "dev", self.interface, "root")
        delete = (*root, "handle", f"{netem_handle(context.token)}:")
        start, stop = self._jitter(context)
        return Recipe(
            how="netem",
            prepare=start,
            inject=(Command(("tc", "-batch", "-"), stdin="\n".join(batch) + "\n"),),
            release=(Command(delete, may_fail=True),),
            remove=stop,
        )

    def jitter_pid_file(self, context: HostContext) -> Path | None:
        """Return the pid file of the helper that makes netem's jitter, None where none is due."""
        jitters = self.way(context) == "netem" and self.ordered
        if not jitters or not any(each.jitter_ns for each in self.delays(context)):
            return None
        return context.run_dir / f"delay-{context.token}.pid"

    def _jitter(self, context: HostContext) -> tuple[tuple[Command, ...], tuple[Command, ...]]:
        """Return the commands that start the helper that makes netem's jitter, and stop it."""
        pid_file = self.jitter_pid_file(context)
        if pid_file is None:
            return (), ()
        spec = {
            "interface": self.interface,
            "bands": [
                msgspec.to_builtins(band)
                for band in netem_bands(self._rows(context), context.token)
                if band.jitter_ns
            ],
            "seed": self.seed,
            "until_boottime_ns": (context.deadline_ns or 0) + helper_process.END_MARGIN_NS,
            "pid_file": str(pid_file),
        }
        start = helper_process.start(context, JITTER, json.dumps(spec))
        return (start, helper_process.ready(pid_file)), (helper_process.stop(pid_file, JITTER),)

    def _delayer(self, context: HostContext) -> tuple[tuple[Command, ...], Command]:
        """Return the commands that start the delayer and wait for it, and the one that stops it."""
        pid_file = context.run_dir / f"delay-{context.token}.pid"
        spec = {
            "queue_num": context.queue_num,
            "seed": self.seed,
            "ordered": self.ordered,
            "until_boottime_ns": (context.deadline_ns or 0) + helper_process.END_MARGIN_NS,
            "stats_file": _stats_file(context),
            "pid_file": str(pid_file),
            "sources": [
                {"address": each.address, "delay_ns": each.delay_ns, "jitter_ns": each.jitter_ns}
                for each in self.delays(context)
            ],
        }
        start = helper_process.start(context, DELAYER, json.dumps(spec))
        return (start, helper_process.ready(pid_file)), helper_process.stop(pid_file, DELAYER)

    def _nft_queue(self, context: HostContext) -> Recipe:
        start, stop = self._delayer(context)
        chain = Chain(
            hook="prerouting",
            set_name="slow_in",
            verdict=f"queue num {context.queue_num} bypass",
            priority=-150,
            interface=self.interface,
        )
        members = {"slow_in": [each.address for each in self.delays(context)]}
        return Recipe(
            how="ingress queue",
            prepare=(*start, flow_table.define(context.table, self.node_port, (chain,))),
            inject=flow_table.fill(context.table, members, self.for_ns or 0),
            release=(flow_table.empty(context.table, members),),
            remove=(
                stop,
                flow_table.drop(context.table),
                Command(("rm", "-f", _stats_file(context))),
            ),
        )

    def _iptables_queue(self, context: HostContext) -> Recipe:
        start, stop = self._delayer(context)
        chain = f"SLOTLAB_{context.token}"
        prepare: list[Command] = [*start]
        inject: list[Command] = []
        release: list[Command] = []
        remove: list[Command] = []
        for program, family, group in zip(
            ("iptables", "ip6tables"),
            ("ip", "ip6"),
            addresses([each.address for each in self.delays(context)]),
            strict=True,
        ):
            if not group:
                continue
            rules = "".join(
                f"-A {chain} -i {self.interface} -s {address} -p {protocol} --{port}"
                f" {self.node_port} -j NFQUEUE --queue-num {context.queue_num} --queue-bypass\n"
                for address in group
                for protocol in ("tcp", "udp")
                for port in ("dport", "sport")
            )
            text = f"*mangle\n:{chain} - [0:0]\n{rules}COMMIT\n"
            mangle = (program, "-w", "5", "-t", "mangle")
            prepare.append(Command((f"{program}-restore", "-w", "5", "--noflush"), stdin=text))
            inject.append(Command((*mangle, "-I", "PREROUTING", "1", "-j", chain)))
            release.append(Command((*mangle, "-D", "PREROUTING", "-j", chain), may_fail=True))
            remove.append(Command((*mangle, "-F", chain), may_fail=True))
            remove.append(Command((*mangle, "-X", chain), may_fail=True))
            if not context.mangle_existed:
                drop = ("/bin/sh", "-c", DROP_MANGLE, "drop", family)
                remove.append(Command(drop, may_fail=True))
        return Recipe(
            how="ingress queue",
            prepare=tuple(prepare),
            inject=tuple(inject),
            release=tuple(release),
            remove=(stop, *remove, Command(("rm", "-f", _stats_file(context)))),
        )


def overlap(faults: list[Delay]) -> FaultError | None:
    """Return the error of two delays in force at once on one host (they would not add up), or
    None.
    """
    ordered = sorted(faults, key=lambda fault: fault.at_ns)
    for first, second in pairwise(ordered):
        if first.for_ns is None or first.at_ns + first.for_ns > second.at_ns:
            return FaultError("overlapping_delay", f"{first.id} and {second.id} on one host")
    return None


def _stats_file(context: HostContext) -> str:
    return str(context.run_dir / f"delay-{context.token}.json")
