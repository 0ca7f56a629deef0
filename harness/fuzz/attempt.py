"""One drawn campaign, run in the simulator and judged: text in, breaches out."""

from dataclasses import dataclass
from pathlib import Path

from harness.campaign import campaign_file
from harness.fuzz.judge import Breach, Witness
from harness.inspect import verify
from harness.plan import lab_view, planner
from harness.sim.campaign import world_of
from harness.sim.faults import schedule
from metrics.model.run_folder import VIOLATED
from metrics.safety.supply import genesis_units
from node.chain import genesis, profiles
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
    breaches = witness.judge(
        tolerance_ns=planned.early_ns,
        two_stage=planned.two_stage,
        units=genesis_units(genesis.encode(world.spec.genesis)),
    )
    applied, final = witness.of("applied"), witness.of("irreversible")
    headers = verify.judge(profiles.build(world.spec.genesis), [*applied, *final])
    if headers.verdict == VIOLATED:
        breaches.append(Breach(invariant="I5", text=headers.evidence))
    return Outcome(
        blocks=max((line.num for line in applied), default=0),
        final=max((line.num for line in final), default=0),
        switches=len(witness.of("switched")),
        breaches=tuple(breaches),
    )
