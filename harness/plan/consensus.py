"""What the consensus system under test says of finality, before there is a chain.

With genesis, the only module of the plan that knows `node.chain`: the profile answers, the plan
writes it down, and everybody else reads it there.
"""

import struct
from collections.abc import Sequence

from harness.campaign.act_spec import ANY_KEY, ActSpec
from harness.campaign.model import Campaign, ChainSpec
from harness.errors import PlanError
from metrics.model.plan import Bounds, Finality
from node.chain import profile, profiles
from node.chain.genesis import MIN_BLOCK_BYTES, Genesis, GenesisAccount, GenesisProducer
from node.chain.model.codec import MAX_BLOCK_BYTES
from node.chain.model.transaction import PACKED_SIGNATURE_BYTES, TransactionHeader
from node.chain.validation import BLOCK_OVERHEAD_BYTES


def finality(chain: ChainSpec) -> Finality:
    """Return how often, and how many of its producers must stand behind a block of the chain."""
    expected = _expected(chain)
    return Finality(stages=expected.stages, quorum=expected.quorum)


def predicted_lag(chain: ChainSpec) -> Bounds:
    """Return how many blocks later a block becomes final, at least and at most, all producing."""
    least, most = _expected(chain).lag_blocks
    return Bounds(min=least, max=most)


def refuse_sizes(campaign: Campaign, accounts: Sequence[str], file: str) -> None:
    """Refuse blocks of sizes that no chain has, or in which the load or an act has no room.

    accounts: those of the genesis, by name.

    Raises:
        PlanError: one line with file, key and remedy.
    """
    most, key = campaign.chain.max_block_size, f"{file}: chain.max_block_size"
    if not MIN_BLOCK_BYTES <= most <= MAX_BLOCK_BYTES:
        problem = f"{most}B; write {MIN_BLOCK_BYTES}B to {MAX_BLOCK_BYTES}B"
        raise PlanError(f"{key}: {problem}")
    # A header may carry a schedule beside the transaction that proposes one.
    chain = campaign.chain
    acts = [2 * _size(chain, accounts, i, act, file) for i, act in campaign.acts.items()]
    needed = BLOCK_OVERHEAD_BYTES + max(campaign.load.size if campaign.load else 0, *acts, 0)
    if needed > most:
        raise PlanError(
            f"{key}: {most}B has no room for one transaction of this campaign; write {needed}B or"
            " more"
        )


def _size(chain: ChainSpec, accounts: Sequence[str], place: int, act: ActSpec, file: str) -> int:
    """Return the bytes of an act's transaction."""
    system = profiles.SYSTEMS[chain.profile]
    genesis = Genesis(
        profile=system.name,
        initial_slot=1,
        slot_ns=system.slot_ns,
        blocks_per_turn=system.blocks_per_turn,
        producers=[GenesisProducer(name="a", key=ANY_KEY)],
        accounts=[GenesisAccount(name=name, key=ANY_KEY, balance=0) for name in accounts],
    )
    form = profiles.build(genesis).transaction_rules.form
    try:
        body = form.pack(TransactionHeader(0, 0, 0), [act.operation(chain.profile)])
    except (ValueError, OverflowError, struct.error) as error:
        raise PlanError(
            f"{file}: timeline[{place}]: cannot be written as bytes: {error}"
        ) from error
    return len(body) + 2 * PACKED_SIGNATURE_BYTES


def _expected(chain: ChainSpec) -> profile.Finality:
    system = profiles.SYSTEMS[chain.profile]
    return system.finality(chain.scheduled, chain.blocks_per_turn)
