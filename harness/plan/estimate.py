"""What a run will cost: its time, and the bytes of its raw events. Pure."""

from collections.abc import Sequence

from faults.model.fault import SECOND_NS
from harness.campaign.chain_spec import ChainSpec
from metrics.model.cell_load import asked
from metrics.model.plan import SIM, Estimate, PlannedCell

TRIAL_OVERHEAD_NS = 20 * SECOND_NS
"""What a trial on hosts takes beside its own time: it is armed, collected and compared."""
SIM_RUN_NS, SIM_PAIR_SECOND_NS, SIM_BLOCK_NS, SIM_TRANSACTION_NS = (
    2 * SECOND_NS, 500_000, 100_000, 120_000,
)  # fmt: skip
"""What the simulator, with its report, takes of one core for a run, and for a second in which a
host probes another, for a block and a transaction at a host: measured, of 4 to 21 hosts."""


def estimate(
    trials: Sequence[tuple[ChainSpec, PlannedCell]], hosts: int, end_ns: int, lab: str
) -> Estimate:
    """Return time and raw bytes of trials, by chain and cell, from what slots and seconds cost."""
    seconds, raw_bytes, core_ns = end_ns // SECOND_NS, 0, SIM_RUN_NS
    cells = {cell.n: cell for _, cell in trials}
    sent_of = {n: asked(cell, seconds * SECOND_NS) for n, cell in cells.items()}
    for chain, cell in trials:
        blocks, sent = end_ns // chain.slot, sent_of[cell.n]
        empty = blocks * (chain.interval_slots - 1)
        per_host = blocks * 1_700 + empty * 250 + seconds * (600 + 1_300 * (hosts - 1))
        raw_bytes += hosts * per_host + sent * 4 * 260
        core_ns += hosts * (
            (hosts - 1) * seconds * SIM_PAIR_SECOND_NS
            + (blocks + empty) * SIM_BLOCK_NS
            + sent * SIM_TRANSACTION_NS
        )
    lasts_ns = core_ns if lab == SIM else (end_ns + TRIAL_OVERHEAD_NS) * len(trials)
    return Estimate(seconds=-(-lasts_ns // SECOND_NS), raw_bytes=raw_bytes)
