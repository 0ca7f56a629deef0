"""One drawn campaign, run in the simulator and judged: text in, breaches out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.campaign import campaign_file
from harness.fuzz.judge import Breach, Told, Witness
from harness.inspect import verify
from harness.inspect.verify import Seen
from harness.plan import lab_view, planner
from harness.sim.campaign import world_of
from harness.sim.faults import schedule
from harness.sim.world import World
from metrics.model.plan import Plan
from metrics.model.run_folder import VIOLATED
from node.chain import profiles
from node.chain.model.slot import EPOCH_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a trial did: blocks of its longest chain, irreversible ones, switches, breaches."""

    blocks: int
    final: int
    switches: int
    breaches: tuple[Breach, ...]

    def broke(self, invariant: str) -> bool:
        """Return whether the invariant did not hold."""
        return any(breach.invariant == invariant for breach in self.breaches)


def run(text: str) -> Outcome:
    """Return what the campaign in text does in the simulator; its first trial only."""
    file = campaign_file.parse(text, Path("drawn.yml"))
    planned = planner.build(file, lab_view.simulated(file))
    trial = planned.trials[0]
    witness = Witness(epoch_ns=EPOCH_NS, slot_ns=planned.slot_ns, liars=trial.liars)
    world, _ = world_of(planned, trial, witness, probes=False)
    schedule(world, trial.faults)
    witness.t0_ns = world.t0_ns
    world.run(planned.end_ns)
    world.stop()
    return _outcome(planned, witness, world)


def _outcome(planned: Plan, witness: Witness, world: World) -> Outcome:
    breaches = witness.judge(tolerance_ns=planned.early_ns, two_stage=planned.two_stage)
    headers = verify.judge(profiles.build(world.spec.genesis), _seen(witness))
    if headers.verdict == VIOLATED:
        breaches.append(Breach(invariant="I5", text=headers.evidence))
    return Outcome(
        blocks=max((line.num for line in witness.of("applied")), default=0),
        final=max((line.num for line in witness.of("irreversible")), default=0),
        switches=len(witness.of("switched")),
        breaches=tuple(breaches),
    )


def _seen(witness: Witness) -> Iterator[Seen]:
    executed: dict[str, Told] = {}
    for line in witness.of("applied"):
        executed.setdefault(line.id, line)
    for line in executed.values():
        yield Seen(
            kind="applied", host=line.host, num=line.num, id=line.id, previous=line.previous,
            slot=line.slot, producer=line.producer, header=line.header,
        )  # fmt: skip
    for final in witness.of("irreversible"):
        yield Seen(kind="irreversible", host=final.host, num=final.num, id=final.id)
