"""What transactions say, and upstream's bytes of it: header, one action, no limits, no delay.

A transfer is action `transfer` of the token contract, a new schedule is action `setprods` of the
system account; both are authorized by one `active` permission.
"""

import struct
from dataclasses import dataclass

from node.chain.encoding.name import name_to_u64, u64_to_name
from node.chain.encoding.pack import DecodeError, Reader, pack_bytes
from node.chain.model.schedule import ProducerKey, pack_producers, read_producers

MAX_BODY_BYTES = 65_536
MAX_AMOUNT = (1 << 62) - 1
"""The largest amount of an asset."""
SYSTEM_ACCOUNT = "eosio"
TOKEN_ACCOUNT = "eosio.token"
SYMBOL = b"\x04EOS\x00\x00\x00\x00"
"""4 decimals and three letters; every account's balance is in it."""
_TRANSFER = struct.pack("<QQ", name_to_u64(TOKEN_ACCOUNT), name_to_u64("transfer"))
_SETPRODS = struct.pack("<QQ", name_to_u64(SYSTEM_ACCOUNT), name_to_u64("setprods"))
_ACTIVE = struct.pack("<Q", name_to_u64("active"))
_NO_LIMITS_NO_DELAY = b"\x00\x00\x00"
_NO_CONTEXT_FREE_ACTIONS_ONE_ACTION = b"\x00\x01"
_NO_EXTENSIONS = b"\x00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Move amount from sender to recipient, until expiration_s (unix).

    ref_block_num and ref_block_prefix tie it to a branch (TaPoS): the low 16 bits of a block's
    number and 4 bytes of its id, little endian (EOSIO: 8..11, BitShares: 4..7).
    """

    expiration_s: int
    ref_block_num: int
    ref_block_prefix: int
    sender: str
    recipient: str
    amount: int
    memo: bytes = b""

    @property
    def actor(self) -> str:
        """Return the account whose key must sign."""
        return self.sender

    def action(self) -> tuple[bytes, bytes]:
        """Return (contract and action name, data)."""
        parties = struct.pack("<QQ", name_to_u64(self.sender), name_to_u64(self.recipient))
        data = parties + struct.pack("<q", self.amount) + SYMBOL + pack_bytes(self.memo)
        return _TRANSFER, data


@dataclass(frozen=True, slots=True, kw_only=True)
class SetProducers:
    """Propose who produces; only the system account may. The other fields are as in a transfer."""

    expiration_s: int
    ref_block_num: int
    ref_block_prefix: int
    producers: tuple[ProducerKey, ...]

    @property
    def actor(self) -> str:
        """Return the account whose key must sign."""
        return SYSTEM_ACCOUNT

    def action(self) -> tuple[bytes, bytes]:
        """Return (contract and action name, data)."""
        return _SETPRODS, pack_producers(self.producers)


Content = Transfer | SetProducers


def pack_body(content: Content) -> bytes:
    """Return the packed transaction without its signature.

    Source: eosio libraries/chain/include/eosio/chain/transaction.hpp (field order).
    """
    name, data = content.action()
    return b"".join(
        (
            struct.pack(
                "<IHI", content.expiration_s, content.ref_block_num, content.ref_block_prefix
            ),
            _NO_LIMITS_NO_DELAY,
            _NO_CONTEXT_FREE_ACTIONS_ONE_ACTION,
            name,
            b"\x01",
            struct.pack("<Q", name_to_u64(content.actor)),
            _ACTIVE,
            pack_bytes(data),
            _NO_EXTENSIONS,
        )
    )


def read_body(body: bytes) -> Content:
    """Return what the packed transaction says.

    Raises:
        DecodeError: malformed, or something that this chain has no action for.
    """
    reader = Reader(body)
    expiration_s, num, prefix = reader.uint("<I"), reader.uint("<H"), reader.uint("<I")
    _expect(reader, _NO_LIMITS_NO_DELAY, "limits and delay must be zero")
    _expect(reader, _NO_CONTEXT_FREE_ACTIONS_ONE_ACTION, "one action is needed and no other")
    name = reader.take(16)
    _expect(reader, b"\x01", "one authorization is needed")
    actor = u64_to_name(reader.uint("<Q"))
    _expect(reader, _ACTIVE, "the permission must be active")
    data = Reader(reader.var_bytes(most=MAX_BODY_BYTES))
    _expect(reader, _NO_EXTENSIONS, "transaction extensions are not known here")
    reader.end()
    content: Content
    if name == _TRANSFER:
        content = Transfer(
            expiration_s=expiration_s,
            ref_block_num=num,
            ref_block_prefix=prefix,
            sender=u64_to_name(data.uint("<Q")),
            recipient=u64_to_name(data.uint("<Q")),
            amount=_read_amount(data),
            memo=data.var_bytes(most=MAX_BODY_BYTES),
        )
    elif name == _SETPRODS:
        content = SetProducers(
            expiration_s=expiration_s,
            ref_block_num=num,
            ref_block_prefix=prefix,
            producers=read_producers(data),
        )
    else:
        raise DecodeError("unknown action")
    data.end()
    if actor != content.actor:
        raise DecodeError("authorized by another account than the action needs")
    return content


def _read_amount(data: Reader) -> int:
    amount = data.uint("<q")
    if not 0 <= amount <= MAX_AMOUNT:
        raise DecodeError(f"amount {amount} is out of range")
    _expect(data, SYMBOL, "unknown symbol")
    return amount


def _expect(reader: Reader, wanted: bytes, otherwise: str) -> None:
    if reader.take(len(wanted)) != wanted:
        raise DecodeError(otherwise)
