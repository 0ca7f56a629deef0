"""What the consensus system under test says of finality, before there is a chain.

With genesis, the only module of the plan that knows `node.chain`: the profile answers, the plan
writes it down, and everybody else reads it there.
"""

from harness.campaign.model import Campaign, ChainSpec
from harness.errors import PlanError
from metrics.model.plan import Bounds, Finality
from node.chain import profile, profiles
from node.chain.encoding.crypto import KEY_BYTES
from node.chain.genesis import MIN_BLOCK_BYTES
from node.chain.model.codec import MAX_BLOCK_BYTES
from node.chain.model.schedule import ProducerKey, pack_producers
from node.chain.validation import BLOCK_OVERHEAD_BYTES

_ANYBODY = ProducerKey("a", bytes(KEY_BYTES))


def finality(chain: ChainSpec) -> Finality:
    """Return how often, and how many of its producers must stand behind a block of the chain."""
    expected = _expected(chain)
    return Finality(stages=expected.stages, quorum=expected.quorum)


def predicted_lag(chain: ChainSpec) -> Bounds:
    """Return how many blocks later a block becomes final, at least and at most, all producing."""
    least, most = _expected(chain).lag_blocks
    return Bounds(min=least, max=most)


def refuse_sizes(campaign: Campaign, file: str) -> None:
    """Refuse blocks of sizes that no chain has, or in which the load or a schedule has no room.

    Raises:
        PlanError: one line with file, key and remedy.
    """
    most, key = campaign.chain.max_block_size, f"{file}: chain.max_block_size"
    if not MIN_BLOCK_BYTES <= most <= MAX_BLOCK_BYTES:
        problem = f"{most}B; write {MIN_BLOCK_BYTES}B to {MAX_BLOCK_BYTES}B"
        raise PlanError(f"{key}: {problem}")
    names = max((len(each.producers) for each in campaign.chain.setprods), default=0)
    # A header that carries a schedule beside a transaction that proposes one.
    schedule = 2 * len(pack_producers([_ANYBODY] * names)) if names else 0
    needed = BLOCK_OVERHEAD_BYTES + max(campaign.load.size if campaign.load else 0, schedule)
    if needed > most:
        raise PlanError(
            f"{key}: {most}B has no room for one transaction of this campaign; write {needed}B or"
            " more"
        )


def _expected(chain: ChainSpec) -> profile.Finality:
    system = profiles.SYSTEMS[chain.profile]
    return system.finality(chain.producers, chain.blocks_per_turn)
