"""Setting who is active: operation 200, ours, of the account that the genesis names for it."""

from typing import Annotated, ClassVar

import msgspec

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.contracts.rows import (
    ACTIVE,
    IN_FORCE,
    PARAMETERS,
    WAITING,
    ActiveWitnesses,
)
from node.chain.bitshares.contracts.voting.rows import NUMBERS, UNTOLD, WITNESSES, WitnessRow
from node.chain.encoding.crypto import is_public_key
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation
from node.chain.model.schedule import MAX_PRODUCERS, ProducerKey

ID_MAX = (1 << 32) - 1
ROOM_BYTES = 512
"""Of a block, for everything but this announcement and transactions."""


class SetWitnesses(Operation, frozen=True, kw_only=True):
    """Let these witnesses be the active ones from the next maintenance on.

    Their keys count from the next block on, as those of graphene's witness_update. Until there are
    votes, nobody else can change who is active; upstream has no such operation.
    """

    NUMBER: ClassVar = 200

    witnesses: Annotated[tuple[ProducerKey, ...], "producers"] = msgspec.field(name="schedule")

    @property
    def authority(self) -> str:
        """Return the system account."""
        return SYSTEM_ACCOUNT

    @property
    def header_bytes(self) -> int:
        """Return the bytes of all of them as newcomers."""
        keys = tuple((ID_MAX, witness.key) for witness in self.witnesses)
        return len(Decided(active=(ID_MAX,) * len(keys), keys=keys).pack())

    def fault(self) -> Reason | None:
        """Return bad_producers for none or too many, or for names that are not in order."""
        names = [witness.name for witness in self.witnesses]
        in_order = 0 < len(names) <= MAX_PRODUCERS and names == sorted(set(names))
        if not in_order:
            return Reason.BAD_PRODUCERS
        keys_are_fine = all(is_public_key(witness.key) for witness in self.witnesses)
        return None if keys_are_fine else Reason.BAD_KEY

    def apply(self, block: OpenBlock) -> None:
        """Set their keys, and let them wait in the place of who waited before.

        Raises:
            TransactionRejected: no witness has one of the names, or the header that must tell of
            them would leave no room in its block.
        """
        parameters = block.state.get(PARAMETERS, IN_FORCE)
        if parameters is None or self.header_bytes + ROOM_BYTES > parameters.max_block_bytes:
            raise TransactionRejected(Reason.TOO_LARGE)
        ids = []
        for witness in self.witnesses:
            number = block.state.get(NUMBERS, witness.name)
            if number is None:
                raise TransactionRejected(Reason.BAD_PRODUCERS)
            ids.append(number)
            rows = block.state.rows(WITNESSES)
            row = WitnessRow(number=number, position=len(rows), key=witness.key)
            block.state.put(WITNESSES, witness.name, row)
            block.state.put(UNTOLD, number, witness.key)
        block.state.put(ACTIVE, WAITING, ActiveWitnesses(tuple(sorted(ids))))
