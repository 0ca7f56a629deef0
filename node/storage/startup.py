"""Builds a node's parts from its configuration: genesis, keys, store, chain as it was.

Every refusal here is the operator's or the machine's and is one line.
"""

import gc
from collections.abc import Mapping
from pathlib import Path

from node.chain import genesis as genesis_file
from node.chain import profiles, snapshot
from node.chain.chain import Chain
from node.chain.encoding.crypto import PrivateKey, Verifier, public_key
from node.chain.encoding.pack import DecodeError
from node.chain.genesis import Genesis
from node.chain.model.errors import GenesisError
from node.chain.model.messages import BlockRestored
from node.chain.model.voice import Stance
from node.chain.validation import Judge, Trust
from node.config import ConfigError, NodeConfig, read_file
from node.storage.database import StoreError
from node.storage.store import Store


def seldom_collect() -> None:
    """Take what is there for lasting, and seldom look for garbage in cycles: of what a transfer
    leaves nearly nothing is.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)


def load_genesis(path: Path) -> Genesis:
    """Return the genesis in the file at path.

    Raises:
        ConfigError: unreadable, or not a genesis a chain can start from.
    """
    try:
        genesis = genesis_file.decode(read_file(path, "genesis"))
        profiles.build(genesis)  # What only the profile can refuse.
    except GenesisError as error:
        raise ConfigError(f"{path}: {error}") from error
    if genesis.bitshares is not None and genesis.bitshares.faithful_window:
        # A store's irreversible blocks stay; there, such a chain could not be restored.
        raise ConfigError(f"{path}: bitshares.faithful_window: only a simulator can; write false")
    return genesis


def load_keys(config: NodeConfig, genesis: Genesis) -> dict[str, PrivateKey]:
    """Return the signing key of each producer of this node; each must be the genesis' own.

    Where producers can be proposed later, others than those of the genesis may be named.

    Raises:
        ConfigError: a node that validates lightly has producers; a key file is unreadable,
        malformed, or of another producer.
    """
    if config.producers and config.validation == "light":
        raise ConfigError("validation: a node with producers must validate fully; write full")
    expected = {producer.name: producer.key for producer in genesis.producers}
    keys: dict[str, PrivateKey] = {}
    for producer in config.producers:
        path = Path(producer.key_file)
        key = read_key(path, "producers.key_file")
        if producer.name not in expected and not genesis.system_key and genesis.fio is None:
            raise ConfigError(f"producers: {producer.name} is not in {config.genesis}")
        if public_key(key).hex() != expected.get(producer.name, public_key(key).hex()):
            raise ConfigError(f"{path}: is not the key {config.genesis} has for {producer.name}")
        keys[producer.name] = key
    return keys


def read_key(path: Path, key: str) -> PrivateKey:
    """Return the secp256k1 secret key that the file under a configuration's key holds in hex.

    Raises:
        ConfigError: unreadable, or it holds none.
    """
    try:
        return PrivateKey.from_hex(read_file(path, key).decode().strip())
    except ValueError as error:
        raise ConfigError(f"{key}: {path}: not a secret key in hex") from error


def restore_chain(
    genesis: Genesis, keys: Mapping[str, PrivateKey], store: Store, config: NodeConfig, *,
    judge: Judge,
) -> Chain:  # fmt: skip
    """Return the chain with every block of the store in it, from the snapshot on if there is one.

    judge: what judges the blocks that come from then on.

    Raises:
        StoreError: a block cannot be read, or the irreversible chain does not come out again.
    """
    consensus, kept = profiles.build(genesis), store.snapshot()
    try:
        start = None if kept is None else snapshot.decode(kept, consensus)
    except DecodeError as error:
        raise StoreError(f"{store.snapshot_path}: is damaged ({error}); remove it") from error
    chain = Chain(
        genesis,
        profile=consensus,
        keys=keys,
        spare_keys=[read_key(Path(name), "spare_key_files") for name in config.spare_key_files],
        watermarks=store.watermarks(),
        verifier=Verifier(),
        enable_stale_production=config.enable_stale_production,
        trust=Trust(
            light=config.validation == "light", producers=frozenset(config.trusted_producers)
        ),
        snapshot=start,
        lib_age_ns_max=config.max_irreversible_block_age_ns,
        stance=Stance.of(config.supports, config.urgent),
        judge=judge,
    )
    last = chain.lib.num
    for raw, irreversible in store.restore(0 if start is None else last):
        try:
            block = chain.codec.decode(raw)
        except DecodeError as error:
            raise StoreError(f"{store.path}: a block is damaged ({error}); remove it") from error
        chain.step(BlockRestored(block=block, irreversible=irreversible))
        if irreversible:
            last = block.num
    if chain.lib.num < last:
        raise StoreError(f"{store.path}: is damaged above block {chain.lib.num}; remove it")
    return chain
