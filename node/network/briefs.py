"""Blocks that name transactions instead of holding them: cut by who sends, filled by who has those.

No socket and no clock in here. What is filled has the very bytes of the block, or it is no block:
then, and where too much lacks, it must be asked for whole. So must one of which two transactions
begin alike. A lie costs its hearer one of a few places for a moment, and a block asked for twice.
"""

from dataclasses import dataclass, replace
from functools import cached_property

from node.chain.chain import Chain
from node.chain.encoding.pack import DecodeError
from node.chain.ledger.mempool import SHORT_BYTES
from node.chain.model.block import SignedBlock
from node.chain.model.codec import BlockCodec, decode_transaction
from node.chain.model.transaction import Transaction
from node.network import wire

OPEN_MAX = 16
OPEN_OF_PEER_MAX = 4
PARTS_BYTES_MAX = 1 << 20
"""How long the transactions together may be that are sent after a brief."""
WAIT_NS = 250_000_000
"""How long to wait for them."""


class Unfit(Exception):
    """A brief cannot be filled here, or not with what came: the block must be asked for whole."""


def cut(block: SignedBlock, codec: BlockCodec) -> wire.BlockBrief | None:
    """Return the brief of a block, None where it must go whole."""
    shorts = [transaction.id[:SHORT_BYTES] for transaction in block.transactions]
    shell = codec.encode(replace(block, transactions=()))
    if len(set(shorts)) < len(shorts) or len(shell) > wire.MAX_SHELL_BYTES:
        return None
    return wire.BlockBrief(shell, b"".join(shorts))


def parts(block: SignedBlock, positions: list[int]) -> list[Transaction] | None:
    """Return the transactions at those positions, None where they are too much to send so.

    Raises:
        DecodeError: the block has no such position.
    """
    if max(positions) >= len(block.transactions):
        raise DecodeError(f"position {max(positions)} of {len(block.transactions)} transactions")
    found = [block.transactions[position] for position in positions]
    small = sum([transaction.size_bytes for transaction in found]) <= PARTS_BYTES_MAX
    return found if small else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """A brief of which some transactions lack: None in found, at those positions."""

    shell: SignedBlock
    shorts: list[bytes]
    found: list[Transaction | None]
    lacking: list[int]
    until_ns: int


@dataclass(frozen=True)
class _Kept:
    """A block whose transactions are at hand; few are ever looked for, so it is when one is."""

    block: SignedBlock

    @cached_property
    def by_short(self) -> dict[bytes, Transaction]:
        """Return its transactions by how their ids begin."""
        return {one.id[:SHORT_BYTES]: one for one in self.block.transactions}


class Briefs:
    """Mutable: the briefs that wait for transactions, by block and by the peer that sent them."""

    def __init__(self, chain: Chain, *, bytes_max: int) -> None:
        """bytes_max: how long a block may ever be here."""
        self._chain = chain
        self._bytes_max = bytes_max
        self._open: dict[tuple[bytes, str], _Open] = {}
        self._kept: dict[bytes, _Kept] = {}

    def __len__(self) -> int:
        return len(self._open)

    def keep(self, block: SignedBlock) -> None:
        """Have what is in this block at hand: a block of another branch holds mostly the same."""
        self._kept[block.id] = _Kept(block)

    def let_go(self, block: SignedBlock) -> None:
        """Keep this block no more."""
        self._kept.pop(block.id, None)

    def read(self, brief: wire.BlockBrief) -> tuple[SignedBlock, list[bytes]]:
        """Return the block without its transactions, and how their ids begin.

        Raises:
            DecodeError: this is no brief.
        """
        shell, shorts = self._chain.codec.decode(brief.shell), brief.shorts
        if shell.transactions or not shorts or len(shorts) % SHORT_BYTES:
            raise DecodeError("no brief of a block")
        starts = range(0, len(shorts), SHORT_BYTES)
        return shell, [shorts[start : start + SHORT_BYTES] for start in starts]

    def open(
        self, peer: str, shell: SignedBlock, shorts: list[bytes], now_ns: int
    ) -> SignedBlock | list[int]:
        """Return the block of a brief, or the positions of the transactions that it still lacks.

        Raises:
            Unfit: see there.
        """
        if len(set(shorts)) < len(shorts):
            raise Unfit
        waiting = self._chain.mempool.find
        found = [waiting(short) or self._held(short) for short in shorts]
        lacking = [position for position, one in enumerate(found) if one is None]
        if not lacking:
            return self._filled(shell, found)
        self._open = {key: one for key, one in self._open.items() if one.until_ns > now_ns}
        of_peer = sum(sender == peer for _, sender in self._open)
        if len(self._open) >= OPEN_MAX or of_peer >= OPEN_OF_PEER_MAX:
            raise Unfit
        if len(lacking) > wire.MAX_PARTS:
            raise Unfit
        self._open[shell.id, peer] = _Open(
            shell=shell, shorts=shorts, found=found, lacking=lacking, until_ns=now_ns + WAIT_NS
        )
        return lacking

    def fill(self, peer: str, answer: wire.BlockParts) -> SignedBlock | None:
        """Return the block that an answer makes whole, None where nobody waits for the answer.

        Raises:
            DecodeError: there is something else than transactions in it.
            Unfit: they are others.
        """
        waiting = self._open.pop((answer.id, peer), None)
        if waiting is None:
            return None
        if sum(map(len, answer.raws)) > PARTS_BYTES_MAX or len(answer.raws) != len(waiting.lacking):
            raise Unfit
        form = self._chain.codec.transactions
        for position, raw in zip(waiting.lacking, answer.raws, strict=True):
            transaction = decode_transaction(raw, form)
            if transaction.id[:SHORT_BYTES] != waiting.shorts[position]:
                raise Unfit
            waiting.found[position] = transaction
        return self._filled(waiting.shell, waiting.found)

    def drop(self, block_id: bytes) -> None:
        """Wait no more for the transactions of a block that is here."""
        for key in [key for key in self._open if key[0] == block_id]:
            del self._open[key]

    def forget(self, peer: str) -> None:
        """Wait for nothing from peer."""
        for key in [key for key in self._open if key[1] == peer]:
            del self._open[key]

    def _held(self, short: bytes) -> Transaction | None:
        """Return a transaction of the kept blocks whose id begins so."""
        found = (kept.by_short.get(short) for kept in self._kept.values())
        return next((one for one in found if one is not None), None)

    def _filled(self, shell: SignedBlock, found: list[Transaction | None]) -> SignedBlock:
        """Return the block of a shell and all its transactions.

        Raises:
            Unfit: too long, or the header is of other transactions (or signed otherwise: no id
                covers signatures).
        """
        transactions = tuple([one for one in found if one is not None])
        size_bytes = sum([transaction.size_bytes for transaction in transactions])
        if size_bytes > self._bytes_max:
            raise Unfit
        block = replace(shell, transactions=transactions)
        if not self._chain.is_whole(block):
            raise Unfit
        return block
