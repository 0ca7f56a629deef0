"""The state that transactions change: balances, replay protection, the ring of recent ids.

Everything here belongs to one branch, the head's. A fork switch undoes blocks and applies others;
the journal of a block holds what it overwrote. The state digest chains each block's changes, so
that equal digests at equal ids mean equal states.
"""

import copy
import heapq
import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256

import msgspec

from node.chain.encoding.crypto import Verifier
from node.chain.encoding.name import name_to_u64
from node.chain.genesis import Genesis
from node.chain.model.block import Header
from node.chain.model.errors import Reason, TransactionRejected
from node.chain.model.schedule import ProducerKey, ProducerSchedule, Proposal
from node.chain.model.slot import NS_PER_S
from node.chain.model.transaction import Transaction, reference
from node.chain.model.transaction_body import SYSTEM_ACCOUNT, SetProducers, Transfer
from node.chain.profile import ChainState, Check, Opening, TransactionRules

ON_TRUST = frozenset[Check](("expiry", "lifetime", "tapos", "signature"))
"""What light validation, trusted producers and replay do not check again."""
RING_SIZE = 65_536


class LedgerImage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A ledger after one block, without the means to undo it; ring: the latest ids, in order."""

    balances: dict[str, int]
    seen: dict[bytes, int]
    ring: list[bytes]
    proposal: Proposal | None
    opening: Opening | None
    digest: bytes


@dataclass(slots=True)
class _Journal:
    """What one block overwrote, newest last, and the digest before it."""

    num: int
    digest: bytes
    proposal: Proposal | None
    opening: Opening | None
    balances: dict[str, int] = field(default_factory=dict)
    added: list[bytes] = field(default_factory=list)
    expired: list[tuple[int, bytes]] = field(default_factory=list)
    ring: tuple[int, bytes | None] | None = None


class Ledger:
    """The state at the head. One block at a time: begin, execute …, then end or abort.

    Mutable: balances by account, seen transaction ids with their expiration, the TaPoS ring, the
    proposed schedule, journals of the reversible blocks, the digest.
    """

    __slots__ = (
        "_balances", "_by_expiry", "_chain_id", "_digest", "_journals", "_keys", "_lifetime_s",
        "_open", "_opening", "_proposal", "_ring", "_rules", "_seen", "_time_ns",
    )  # fmt: skip

    def __init__(
        self, genesis: Genesis, *, chain_id: bytes, genesis_id: bytes, rules: TransactionRules
    ) -> None:
        self._rules = rules
        self._chain_id = chain_id
        self._lifetime_s = genesis.max_transaction_lifetime_s
        self._balances = {account.name: account.balance for account in genesis.accounts}
        self._keys = {account.name: bytes.fromhex(account.key) for account in genesis.accounts}
        if genesis.system_key:
            self._keys[SYSTEM_ACCOUNT] = bytes.fromhex(genesis.system_key)
            self._balances.setdefault(SYSTEM_ACCOUNT, 0)
        self._proposal: Proposal | None = None
        self._opening: Opening | None = None
        self._seen: dict[bytes, int] = {}
        self._by_expiry: list[tuple[int, bytes]] = []
        self._ring: dict[int, bytes] = {int.from_bytes(genesis_id[:4], "big"): genesis_id}
        self._journals: deque[_Journal] = deque()
        self._open: _Journal | None = None
        self._time_ns = 0
        self._digest = sha256(chain_id + _pack_balances(self._balances.items())).digest()

    @property
    def digest(self) -> bytes:
        """Return the commitment to this branch's state."""
        return self._digest

    def balance(self, account: str) -> int:
        """Return what account owns, 0 for an account that does not exist."""
        return self._balances.get(account, 0)

    def balance_at(self, account: str, num: int) -> int:
        """Return what account owned after block num, which is not older than what can be undone."""
        for journal in self._journals:
            if journal.num > num and account in journal.balances:
                return journal.balances[account]
        return self.balance(account)

    @property
    def announced(self) -> ProducerSchedule | None:
        """Return the schedule that the header of the block at hand must carry."""
        return None if self._opening is None else self._opening.announced

    def complete(self, header: Header) -> Header:
        """Return the header of the open block with the schedule it must carry, if any."""
        if self.announced is None or self._rules.governance is None:
            return header
        return self._rules.governance.complete(header, self.announced)

    def id_at(self, num: int) -> bytes | None:
        """Return the id of this branch's block num, if it is among the last 65,536."""
        block_id = self._ring.get(num % RING_SIZE)
        if block_id is None or int.from_bytes(block_id[:4], "big") != num:
            return None
        return block_id

    def has_transaction(self, transaction_id: bytes) -> bool:
        """Return whether this branch holds the transaction and it has not expired yet."""
        return transaction_id in self._seen

    def check(self, transaction: Transaction, time_ns: int, verifier: Verifier | None) -> None:
        """Check that a transaction may be executed now in a block of time_ns.

        verifier None is light validation: signature, expiration and TaPoS are taken on trust, what
        execution needs is not. A reference to a block that does not exist yet is refused, also
        where upstream lets (0, 0) pass.

        Raises:
            TransactionRejected: the first rule broken, in the order of the rules.
        """
        for name in self._rules.order:
            if verifier is None and name in ON_TRUST:
                continue
            reason = self._broken(name, transaction, time_ns, verifier)
            if reason is not None:
                raise TransactionRejected(reason)
        match transaction.content:
            case Transfer(sender=sender, amount=amount):
                if self._balances[sender] < amount:
                    raise TransactionRejected(Reason.INSUFFICIENT_BALANCE)
            case SetProducers(producers=producers):
                self._next_proposal(producers)

    def _broken(
        self, name: Check, transaction: Transaction, time_ns: int, verifier: Verifier | None
    ) -> Reason | None:
        """The reason when the transaction fails that check."""
        content = transaction.content
        expiration_ns = content.expiration_s * NS_PER_S
        match name:
            case "expiry":
                return Reason.EXPIRED if expiration_ns < time_ns else None
            case "lifetime":
                late = expiration_ns > time_ns + self._lifetime_s * NS_PER_S
                return Reason.EXPIRATION_TOO_FAR if late else None
            case "tapos":
                known = self._ring.get(content.ref_block_num)
                if known is None:
                    return Reason.BAD_TAPOS
                prefix = reference(known, self._rules.prefix_at)[1]
                return Reason.BAD_TAPOS if prefix != content.ref_block_prefix else None
            case "accounts":
                other = content.recipient if isinstance(content, Transfer) else content.actor
                known_all = content.actor in self._keys and other in self._keys
                return None if known_all else Reason.UNKNOWN_ACCOUNT
            case "duplicate":
                return Reason.DUPLICATE if transaction.id in self._seen else None
            case "amount":
                nothing = isinstance(content, Transfer) and content.amount == 0
                return Reason.ZERO_AMOUNT if nothing else None
            case "signature":
                assert verifier is not None
                digest = transaction.signing_digest(self._chain_id)
                key = verifier.signer(digest, transaction.signature)
                return None if key == self._keys[content.actor] else Reason.BAD_SIGNATURE

    def _next_proposal(self, producers: tuple[ProducerKey, ...]) -> Proposal:
        """The proposal that a new schedule makes in the open block, or in the one after the head.

        Source: eosio libraries/chain/controller.cpp, set_proposed_producers.
        """
        num = self._journals[-1].num + 1 if self._journals else 0
        if self._open is not None:
            num = self._open.num
        waiting, opening = self._proposal, self._opening
        names = [producer.name for producer in producers]
        if opening is None or not names or names != sorted(set(names)):
            raise TransactionRejected(Reason.BAD_PRODUCERS)
        if waiting is not None and waiting.block_num != num:
            raise TransactionRejected(Reason.PROPOSAL_WAITS)
        if producers == (waiting.schedule if waiting else opening.latest).producers:
            raise TransactionRejected(Reason.SAME_PRODUCERS)
        version = opening.latest.version + 1
        return Proposal(num, ProducerSchedule(version, producers))

    def begin(self, parent: ChainState, slot: int, time_ns: int) -> None:
        """Open the child of parent in slot; ids that expired strictly before time_ns are forgotten.

        A proposal that is due leaves the state: the header carries it.
        """
        assert self._open is None
        journal = _Journal(parent.num + 1, self._digest, self._proposal, self._opening)
        self._open, self._time_ns = journal, time_ns
        if self._rules.governance is not None:
            self._opening = self._rules.governance.open(parent, slot, self._proposal)
            if self._opening.announced is not None:
                self._proposal = None
        while self._by_expiry and self._by_expiry[0][0] * NS_PER_S < time_ns:
            entry = heapq.heappop(self._by_expiry)
            if self._seen.get(entry[1]) == entry[0]:
                del self._seen[entry[1]]
                journal.expired.append(entry)

    def execute(self, transaction: Transaction, verifier: Verifier | None) -> None:
        """Execute a transaction in the open block; one that raises leaves no trace.

        Raises:
            TransactionRejected: a rule is broken at this point of the block.
        """
        journal = self._open
        assert journal is not None
        self.check(transaction, self._time_ns, verifier)
        content = transaction.content
        match content:
            case Transfer(sender=sender, recipient=recipient, amount=amount):
                for account, change in ((sender, -amount), (recipient, amount)):
                    journal.balances.setdefault(account, self._balances[account])
                    self._balances[account] += change
            case SetProducers(producers=producers):
                self._proposal = self._next_proposal(producers)
        self._seen[transaction.id] = content.expiration_s
        heapq.heappush(self._by_expiry, (content.expiration_s, transaction.id))
        journal.added.append(transaction.id)

    def end(self, block_id: bytes) -> bytes:
        """Close the open block under its id; return the new state digest."""
        journal = self._open
        assert journal is not None
        place = journal.num % RING_SIZE
        journal.ring = (place, self._ring.get(place))
        self._ring[place] = block_id
        changed = sorted((account, self._balances[account]) for account in journal.balances)
        parts = [self._digest, block_id, _pack_balances(changed), *journal.added]
        if self._proposal is not None:
            parts.append(
                struct.pack("<I", self._proposal.block_num) + self._proposal.schedule.pack()
            )
        self._digest = sha256(b"".join(parts)).digest()
        self._journals.append(journal)
        self._open = None
        return self._digest

    def abort(self) -> None:
        """Drop the open block."""
        assert self._open is not None
        self._restore(self._open)
        self._open = None

    def undo(self) -> None:
        """Take back the newest block."""
        assert self._open is None
        self._restore(self._journals.pop())

    def commit(self, num: int) -> None:
        """Give up undo for blocks up to num."""
        while self._journals and self._journals[0].num <= num:
            self._journals.popleft()

    def image(self, num: int) -> LedgerImage:
        """Return the state after block num, which is not older than what can be undone."""
        assert self._open is None
        twin = copy.copy(self)
        twin._balances, twin._seen = dict(self._balances), dict(self._seen)
        twin._by_expiry, twin._ring = list(self._by_expiry), dict(self._ring)
        twin._journals = deque(self._journals)
        while twin._journals and twin._journals[-1].num > num:
            twin.undo()
        return LedgerImage(
            balances=twin._balances,
            seen=twin._seen,
            ring=sorted(twin._ring.values()),
            proposal=twin._proposal,
            opening=twin._opening,
            digest=twin._digest,
        )

    def load(self, image: LedgerImage) -> None:
        """Begin with the state of an image, of which nothing can be undone."""
        assert not self._journals
        self._balances, self._seen = dict(image.balances), dict(image.seen)
        self._by_expiry = sorted((expires, i) for i, expires in image.seen.items())
        self._ring = {int.from_bytes(i[:4], "big") % RING_SIZE: i for i in image.ring}
        self._proposal, self._opening = image.proposal, image.opening
        self._digest = image.digest

    def _restore(self, journal: _Journal) -> None:
        self._balances.update(journal.balances)
        for transaction_id in journal.added:
            del self._seen[transaction_id]
        for entry in journal.expired:
            self._seen[entry[1]] = entry[0]
            heapq.heappush(self._by_expiry, entry)
        if journal.ring is not None:
            place, before = journal.ring
            if before is None:
                del self._ring[place]
            else:
                self._ring[place] = before
        self._digest, self._proposal = journal.digest, journal.proposal
        self._opening = journal.opening


def _pack_balances(balances: Iterable[tuple[str, int]]) -> bytes:
    return b"".join(
        struct.pack("<QQ", name_to_u64(account), amount) for account, amount in sorted(balances)
    )
