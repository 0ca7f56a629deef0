"""The genesis file: who produces and owns what before the first block; it makes the chain id."""

import dataclasses
import struct
from hashlib import sha256
from typing import Literal

import msgspec

from node.chain.encoding.crypto import is_public_key, pack_key
from node.chain.encoding.name import name_to_u64, packed_name
from node.chain.encoding.pack import pack_bytes, pack_varuint
from node.chain.model.bitshares_rules import BitsharesRules
from node.chain.model.codec import MAX_BLOCK_BYTES
from node.chain.model.errors import GenesisError
from node.chain.model.fio_rules import FioRules
from node.chain.model.schedule import MAX_PRODUCERS, ProducerKey, ProducerSchedule, pack_producers
from node.chain.model.windows import Timing, Windows

SYSTEM_ACCOUNT = "eosio"
"""The account that may propose schedules, if the genesis gives it a key."""
MIN_BLOCK_BYTES = 1024


class GenesisProducer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A producer of the first schedule; key is a compressed secp256k1 public key in hex."""

    name: str
    key: str


class GenesisAccount(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account that exists from the start, and its balance."""

    name: str
    key: str
    balance: int


class Genesis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything all nodes of a chain must agree on beforehand; bitshares: for that profile only.

    The genesis block has slot initial_slot and number 1; the first slot anyone may produce in is
    the next. A slot of BitShares is a second of the chain, which slot_ns may let last as long as a
    lab wants. eosio only: timing says when in its slot a block is finished, and processing_ns,
    propagation_ns and last_block_ns are its `Windows`, None for upstream's; with lock_on_proposed a
    node does not leave a branch for one without what the former has pre-committed, unless more is
    irreversible there (experimental: it may cost liveness). The owner of system_key, a public key,
    may propose schedules as account `eosio`; "" for nobody. watermark num is what FIO's own nodes
    keep: a producer may sign one slot twice, on two branches. With fio accounts elect who produces;
    producers that are accounts, too, are registered from the start, in their order here.
    """

    profile: str = "eosio"
    contracts: Literal["fio"] = "fio"
    timing: Timing = "fio"
    initial_slot: int
    slot_ns: int = 500_000_000
    blocks_per_turn: int = 12
    producers: list[GenesisProducer]
    accounts: list[GenesisAccount] = []
    max_block_bytes: int = 1_048_576
    max_transaction_lifetime_s: int = 3600
    processing_ns: int | None = None
    propagation_ns: int | None = None
    last_block_ns: int | None = None
    lock_on_proposed: bool = False
    watermark: Literal["num_and_slot", "num"] = "num_and_slot"
    system_key: str = ""
    bitshares: BitsharesRules | None = None
    fio: FioRules | None = None


def encode(genesis: Genesis) -> bytes:
    """Return the genesis file's JSON."""
    return msgspec.json.format(msgspec.json.encode(genesis), indent=2) + b"\n"


def decode(data: bytes) -> Genesis:
    """Return the checked genesis in the JSON data.

    Raises:
        GenesisError: not JSON, an unknown or missing key, or values no chain can start from.
    """
    try:
        genesis = msgspec.json.decode(data, type=Genesis)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise GenesisError(str(error)) from error
    check(genesis)
    return genesis


def check(genesis: Genesis) -> None:
    """Check the rules the types cannot say.

    Raises:
        GenesisError: the message names the key.
    """
    _require(genesis.slot_ns > 0, "slot_ns must be positive")
    _require(0 <= genesis.initial_slot < 1 << 62, "initial_slot is out of range")
    _require(1 <= genesis.blocks_per_turn <= 1000, "blocks_per_turn must be 1..1000")
    _require(
        1 <= len(genesis.producers) <= MAX_PRODUCERS, f"producers: 1 to {MAX_PRODUCERS} are needed"
    )
    _require(
        MIN_BLOCK_BYTES <= genesis.max_block_bytes <= MAX_BLOCK_BYTES,
        f"max_block_bytes must be {MIN_BLOCK_BYTES}..{MAX_BLOCK_BYTES}",
    )
    _require(
        1 <= genesis.max_transaction_lifetime_s <= 1 << 31,
        "max_transaction_lifetime_s is out of range",
    )
    problem = windows(genesis).problem(genesis.slot_ns)
    _require(problem is None, "" if problem is None else "{}_ns {}".format(*problem))
    _check_system_key(genesis)
    _check_names("producers", genesis.producers)
    _check_names("accounts", genesis.accounts)
    for account in genesis.accounts:
        _require(account.balance >= 0, f"accounts: balance of {account.name} is negative")
    total = sum(account.balance for account in genesis.accounts)
    _require(total < 1 << 64, "accounts: the balances' sum does not fit 64 bits")
    _check_fio(genesis, total)


