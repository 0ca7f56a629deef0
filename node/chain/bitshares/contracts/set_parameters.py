"""Setting the chain's parameters: operation 201, ours, of the account that the genesis names."""

import dataclasses
from typing import ClassVar

import msgspec

from node.chain.bitshares.announcement import Decided
from node.chain.bitshares.contracts.rows import FIRST, IN_FORCE, PARAMETERS, WAITING
from node.chain.bitshares.parameters import Parameters
from node.chain.encoding.fields import Number
from node.chain.genesis import SYSTEM_ACCOUNT
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.operation import OpenBlock, Operation

SOME = Parameters(
    block_interval_s=1, maintenance_interval_s=1, maintenance_skip_slots=0, max_block_bytes=1
)


class SetParameters(Operation, frozen=True, kw_only=True):
    """Let these parameters be in force from the next maintenance on.

    Upstream it is the committee that changes them, by proposals; this stands for it in tests.
    """

    NUMBER: ClassVar = 201

    block_interval_s: Number
    maintenance_interval_s: Number
    maintenance_skip_slots: Number
    max_block_bytes: Number

    @property
    def authority(self) -> str:
        """Return the system account."""
        return SYSTEM_ACCOUNT

    @property
    def parameters(self) -> Parameters:
        """Return them as headers know them."""
        return Parameters(
            block_interval_s=self.block_interval_s,
            maintenance_interval_s=self.maintenance_interval_s,
            maintenance_skip_slots=self.maintenance_skip_slots,
            max_block_bytes=self.max_block_bytes,
        )

    @property
    def header_bytes(self) -> int:
        """Return the bytes of parameters, which are the same for all."""
        return len(Decided(parameters=SOME).pack())

    def fault(self) -> Reason | None:
        """Return bad_parameters for what no chain can have."""
        return None if self.parameters.problem() is None else Reason.BAD_PARAMETERS

    def apply(self, block: OpenBlock) -> None:
        """Let them wait, in the place of those that waited before.

        Raises:
            TransactionRejected: this chain, which began with others, cannot come to have them.
        """
        first = block.state.get(PARAMETERS, FIRST)
        before = block.state.get(PARAMETERS, WAITING) or block.state.get(PARAMETERS, IN_FORCE)
        assert before is not None
        new = msgspec.structs.replace(before, **dataclasses.asdict(self.parameters))
        if first is None or new.change_problem(first) is not None:
            raise TransactionRejected(Reason.BAD_PARAMETERS)
        block.state.put(PARAMETERS, WAITING, new)
