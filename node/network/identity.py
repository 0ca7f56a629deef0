"""Where a node listens and the keys it proves to own, from its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import zmq

from node.chain.genesis import Genesis
from node.config import ConfigError, NodeConfig, read_file
from node.network.gossip import burst_bytes_max

FRAME_SLACK_BYTES = 64 * 1024
"""What a frame may be longer than the blocks or transactions in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Where this node listens and the CURVE key pair (Z85) it proves to own."""

    listen: str
    port: int
    secret: bytes
    public: bytes
    frame_bytes_max: int


def load_identity(config: NodeConfig, genesis: Genesis) -> Identity:
    """Return where this node listens and its CURVE keys.

    Raises:
        ConfigError: the secret key file is unreadable or malformed.
    """
    path = Path(config.curve_secret_file)
    secret = read_file(path, "curve_secret_file").strip()
    try:
        public = public_of(secret)
        for peer in config.peers:
            if len(peer.curve_public.encode()) != 40:
                raise ConfigError(f"peers: curve_public of {peer.host}: 40 letters of Z85 needed")
    except ValueError as error:
        raise ConfigError(f"{path}: {error}") from error
    return Identity(
        listen=config.listen, port=config.node_port, secret=secret, public=public,
        frame_bytes_max=burst_bytes_max(genesis.max_block_bytes) + FRAME_SLACK_BYTES,
    )  # fmt: skip


def public_of(secret: bytes) -> bytes:
    """Return the public CURVE key of a secret one, both Z85.

    Raises:
        ValueError: not a Z85 key of 40 letters.
    """
    try:
        return zmq.curve_public(secret)
    except (zmq.ZMQError, ValueError, KeyError) as error:
        raise ValueError("not a CURVE secret key (40 letters of Z85)") from error
