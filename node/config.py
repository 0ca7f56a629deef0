"""NodeConfig: the one file a node, its probe and its client start with; no unknown keys."""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from node.events.load_shape import STEADY, LoadShape

DEFAULT_NODE_PORT = 9000
DEFAULT_PROBE_PORT = 9001


class ConfigError(Exception):
    """The operator's configuration is wrong; the message names the file, the key and the remedy."""


class PeerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Another host of the lab: where it listens and the CURVE key (Z85) it must prove to own."""

    host: str
    address: str
    node_port: int = DEFAULT_NODE_PORT
    probe_port: int = DEFAULT_PROBE_PORT
    curve_public: str


class ProducerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A producer this node signs for; key_file (0600) holds the secp256k1 secret in hex."""

    name: str
    key_file: str


class ClockConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """NTP servers to check the wall clock against, and the file a clock fault may write.

    limit_ns None: min(slot/4, 2.5 s). With no servers, or required false, the clock is reported
    unverified but production is not held back (a run by hand on one machine).
    """

    ntp: list[str] = []
    required: bool = True
    limit_ns: int | None = None
    poll_ns: int = 10_000_000_000
    skew_file: str | None = None


class ActConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operation to ask for at at_ns (wall), by its word and its fields as people write them.

    keys: public keys in hex by the names that the fields give them; key_file holds the secret of
    the account `by`.
    """

    at_ns: int
    act: str
    by: str
    key_file: str
    fields: dict[str, Any] = {}
    keys: dict[str, str] = {}


class ClientConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This host's share of the load, from start_ns (wall) on, until end_ns."""

    rate_milli: Annotated[int, msgspec.Meta(ge=0)]
    """Transactions per 1,000 seconds, of a ramp at its start; 0 for a host that only acts."""
    shape: LoadShape = STEADY
    size_bytes: int
    seed: int
    start_ns: int
    end_ns: int
    account: str
    key_file: str
    acts: list[ActConfig] = []
    """In order of time."""


class HealthConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a node calls the network degraded or halted: by the filled share of the latest slots.

    Shares are parts of 10,000. window_slots: how many slots are looked at, 0 for those of two
    rounds; halted_below is by default where witnesses of BitShares stop (PROTOCOL C.5).
    """

    window_slots: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    degraded_below: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 9_000
    halted_below: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 3_300


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything a node needs besides genesis; paths may be relative to the file's folder."""

    host: str
    genesis: str
    state_dir: str
    events_dir: str
    listen: str
    node_port: int = DEFAULT_NODE_PORT
    probe_port: int = DEFAULT_PROBE_PORT
    socket: str
    """Path of the local Unix socket for queries and the client."""
    curve_secret_file: str
    peers: list[PeerConfig] = []
    producers: list[ProducerConfig] = []
    spare_key_files: list[str] = []
    """Further secrets, for when a schedule gives a producer of this node another key."""
    clock: ClockConfig = ClockConfig()
    client: ClientConfig | None = None
    enable_stale_production: bool = False
    max_irreversible_block_age_ns: int | None = None
    """Nothing is produced once the last irreversible block is this old; null: whatever its age."""
    validation: Literal["full", "light"] = "full"
    """light: signatures, expiration and TaPoS of transactions in blocks are taken on trust."""
    trusted_producers: list[str] = []
    """Producers whose blocks are validated lightly also by a node that validates fully."""
    supports: list[str] | None = None
    """Hard forks that blocks of its producers say they are ready for; null: all that there are."""
    urgent: list[str] = []
    """Hard forks that they want at once, as an emergency, without asking stakeholders."""
    health: HealthConfig = HealthConfig()
    byzantine_file: str | None = None
    """How the node lies while there is such a file (node/byzantine/behaviour.py); null: never."""
    event_kinds: list[str] | None = None
    """Events that are written; null: all. What lacks some is no run to be judged: for benches."""


_PATHS = ("genesis", "state_dir", "events_dir", "socket", "curve_secret_file")


def load(path: Path) -> NodeConfig:
    """Return the configuration in the JSON file at path, its relative paths made absolute.

    Raises:
        ConfigError: unreadable, not JSON, an unknown or missing key, a wrong type.
    """
    try:
        config = msgspec.json.decode(path.read_bytes(), type=NodeConfig)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    base = path.resolve().parent
    changes: dict[str, object] = {key: str(base / getattr(config, key)) for key in _PATHS}
    changes["producers"] = [
        msgspec.structs.replace(p, key_file=str(base / p.key_file)) for p in config.producers
    ]
    changes["spare_key_files"] = [str(base / name) for name in config.spare_key_files]
    if config.client is not None:
        client = config.client
        acts = [
            msgspec.structs.replace(act, key_file=str(base / act.key_file)) for act in client.acts
        ]
        changes["client"] = msgspec.structs.replace(
            client, key_file=str(base / client.key_file), acts=acts
        )
    if config.byzantine_file is not None:
        changes["byzantine_file"] = str(base / config.byzantine_file)
    if config.clock.skew_file is not None:
        skew_file = str(base / config.clock.skew_file)
        changes["clock"] = msgspec.structs.replace(config.clock, skew_file=skew_file)
    return msgspec.structs.replace(config, **changes)


def read_file(path: Path, key: str) -> bytes:
    """Return the content of the file that the configuration names under key.

    Raises:
        ConfigError: unreadable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{key}: {path}: {error.strerror}") from error
