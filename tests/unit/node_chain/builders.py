"""Builders for chain tests: keys, a genesis, chains, transfers, a net of chains."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from coincurve import PrivateKey

from node.chain.chain import Chain
from node.chain.encoding.crypto import Verifier, public_key
from node.chain.genesis import Genesis, GenesisAccount, GenesisProducer
from node.chain.model.block import SignedBlock
from node.chain.model.errors import TransactionRejected
from node.chain.model.messages import (
    BlockReceived,
    BlockRestored,
    Broadcast,
    Effect,
    Emit,
    Persist,
    Relay,
    RequestSync,
    Tick,
    TransactionsReceived,
)
from node.chain.model.operation import Operation
from node.chain.model.transaction import Transaction, TransactionHeader, reference, sign_transaction
from node.chain.model.watermark import Watermark
from node.chain.profile import Executed
from node.chain.profiles import build
from node.events import Record

START_SLOT = 1_700_000_000 - 1_700_000_000 % 24
"""Starts a full round for 2, 3 or 4 producers with 1 to 3 blocks a turn."""
SHARED_VERIFIER = Verifier()
R = TypeVar("R", bound=Record)


def secret(name: str) -> PrivateKey:
    """Return the key of a name, the same each time."""
    return PrivateKey(sha256(name.encode()).digest())


def producer_names(count: int) -> list[str]:
    """Return producera, producerb, …"""
    return [f"producer{chr(ord('a') + i)}" for i in range(count)]


def accounts(balances: Mapping[str, int]) -> list[GenesisAccount]:
    """Return accounts of a genesis that own so much, each with the key of its name."""
    return [
        GenesisAccount(name=name, key=public_key(secret(name)).hex(), balance=balance)
        for name, balance in balances.items()
    ]


def make_genesis(producers: int = 4, blocks_per_turn: int = 2, **changes: object) -> Genesis:
    """Return a genesis with users a to d, who own 1,000 each; the first slot starts a round."""
    fields: dict[str, object] = {
        "initial_slot": START_SLOT - 1,
        "blocks_per_turn": blocks_per_turn,
        "producers": [
            GenesisProducer(name=name, key=public_key(secret(name)).hex())
            for name in producer_names(producers)
        ],
        "accounts": accounts(dict.fromkeys(("usera", "userb", "userc", "userd"), 1000)),
    }
    return Genesis(**{**fields, **changes})  # type: ignore[arg-type]


def make_chain(
    genesis: Genesis,
    producers: Sequence[str] = (),
    *,
    watermarks: Iterable[Watermark] = (),
    **options: Any,
) -> Chain:
    """Return a fresh chain that signs for producers; options are the chain's own."""
    return Chain(
        genesis,
        profile=build(genesis),
        keys={name: secret(name) for name in producers},
        watermarks={mark.producer: mark for mark in watermarks},
        verifier=SHARED_VERIFIER,
        **options,
    )


def tick(chain: Chain, slot: int, abstain: str | None = None) -> list[Effect]:
    """Feed the chain the moment slot begins."""
    return chain.step(Tick(now_ns=chain.slot_clock.time_ns(slot), slot=slot, abstain=abstain))


def receive(
    chain: Chain, block: SignedBlock, *, now_slot: int | None = None, late_ns: int = 0
) -> list[Effect]:
    """Feed the chain a block from a peer, by default at the block's own time."""
    now_ns = chain.slot_clock.time_ns(block.slot if now_slot is None else now_slot) + late_ns
    raw = chain.codec.encode(block)
    return chain.step(BlockReceived(now_ns=now_ns, block=block, raw=raw, peer="peer"))


def submit(
    chain: Chain, transaction: Transaction, *, slot: int, peer: str | None = None
) -> list[Effect]:
    """Feed the chain a transaction at slot's time."""
    now_ns = chain.slot_clock.time_ns(slot)
    event = TransactionsReceived(now_ns=now_ns, transactions=(transaction,), peer=peer)
    return chain.step(event)


def transfer(
    chain: Chain,
    amount: int = 1,
    *,
    sender: str = "usera",
    recipient: str = "userb",
    lives_s: int = 60,
    signer: str | None = None,
    ref: bytes | None = None,
    memo: bytes = b"",
) -> Transaction:
    """Return a signed transfer that refers to the chain's head (or ref)."""
    operation = chain.codec.transactions.transfer(sender, recipient, amount, memo)
    return signed(chain, operation, signers=(signer or sender,), lives_s=lives_s, ref=ref)


def signed(
    chain: Chain,
    *operations: Operation,
    signers: Sequence[str] | None = None,
    lives_s: int = 60,
    ref: bytes | None = None,
) -> Transaction:
    """Return operations that their authorities (or signers) signed, tied to the head (or ref)."""
    form = chain.codec.transactions
    tie = reference(chain.head.id if ref is None else ref, form.prefix_at)
    head_s = chain.slot_clock.time_ns(chain.head.slot) // 1_000_000_000
    authorities = sorted({operation.authority for operation in operations})
    return sign_transaction(
        form,
        TransactionHeader(head_s + lives_s, *tie),
        operations,
        chain_id=chain.chain_id,
        keys=[secret(name) for name in (authorities if signers is None else signers)],
    )


