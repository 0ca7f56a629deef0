"""The files a trial begins with: genesis, keys and node.json of each host, and when T0 is.

Secrets are secp256k1 keys in hex, made once a lab and kept 0600 on the controller.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from coincurve import PrivateKey

from faults.host.layout import BEHAVIOUR
from harness.controller.state_dir import write_private
from harness.plan.acts import account_name
from metrics.model.cell_load import paces, sent_until_ns
from metrics.model.plan import Plan, PlannedAct, PlannedHost, PlannedTrial
from node.chain.encoding.written import by_word, read
from node.chain.genesis import (
    SYSTEM_ACCOUNT,
    Genesis,
    GenesisAccount,
    GenesisProducer,
    chain_id,
    decode,
    encode,
)
from node.chain.model.bitshares_rules import BitsharesRules
from node.chain.model.errors import GenesisError
from node.chain.model.fio_rules import FioRules
from node.chain.model.slot import EPOCH_NS
from node.chain.profiles import SYSTEMS
from node.config import (
    ActConfig,
    ClientConfig,
    ClockConfig,
    HealthConfig,
    NodeConfig,
    PeerConfig,
    ProducerConfig,
)

Secrets = Callable[[str], str]
"""Takes a name of the chain, of a producer or an account, and returns its secret in hex."""
RUN_DIR = "/run/slotlab"
CURVE_SECRET = "/etc/slotlab/curve.secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostAccess:
    """What a node must know of a host besides the plan: its link key and its time servers."""

    curve_public: str
    ntp: tuple[str, ...]
    state_dir: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFiles:
    """Everything `prepare` ships: by host, relative path to text; and what `start` starts there."""

    chain_id: str = ""
    genesis_slot: int = 0
    t0_ns: int = 0
    by_host: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, list[str]] = field(default_factory=dict)
    """A client only where there is a load: to find that there is none takes a slow host long."""


def first_round_ns(plan: Plan, *, not_before_ns: int) -> int:
    """Return T0: the earliest start of a full round that is not before the given wall time."""
    round_ns = plan.round_slots * plan.slot_ns
    return EPOCH_NS + -(-(not_before_ns - EPOCH_NS) // round_ns) * round_ns


def genesis_of(plan: Plan, *, t0_ns: int, keys: Secrets) -> Genesis:
    """Return the genesis of a trial whose first producible slot begins at t0_ns."""
    return Genesis(
        profile=plan.profile,
        initial_slot=(t0_ns - EPOCH_NS) // plan.slot_ns - 1,
        slot_ns=plan.slot_ns,
        blocks_per_turn=plan.blocks_per_turn,
        timing=plan.timing,
        processing_ns=plan.processing_ns,
        propagation_ns=plan.propagation_ns,
        last_block_ns=plan.last_block_ns,
        lock_on_proposed=plan.lock_on_proposed,
        watermark=plan.watermark,
        max_block_bytes=plan.max_block_bytes,
        max_transaction_lifetime_s=plan.max_transaction_lifetime_s,
        system_key=_public(keys(SYSTEM_ACCOUNT)) if plan.system_account else "",
        producers=[GenesisProducer(name=name, key=_public(keys(name))) for name in plan.producers],
        fio=None if plan.fio is None else msgspec.convert(plan.fio, FioRules),
        bitshares=(
            None if plan.bitshares is None else msgspec.convert(plan.bitshares, BitsharesRules)
        ),
        accounts=[
            GenesisAccount(name=own.name, key=_public(keys(own.name)), balance=own.balance)
            for own in plan.accounts
        ],
    )


def trial_files(
    plan: Plan, trial: PlannedTrial, *, t0_ns: int, keys: Secrets, access: Mapping[str, HostAccess]
) -> TrialFiles:
    """Return the files of a trial whose first producible slot begins at t0_ns."""
    plan = plan.of(trial)
    genesis = genesis_of(plan, t0_ns=t0_ns, keys=keys)
    text = encode(genesis).decode()
    by_host, units = {}, {}
    for host in plan.hosts:
        acts = [act for act in trial.acts if act.host == host.host]
        owned = [*host.producers, *(own.name for own in plan.accounts if own.host == host.host)]
        owned += [*plan.spare_keys.get(host.host, ()), *(act.by for act in acts)]
        owned = list(dict.fromkeys(owned))
        asked = [_act(plan, act, t0_ns, keys) for act in acts]
        client = _client(plan, trial, host, asked, t0_ns)
        config = _node_config(plan, host, client, access, lies=host.host in trial.liars)
        units[host.host] = ["node", "probe", *(["client"] if config.client else [])]
        by_host[host.host] = {
            "genesis.json": text,
            "node.json": msgspec.json.format(msgspec.json.encode(config), indent=1).decode(),
            **{f"keys/{name}.key": keys(name) + "\n" for name in owned},
        }
    return TrialFiles(
        chain_id=chain_id(genesis).hex(),
        genesis_slot=genesis.initial_slot,
        t0_ns=t0_ns,
        by_host=by_host,
        units=units,
    )


def begun(text: bytes) -> TrialFiles:
    """Return what a genesis.json that `trial_files` made says of its trial, without any file.

    Raises:
        ValueError: it is none.
    """
    try:
        genesis = decode(text)
    except GenesisError as error:
        raise ValueError(str(error)) from error
    return TrialFiles(
        chain_id=chain_id(genesis).hex(),
        genesis_slot=genesis.initial_slot,
        t0_ns=EPOCH_NS + (genesis.initial_slot + 1) * genesis.slot_ns,
    )


def kept_secret(folder: Path, name: str) -> str:
    """Return the secret of name from its file, mode 0600, made when first asked for."""
    path = folder / f"{name}.key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, PrivateKey().to_hex().encode() + b"\n")
    return path.read_text().strip()


def _public(secret: str) -> str:
    """Return the compressed public key of a secret, both in hex."""
    key: bytes = PrivateKey.from_hex(secret).public_key.format()
    return key.hex()


def _node_config(
    plan: Plan, host: PlannedHost, client: ClientConfig | None, access: Mapping[str, HostAccess],
    *, lies: bool,
) -> NodeConfig:  # fmt: skip
    """Return node.json; lies: whether the trial makes this very host lie, which no other may."""
    own = access[host.host]
    return NodeConfig(
        host=host.host,
        genesis="genesis.json",
        state_dir=f"{own.state_dir}/chain",
        events_dir=f"{own.state_dir}/events",
        listen=host.address,
        node_port=host.node_port,
        probe_port=host.probe_port,
        socket=f"{RUN_DIR}/node.sock",
        curve_secret_file=CURVE_SECRET,
        peers=[
            PeerConfig(
                host=peer.host, address=peer.address, node_port=peer.node_port,
                probe_port=peer.probe_port, curve_public=access[peer.host].curve_public,
            )
            for peer in plan.hosts
            if peer.host != host.host
        ],
        producers=[
            ProducerConfig(name=name, key_file=f"keys/{name}.key")
            for name in plan.producers_of(host)
        ],
        spare_key_files=[f"keys/{name}.key" for name in plan.spare_keys.get(host.host, ())],
        clock=ClockConfig(
            ntp=list(own.ntp), limit_ns=plan.clock_limit_ns, skew_file=f"{RUN_DIR}/skew"
        ),
        client=client,
        enable_stale_production=host.host in plan.enable_stale_production,
        health=HealthConfig(**msgspec.structs.asdict(plan.health)),
        max_irreversible_block_age_ns=plan.max_irreversible_block_age_ns,
        validation="light" if host.host in plan.light else "full",
        trusted_producers=plan.trusted_producers.get(host.host, []),
        supports=plan.supports.get(host.host),
        urgent=plan.urgent.get(host.host, []),
        byzantine_file=f"{own.state_dir}/{BEHAVIOUR}" if lies else None,
    )  # fmt: skip


def _client(
    plan: Plan, trial: PlannedTrial, host: PlannedHost, acts: list[ActConfig], t0_ns: int
) -> ClientConfig | None:
    """Return what this host sends, load and acts; None where the campaign has neither."""
    cell, hosts = plan.cell_of(trial), [other.host for other in plan.hosts]
    index = hosts.index(host.host)
    pace = paces(cell, len(hosts), sent_until_ns(plan.end_ns))[index]
    if not pace.peak_milli and not acts:
        return None
    account = account_name(index)
    return ClientConfig(
        rate_milli=pace.rate_milli,
        shape=pace.shape,
        size_bytes=cell.size_bytes,
        seed=trial.seed + index,
        start_ns=t0_ns,
        end_ns=t0_ns + pace.end_ns,
        account=account,
        key_file=f"keys/{account}.key",
        acts=acts,
    )


def _act(plan: Plan, act: PlannedAct, t0_ns: int, keys: Secrets) -> ActConfig:
    """Return an act as its client reads it: when, and the keys of the names that it gives."""
    named: dict[str, str] = {}

    def key_of(name: str) -> bytes:
        named[name] = _public(keys(name))
        return bytes.fromhex(named[name])

    read(by_word(SYSTEMS[plan.profile].operations)[act.act], act.by, act.fields, key_of)
    return ActConfig(
        at_ns=t0_ns + act.at_ns, act=act.act, by=act.by, key_file=f"keys/{act.by}.key",
        fields=act.fields, keys=named,
    )  # fmt: skip
