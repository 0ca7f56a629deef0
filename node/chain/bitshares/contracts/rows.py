"""What a branch has of its witnesses and parameters: in force, and waiting for maintenance."""

from dataclasses import dataclass

from node.chain.bitshares.parameters import Parameters
from node.chain.state.state import Table


@dataclass(frozen=True, slots=True)
class ActiveWitnesses:
    """Who is active, by ascending N of the object ids 1.6.N."""

    ids: tuple[int, ...]


ACTIVE = Table("active_witnesses", str, ActiveWitnesses)
PARAMETERS = Table("parameters", str, Parameters)
IN_FORCE, WAITING, FIRST = "in_force", "waiting", "first"
"""Their keys: what holds now, what will from the next maintenance on, what the chain began with."""
KEYS = Table("signing_keys", int, bytes)
"""By id of a witness, the key that signs its blocks, from the block on after it was set."""
IDS = Table("witness_ids", str, int)
"""By name."""
GOVERNED = (ACTIVE, PARAMETERS, KEYS, IDS)