def signed_again(chain: Chain, transaction: Transaction, signer: str, **header: int) -> Transaction:
    """Return the operations signed for the chain under a header with those changes."""
    return sign_transaction(
        chain.codec.transactions,
        msgspec.structs.replace(transaction.header, **header),
        transaction.operations,
        chain_id=chain.chain_id,
        keys=[secret(signer)],
    )


def executed(chain: Chain, slot: int, transactions: Sequence[Transaction] = ()) -> Executed:
    """Return what execution gives the head's child in slot; what cannot be executed is left out."""
    head, profile, ledger = chain._fork_db.head.state, chain._profile, chain._ledger
    chain._pending.leave()
    ledger.begin(head, slot, profile.transaction_time_ns(head, profile.clock.time_ns(slot)))
    ledger.forget_expired()
    for transaction in transactions:
        with contextlib.suppress(TransactionRejected):
            ledger.execute(transaction, None)
    found = ledger.finish(profile.transaction_mroot(transactions))
    ledger.abort()
    return found


def notices(effects: Iterable[Effect]) -> list[Record]:
    """Return the records among effects."""
    return [effect.record for effect in effects if isinstance(effect, Emit)]


def of_kind(effects: Iterable[Effect], kind: type[R]) -> list[R]:
    """Return the records of one kind among effects."""
    return [record for record in notices(effects) if isinstance(record, kind)]


def blocks_of(effects: Iterable[Effect]) -> list[SignedBlock]:
    """Return the blocks effects say to store."""
    return [effect.block for effect in effects if isinstance(effect, Persist)]


class Net:
    """Chains that exchange what they send, at once, within groups that see each other."""

    def __init__(self, genesis: Genesis, owners: dict[str, Sequence[str]]) -> None:
        self.genesis = genesis
        self.chains = {host: make_chain(genesis, names) for host, names in owners.items()}
        self.log: dict[str, list[Effect]] = {host: [] for host in owners}
        self.stored: dict[str, dict[bytes, SignedBlock]] = {host: {} for host in owners}
        self.groups: list[set[str]] = [set(owners)]
        self.down: set[str] = set()

    def slot(self, slot: int) -> None:
        """Let slot begin everywhere, in order of hosts."""
        for host, chain in self.chains.items():
            if host not in self.down:
                self._carry_out(host, tick(chain, slot), slot)

    def run(self, first: int, last: int) -> None:
        """Let the slots first to last pass."""
        for slot in range(first, last + 1):
            self.slot(slot)

    def split(self, *groups: set[str]) -> None:
        """Cut the net into groups."""
        self.groups = [set(group) for group in groups]

    def heal(self, slot: int) -> None:
        """Join all again and let each learn what the others stored."""
        self.split(set(self.chains))
        for host in self.chains:
            for other in self.chains:
                for block in list(self.stored[other].values()):
                    self._deliver(host, other, block, slot)

    def restart(self, host: str, names: Sequence[str], marks: Iterable[Watermark] = ()) -> None:
        """Replace a chain by a new one, restored from what it stored."""
        lib_num = self.chains[host].lib.num
        chain = make_chain(self.genesis, names, watermarks=marks)
        for block in self.stored[host].values():
            on_branch = self.chains[host].branch_ids(block.num)[:1] == [block.id]
            irreversible = on_branch and block.num <= lib_num
            assert chain.step(BlockRestored(block=block, irreversible=irreversible)) == []
        self.chains[host] = chain

    def submit(self, host: str, transaction: Transaction, slot: int) -> None:
        """Hand a transaction in at host."""
        self._carry_out(host, submit(self.chains[host], transaction, slot=slot), slot)

    def _carry_out(self, host: str, effects: list[Effect], slot: int) -> None:
        self.log[host].extend(effects)
        peers = [
            peer
            for group in self.groups
            if host in group
            for peer in self.chains
            if peer in group and peer != host and peer not in self.down
        ]
        for effect in effects:
            match effect:
                case Persist():
                    self.stored[host][effect.block.id] = effect.block
                case Broadcast():
                    for peer in peers:
                        self._deliver(peer, host, effect.block, slot)
                case Relay():
                    for peer in peers:
                        now_ns = self.chains[peer].slot_clock.time_ns(slot)
                        event = TransactionsReceived(
                            now_ns=now_ns, transactions=effect.transactions, peer=host
                        )
                        self._carry_out(peer, self.chains[peer].step(event), slot)
                case RequestSync():
                    for block in list(self.stored[effect.peer].values()):
                        self._deliver(host, effect.peer, block, slot)
                case _:
                    pass

    def _deliver(self, host: str, source: str, block: SignedBlock, slot: int) -> None:
        chain = self.chains[host]
        if chain.has_block(block.id) or host in self.down:
            return
        now_ns, raw = chain.slot_clock.time_ns(slot), chain.codec.encode(block)
        event = BlockReceived(now_ns=now_ns, block=block, raw=raw, peer=source)
        self._carry_out(host, chain.step(event), slot)
