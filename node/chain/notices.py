"""The events a node publishes of a block: produced, applied, received, rejected, switched, …"""

from node.chain.fork_db import ForkItem
from node.chain.ledger.accounts import BALANCES
from node.chain.model.block import SignedBlock
from node.chain.model.errors import Reason
from node.chain.model.messages import Emit
from node.chain.profile import Contracts
from node.chain.snapshot import Snapshot
from node.events import (
    Applied,
    Ignored,
    Irreversible,
    Produced,
    Received,
    Rejected,
    Supply,
    Switched,
)


def produced(block: SignedBlock, size_bytes: int) -> Produced:
    """Return the notice of a block of our own that takes size_bytes on the wire."""
    return Produced(
        num=block.num,
        id=block.id.hex(),
        slot=block.slot,
        producer=block.producer,
        tx_count=len(block.transactions),
        size_bytes=size_bytes,
        confirmed=block.header.confirmed,
    )


def received(block: SignedBlock, size_bytes: int, peer: str) -> Received:
    """Return the notice of a block whose body of that size peer was the first to send."""
    return Received(
        num=block.num,
        id=block.id.hex(),
        slot=block.slot,
        producer=block.producer,
        from_=peer,
        size_bytes=size_bytes,
    )


def applied(block: SignedBlock, state_digest: bytes) -> Applied:
    """Return the notice of an executed block that is the head now."""
    return Applied(
        num=block.num,
        id=block.id.hex(),
        previous=block.previous.hex(),
        slot=block.slot,
        producer=block.producer,
        header=block.header.packed_for_id(block.signature).hex(),
        state_digest=state_digest.hex(),
        tx_count=len(block.transactions),
        transactions=[transaction.id[:8].hex() for transaction in block.transactions],
    )


def irreversible(num: int, block_id: bytes | None) -> Emit:
    """Return the notice of a block of the head's branch that is irreversible; its id is known."""
    assert block_id is not None
    return Emit(record=Irreversible(num=num, id=block_id.hex()))


def switched(old: ForkItem, new: ForkItem, ancestor: ForkItem) -> Switched:
    """Return the notice of a head that moved from one branch to another."""
    return Switched(
        old=old.id.hex(),
        new=new.id.hex(),
        old_num=old.num,
        new_num=new.num,
        depth=old.num - ancestor.num,
        ancestor=ancestor.id.hex(),
        ancestor_num=ancestor.num,
    )


def supply(found: Snapshot, contracts: Contracts) -> Supply:
    """Return the notice of who has how much in a snapshot of a chain with these contracts."""
    state, tables = found.state, found.ledger.tables
    unowned = contracts.unowned(tables)
    held = {"accounts": sum(tables[BALANCES.name].values()), **unowned.held}
    return Supply(num=state.num, id=state.id.hex(), held=held, issued=unowned.issued)


def rejected(block: SignedBlock, reason: Reason, peer: str) -> Emit:
    """Return the notice of a refused block."""
    record = Rejected(what="block", reason=reason, from_=peer, num=block.num, id=block.id.hex())
    return Emit(record=record)


def ignored(block: SignedBlock, slot: int, peer: str) -> Emit:
    """Return the notice of a block that was dropped because that of slot was being built."""
    return Emit(record=Ignored(slot=slot, from_=peer, num=block.num, id=block.id.hex()))
