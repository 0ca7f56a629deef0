"""The chain of each cell: what its genesis says, and what its system says of it beforehand. Pure.

Cells may have other chains than the first one. Hosts, faults and times are those of all cells, so
what faults hit, and how long all takes, goes by the strictest and the slowest of their chains.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from faults.model.fault import SECOND_NS
from harness.campaign.campaign_file import CampaignFile, Cell
from harness.plan import acts, consensus
from harness.plan.node_options import producer_names
from metrics.model.plan import Health, PlannedChain, PlannedFault, PlannedHost

CLOCK_LIMIT_MAX_NS = 2_500_000_000
WARMUP_MIN_NS = 10 * SECOND_NS


def chain_of(file: CampaignFile, cell: Cell, hosts: Sequence[PlannedHost]) -> PlannedChain:
    """Return the chain of a cell.

    Raises:
        PlanError: an account is on a host that is not there.
    """
    campaign, chain = cell.campaign, cell.campaign.chain
    named = {name for act in campaign.acts.values() for _, name in act.producers(chain.profile)}
    alike = [each.campaign for each in file.cells if each.campaign.chain == chain]
    return PlannedChain(
        profile=chain.profile,
        slot_ns=chain.slot // chain.interval_slots,
        interval_slots=chain.interval_slots,
        blocks_per_turn=chain.blocks_per_turn,
        clock_limit_ns=min(chain.slot // 4, CLOCK_LIMIT_MAX_NS),
        timing=chain.timing,
        processing_ns=chain.processing,
        propagation_ns=chain.propagation,
        last_block_ns=chain.last_block,
        lock_on_proposed=chain.lock_on_proposed,
        watermark=chain.watermark,
        max_block_bytes=chain.max_block_size,
        max_transaction_lifetime_s=chain.max_transaction_lifetime // SECOND_NS,
        max_irreversible_block_age_ns=chain.max_irreversible_block_age,
        health=Health(
            window_slots=chain.health.window or 0,
            degraded_below=round(chain.health.degraded_below * 10_000),
            halted_below=round(chain.health.halted_below * 10_000),
        ),
        system_account=acts.needs_system_account(alike),
        accounts=acts.accounts(campaign, hosts, file.path.name),
        fio=chain.fio_options(),
        bitshares=chain.bitshares_options(),
        asset=consensus.asset(chain),
        scheduled=chain.scheduled,
        finality=consensus.finality(
            chain, newcomers=len(named - set(producer_names(chain.producers)))
        ),
        prediction=consensus.predictions(chain),
    )


def weights(hosts: Sequence[PlannedHost]) -> dict[str, int]:
    """Return the number of producers of each host."""
    return {host.host: len(host.producers) for host in hosts}


def quorum(file: CampaignFile) -> int:
    """Return how many producers finality needs in whichever cell it needs most."""
    return max(consensus.finality(cell.campaign.chain).quorum for cell in file.cells)


def idle(file: CampaignFile) -> int:
    """Return how many producers have no slots in a full schedule, in the cell where most have."""
    chains = (cell.campaign.chain for cell in file.cells)
    return max(chain.producers - chain.scheduled for chain in chains)


@dataclass(frozen=True, slots=True)
class Timing:
    """Lengths that all trials of a plan share."""

    warmup_ns: int
    settle_ns: int
    end_ns: int

    @classmethod
    def of(cls, file: CampaignFile, trials: Sequence[Sequence[PlannedFault]]) -> Timing:
        """Return the lengths that let the slowest chain settle; trials: the faults of each."""
        campaign, chains = file.common, [cell.campaign.chain for cell in file.cells]
        finality_ns = max(consensus.predicted_lag(chain).max * chain.slot for chain in chains)
        default_ns = max(WARMUP_MIN_NS, 2 * finality_ns)
        warmup_ns = default_ns if campaign.warmup is None else campaign.warmup
        cooldown_ns = default_ns if campaign.cooldown is None else campaign.cooldown
        ends_ns = [f.at_ns + (f.for_ns or 0) for t in trials for f in t]
        ends_ns += [act.at for cell in file.cells for act in cell.campaign.acts.values()]
        last_ns = max(ends_ns, default=warmup_ns)
        slot_ns = math.lcm(*(chain.slot for chain in chains))
        return cls(
            warmup_ns=warmup_ns,
            settle_ns=min(2 * finality_ns, cooldown_ns // 2),
            end_ns=-(-(last_ns + cooldown_ns) // slot_ns) * slot_ns,
        )
