"""Whether every planned writer wrote from beginning to end, as the plan lets it live and die."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from faults.model.columns import Victim
from faults.model.record import Record
from metrics.intake.event_validation import Intake, Loss
from metrics.intake.written import Stamp, Written
from metrics.model.cell_load import paces
from metrics.model.plan import Plan, PlannedFault, PlannedTrial
from metrics.model.run_folder import COMPLETE, TrialFile

CLOSE_NS = 3_000_000_000
"""How far from a planned moment a writer's clock and the fault's delay may put its last words."""
UNWRITTEN_NS = 40_000_000_000
"""What a power cut may take: lines the kernel had not brought to the disk."""
ROLE = {"": "node", ".probe": "probe", ".client": "client"}


Zeros = dict[tuple[str, str], int]
"""T0 on each host's own clock, by (host, boot)."""


def armed_t0(records: Iterable[Record]) -> Zeros:
    """Return T0 on each host's own clock as its agent armed it."""
    return {
        (record.host, record.boot): record.read_back["t0_mono_ns"]
        for record in records
        if record.state == "armed" and record.read_back.get("t0_mono_ns") is not None
    }


def _zeros(intake: Intake, agents: list[Record], t0_wall_ns: int) -> Zeros:
    """Return T0 on each host's clock: by its agent, else by its first line of the boot."""
    first: dict[tuple[str, str], Stamp] = {}
    for (host, _), own in intake.written.items():
        for boot in np.unique(own.boot):
            mono_ns = np.where(own.boot == boot, own.mono_ns, np.iinfo(np.int64).max)
            stamp = own.at(int(np.argmin(mono_ns)))
            known = first.setdefault((host, stamp.boot), stamp)
            if stamp.mono_ns < known.mono_ns:
                first[host, stamp.boot] = stamp
    found = {epoch: stamp.mono_ns - stamp.wall_ns + t0_wall_ns for epoch, stamp in first.items()}
    return found | armed_t0(agents)


def judge(
    intake: Intake, plan: Plan, planned: PlannedTrial, file: TrialFile, agents: list[Record]
) -> None:
    """Add to an intake what is missing of the planned writers' records."""
    zeros = _zeros(intake, agents, file.t0_wall_ns)
    intake.findings += [
        f"{host}: hosts/{host} holds events of a host that is not in the plan"
        for host in sorted(set(intake.hosts) - {host.host for host in plan.hosts})
    ]
    intake.findings += _absent(intake, plan, planned)
    for host, chains in sorted(intake.chains.items()):
        if file.chain_id and chains != {file.chain_id}:
            intake.findings.append(f"{host}: its node ran another chain than trial.json names")
    for (host, node), own in sorted(intake.written.items()):
        life = _Life(host, node, own, zeros, plan, planned, file.state)
        intake.findings += life.findings()
        for loss in life.losses():
            if life.tolerates(loss):
                text = f"{node} lost at least {loss.count} events with its planned death"
                intake.notes.append(text)
            else:
                intake.losses.append(loss)


def _absent(intake: Intake, plan: Plan, planned: PlannedTrial) -> Iterator[str]:
    """Yield each planned writer of which there is no line, on hosts of which there are some."""
    loaded = any(node.endswith(".client") for _, node in intake.written)
    own = paces(plan.cell_of(planned), len(plan.hosts), plan.end_ns)
    for host, pace in zip(plan.hosts, own, strict=True):
        if host.host not in intake.hosts:
            continue
        has_client = loaded and pace.peak_milli > 0
        for role, word in ROLE.items():
            wanted = word != "client" or has_client
            if wanted and (host.host, host.host + role) not in intake.written:
                yield f"{host.host}: no event of its {word} in hosts/{host.host}"


def _last_death_ns(fault: PlannedFault) -> int:
    """Return until when a fault may have its victim die."""
    return fault.end_ns if fault.kind.repeats else fault.at_ns


