"""What the consensus system under test says of finality, before there is a chain.

With genesis, the only module of the plan that knows `node.chain`: the profile answers, the plan
writes it down, and everybody else reads it there.
"""

from harness.campaign.model import ChainSpec
from metrics.model.plan import Bounds, Finality
from node.chain import profile, profiles


def finality(chain: ChainSpec) -> Finality:
    """Return how often, and how many of its producers must stand behind a block of the chain."""
    expected = _expected(chain)
    return Finality(stages=expected.stages, quorum=expected.quorum)


def predicted_lag(chain: ChainSpec) -> Bounds:
    """Return how many blocks later a block becomes final, at least and at most, all producing."""
    least, most = _expected(chain).lag_blocks
    return Bounds(min=least, max=most)


def _expected(chain: ChainSpec) -> profile.Finality:
    system = profiles.SYSTEMS[chain.profile]
    return system.finality(chain.producers, chain.blocks_per_turn)
