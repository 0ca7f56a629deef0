"""Where a node listens and the keys it proves to own, from its configuration."""

from __future__ import annotations

from pathlib import Path

from node.chain.genesis import Genesis
from node.config import ConfigError, NodeConfig, read_file
from node.network.gossip import burst_bytes_max
from node.network.links import Identity, public_of

FRAME_SLACK_BYTES = 64 * 1024
"""What a frame may be longer than the blocks or transactions in it."""


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