@dataclass(frozen=True, slots=True)
class _Life:
    """One writer's lines and what the plan does to its host."""

    host: str
    node: str
    own: Written
    """In order of number."""
    zeros: Zeros
    plan: Plan
    planned: PlannedTrial
    state: str
    """What became of the trial."""

    @property
    def name(self) -> str:
        """Return whose record it is, in words."""
        return f"{self.host}: its {ROLE[self.node[len(self.host) :]]}"

    def t_ns(self, stamp: Stamp) -> int:
        """Return the time since T0 at which the line was written, about."""
        return stamp.mono_ns - self.zeros[self.host, stamp.boot]

    def faults(self, victim: Victim) -> list[PlannedFault]:
        """Return the planned faults on the host that leave its node in that way."""
        return [
            f for f in self.planned.faults if f.kind.victim == victim and self.host in f.targets
        ]

    def dies(self, from_ns: int, to_ns: int) -> bool:
        """Return whether the plan lets it die between its last line and its next start."""
        return any(
            f.at_ns - self._silent_ns(f) <= from_ns <= _last_death_ns(f) + CLOSE_NS
            and f.at_ns - CLOSE_NS <= to_ns
            for f in self.faults("dead")
            if not f.open
        )

    def _silent_ns(self, fault: PlannedFault) -> int:
        """Return how long before its planned death its last line may have been written."""
        if self.faults("still"):
            return fault.at_ns + CLOSE_NS
        lost_ns = UNWRITTEN_NS if fault.kind.reboots else CLOSE_NS
        return max(lost_ns, 2 * self.plan.slot_ns)

    def losses(self) -> Iterator[Loss]:
        """Yield the gaps in its numbering."""
        seq, mono_ns = self.own.seq, self.own.mono_ns
        befores = np.concatenate([[-1], seq[:-1]])
        for i in np.flatnonzero(seq > befores + 1).tolist():
            from_ns, to_ns = mono_ns[max(i - 1, 0)], mono_ns[i]
            yield Loss(self.host, self.node, int(befores[i]), int(seq[i]), int(from_ns), int(to_ns))

    def tolerates(self, loss: Loss) -> bool:
        """Return whether the lines were lost with a planned death and it began anew after them."""
        begin = int(np.searchsorted(self.own.seq, loss.before_seq))
        after = self.own.at(begin)
        if loss.after_seq < 0 or after.kind != "started":
            return False
        before = self.own.at(begin - 1)
        return self.dies(self.t_ns(before), self.t_ns(after))

    def findings(self) -> Iterator[str]:
        """Yield what is wrong with how it began, ended and began again."""
        own, at = self.own, self.own.at
        # A raw clock never goes back.
        back = (own.boot[1:] == own.boot[:-1]) & (own.mono_ns[1:] < own.mono_ns[:-1])
        for i in np.flatnonzero(back)[:1].tolist():
            line_s, next_s = self.t_ns(at(i)) / 1e9, self.t_ns(at(i + 1)) / 1e9
            yield f"{self.name} has a line of {line_s:.1f} s before one of {next_s:.1f} s"
        for a, b in ((at(i), at(i + 1)) for i in own.begins_and_ends()):
            at_s = self.t_ns(b) / 1e9
            if b.kind == "started" and a.kind != "stopped" and b.boot:
                if not self.dies(self.t_ns(a), self.t_ns(b)):
                    yield f"{self.name} started again at {at_s:.1f} s, which nobody planned"
            elif a.kind == "stopped" and b.kind != "started":
                yield f"{self.name} wrote on at {at_s:.1f} s after it had stopped"
        last = at(-1)
        last_ns = self.t_ns(last)
        when = f"{last_ns / 1e9:.1f} s"
        # A client ends when its load does.
        lasts = self.state == COMPLETE and not self.node.endswith(".client")
        if last.kind != "stopped":
            if not self._may_end(last_ns):
                yield (
                    f"{self.name} says nothing after {when} and never stopped: it died, or its"
                    " record lost its end"
                )
        elif lasts and last_ns < self.plan.end_ns - CLOSE_NS:
            yield f"{self.name} stopped at {when}, which nobody planned"

    def _may_end(self, last_ns: int) -> bool:
        """Return whether the plan lets it fall silent then, for good."""
        is_node = self.node == self.host
        for fault in self.faults("dead"):
            silent_ns = self._silent_ns(fault)
            # Only the node is started again when the power is back.
            lasting = self._lasting(fault) if is_node else fault.kind.reboots
            if lasting and fault.at_ns - silent_ns <= last_ns <= _last_death_ns(fault) + CLOSE_NS:
                return True
        return any(
            self._lasting(fault) and fault.at_ns - CLOSE_NS <= last_ns
            for fault in self.faults("still")
        )

    def _lasting(self, fault: PlannedFault) -> bool:
        """Return whether what the fault does is never taken back within the trial."""
        return fault.end_ns >= self.plan.end_ns - CLOSE_NS