def chain_id(genesis: Genesis) -> bytes:
    """Return the hash of the packed genesis state: equal for equal rules, schedule and accounts."""
    parts = [
        pack_bytes(word.encode()) for word in (genesis.profile, genesis.contracts, genesis.timing)
    ]
    parts.append(
        struct.pack(
            "<QQIII",
            genesis.initial_slot,
            genesis.slot_ns,
            genesis.blocks_per_turn,
            genesis.max_block_bytes,
            genesis.max_transaction_lifetime_s,
        )
    )
    parts.append(schedule(genesis).pack())
    accounts = sorted(genesis.accounts, key=lambda account: account.name)
    parts.append(pack_varuint(len(accounts)))
    parts.extend(
        packed_name(account.name)
        + pack_key(bytes.fromhex(account.key))
        + struct.pack("<Q", account.balance)
        for account in accounts
    )
    if genesis.bitshares is not None:
        parts.append(msgspec.msgpack.encode(genesis.bitshares, order="deterministic"))
    if genesis.lock_on_proposed:
        parts.append(b"lock_on_proposed")
    if genesis.watermark != "num_and_slot":
        parts.append(b"watermark" + genesis.watermark.encode())
    if genesis.system_key:
        parts.append(b"system_key" + bytes.fromhex(genesis.system_key))
    if genesis.fio is not None:
        parts.append(b"fio" + msgspec.msgpack.encode(genesis.fio, order="deterministic"))
        parts.append(pack_producers([_key_of(producer) for producer in genesis.producers]))
    chosen = windows(genesis)
    if chosen != Windows.of(genesis.timing, genesis.slot_ns):
        parts.append(b"windows" + struct.pack("<QQQ", *dataclasses.astuple(chosen)))
    return sha256(b"".join(parts)).digest()


def windows(genesis: Genesis) -> Windows:
    """Return how long the chain's blocks may take, and how early its turns end."""
    return Windows.of(
        genesis.timing,
        genesis.slot_ns,
        processing_ns=genesis.processing_ns,
        propagation_ns=genesis.propagation_ns,
        last_block_ns=genesis.last_block_ns,
    )


def schedule(genesis: Genesis) -> ProducerSchedule:
    """Return the first schedule: version 0, producers in alphabetical order.

    With fio and initial system the first of them alone.
    """
    alone = genesis.fio is not None and genesis.fio.initial == "system"
    first = genesis.producers[:1] if alone else genesis.producers
    producers = sorted(first, key=lambda producer: producer.name)
    return ProducerSchedule(0, tuple(_key_of(producer) for producer in producers))


def _key_of(producer: GenesisProducer) -> ProducerKey:
    return ProducerKey(producer.name, bytes.fromhex(producer.key))


def _check_fio(genesis: Genesis, total: int) -> None:
    if genesis.fio is None:
        return
    accounts = frozenset(account.name for account in genesis.accounts)
    problem = genesis.fio.problem(len(genesis.producers), accounts)
    _require(problem is None, f"fio: {problem}")
    _require(total < 1 << 61, "accounts: with fio the balances' sum must fit 61 bits")


def _check_system_key(genesis: Genesis) -> None:
    if genesis.system_key == "":
        return
    try:
        key = bytes.fromhex(genesis.system_key)
    except ValueError as error:
        raise GenesisError(f"system_key: {error}") from error
    _require(is_public_key(key), "system_key is no compressed public key")
    taken = any(account.name == SYSTEM_ACCOUNT for account in genesis.accounts)
    _require(not taken, f"accounts: {SYSTEM_ACCOUNT} is the account of system_key")


def _check_names(where: str, entries: list[GenesisProducer] | list[GenesisAccount]) -> None:
    seen: set[str] = set()
    for entry in entries:
        try:
            name_to_u64(entry.name)
            key = bytes.fromhex(entry.key)
        except ValueError as error:
            raise GenesisError(f"{where}: {entry.name!r}: {error}") from error
        _require(0 < len(entry.name) <= 12, f"{where}: name {entry.name!r} must have 1..12 letters")
        _require(is_public_key(key), f"{where}: key of {entry.name} is no compressed public key")
        _require(entry.name not in seen, f"{where}: {entry.name} is there twice")
        seen.add(entry.name)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise GenesisError(message)
